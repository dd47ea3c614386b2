"""Train the sentiment LSTM on SST-2's sentences and phrases and on IMDB reviews."""

from __future__ import annotations

import argparse
import dataclasses
import random
import re
from collections import Counter
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from dlnlp import checkpoint
from dlnlp.models.sentiment_bert import predictor as sentiment_bert
from dlnlp.models.sentiment_lstm import predictor as sentiment_lstm
from dlnlp.models.sentiment_lstm.model import Config, SentimentLSTM
from dlnlp.models.sentiment_lstm.predictor import SentimentLSTMPredictor, collate
from dlnlp.text.vocabulary import PAD, UNK, Vocabulary
from dlnlp.text.words import basic_english, natural
from train import card, common, data
from train.sentiment import calibrate, evaluate, everyday, figures, validation_sets

STEM = "sentiment_lstm"
EMBEDDING_STD = 0.5
TUTORIAL = data.Labelled(["I loved the movie", "The film was terrible", "It was okay"], [1, 0, 1])


def main(argv: list[str] | None = None) -> None:
    """Train, evaluate and write ``<out>``."""
    args = options().parse_args(argv)
    run = common.Run(args)
    train, reviews = data.sst2("train", args.data_dir), data.imdb("train", args.data_dir)
    validation = validation_sets(args.data_dir)
    if args.smoke:
        train, reviews = train.head(200), reviews.head(20)
        args.sentences, args.stretches, args.phrases, args.everyday = 20, 20, 20, 30
        validation = {name: rows.head(12) for name, rows in validation.items()}
        args.embed_dim, args.hidden_dim, args.epochs = 8, 8, 1
    plain = everyday(args.everyday, train, args.data_dir, args.seed)
    asked = unlabelled(args, train.texts, reviews.texts) if args.teacher else []
    # The tutorial's three texts stand once, like any other.
    taught = train + TUTORIAL + data.Labelled(asked, [0.5] * len(asked))
    used = taught + plain + reviews
    targets = torch.full((len(used),), torch.nan)  # the teacher's logits, where it was asked
    if args.teacher:
        targets[: len(taught)] = ask_teacher(args.teacher, taught.texts, run)
    words = [basic_english(text) for text in tqdm(used.texts, desc="tokenise", mininterval=5)]
    before = sentiment_lstm.load(args.init, "cpu") if args.init else None
    if before:
        vocabulary = before.vocabulary
        config = dataclasses.replace(before.model.config, dropout=args.dropout)
    else:
        vocabulary = choose_vocabulary(words, len(train), args.vocab_size)
        config = Config(
            len(vocabulary),
            args.embed_dim,
            args.hidden_dim,
            num_layers=args.num_layers,
            bidirectional=True,
            pooling="max",
            dropout=args.dropout,
        )
    ids = [vocabulary.encode(row) or vocabulary.encode([UNK]) for row in words]
    lengths = [min(len(row), args.max_length) for row in ids]
    model = SentimentLSTM(**vars(config))
    if before:
        model.load_state_dict(before.model.state_dict())
    elif args.teacher:
        with torch.no_grad():
            model.embedding.weight[2:] = inherited(args.teacher, vocabulary, args.embed_dim)
    model.to(run.device)
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(args.average))
    predictor = SentimentLSTMPredictor(cast(SentimentLSTM, average.module), vocabulary)
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
    parts = {"model": model, "average": average, "optimizer": optimizer}
    step = run.resume(parts).get("step", 0)
    best = common.Best(run)
    shares = [(len(taught), 1.0), (len(plain), 1 / 3), (len(reviews), args.review_share)]
    per_epoch = max(1, common.fewest(shares) // args.batch_size)
    total = max(1, int(args.epochs * per_epoch))

    bar = tqdm(total=total, initial=step, desc=STEM, unit="step", mininterval=10)
    while step < total:
        epoch, done = divmod(step, per_epoch)
        chosen = common.taking_turns(shares, epoch)
        sizes = [lengths[i] for i in chosen]
        batches = list(common.length_batches(sizes, args.batch_size, args.seed, epoch))[:per_epoch]
        for positions in batches[done : done + total - step]:
            batch = [chosen[position] for position in positions]
            chance = np.random.default_rng((args.seed, step))
            rows = [varied(ids[i], args.max_length, args.word_dropout, chance) for i in batch]
            labels = torch.tensor([used.labels[i] for i in batch], dtype=torch.float)
            factor = common.schedule(step, total, min(500, total // 10 + 1))
            optimizer.param_groups[0]["lr"] = args.lr * factor
            model.train()
            tokens, counts = collate(rows)
            with run.autocast():
                logits = model(tokens.to(run.device), counts).float()
            loss = mixed_loss(
                logits, labels.to(run.device), targets[batch].to(run.device), args.label_weight
            )
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            average.update_parameters(model)
            step += 1
            bar.update()
            if step % 50 == 0:
                bar.set_postfix(loss=f"{loss.item():.3f}", epoch=epoch)
            if step % args.evaluate_every == 0 or step == total:
                average.eval()
                metrics = evaluate(predictor, {"sst2": validation["sst2"]})
                bar.write(f"step {step}: {metrics}")
                best.offer(metrics["sst2_validation_accuracy"], average)
            run.save({"step": step}, parts, every=300)
    bar.close()

    run.save({"step": step}, parts)
    best.restore(average)
    calibrate(predictor, validation)
    metrics = figures(predictor, validation)
    facts: dict[str, object] = {"data": {"sst2, imdb, everyday": data.fingerprint(used.texts)}}
    if args.teacher:
        facts["teacher"] = args.teacher.name
    if args.init:
        facts["went on from"] = common.lineage(args.init)
    sentiment_lstm.save(args.out, predictor, run.provenance(model, metrics, **facts))
    card.write(STEM, args.out)
    print(metrics)


def measure(predictor: SentimentLSTMPredictor, data_dir: Path | None) -> dict[str, Any]:
    """The figures of training.json."""
    return figures(predictor, validation_sets(data_dir))


def options() -> argparse.ArgumentParser:
    """The command line."""
    result = common.parser(STEM, __doc__ or "", epochs=5, batch_size=64, lr=2e-3)
    result.add_argument("--teacher", type=Path, help="a BERT checkpoint folder to distil")
    result.add_argument(
        "--label-weight", type=float, default=0.0, help="of SST-2's labels beside its verdicts"
    )
    result.add_argument("--init", type=Path, help="a checkpoint folder to go on from")
    result.add_argument("--sentences", type=int, default=40_000, help="of reviews, for it to judge")
    result.add_argument("--stretches", type=int, default=30_000, help="longer ones, likewise")
    result.add_argument("--phrases", type=int, default=30_000, help="cut or joined, likewise")
    result.add_argument(
        "--everyday", type=int, default=45_000, help="generated and neutral rows, over 3 epochs"
    )
    result.add_argument("--review-share", type=float, default=1.0, help="of IMDB in an epoch")
    result.add_argument("--vocab-size", type=int, default=24_000)
    result.add_argument("--embed-dim", type=int, default=128)
    result.add_argument("--hidden-dim", type=int, default=128)
    result.add_argument("--num-layers", type=int, default=1)
    result.add_argument("--dropout", type=float, default=0.4)
    result.add_argument("--word-dropout", type=float, default=0.05, help="words made <unk>")
    result.add_argument("--max-length", type=int, default=160, help="longer reviews are cropped")
    result.add_argument("--average", type=float, default=0.998, help="decay of the weights' mean")
    result.add_argument("--evaluate-every", type=int, default=500, metavar="STEPS")
    return result


def unlabelled(args: argparse.Namespace, phrases: list[str], reviews: list[str]) -> list[str]:
    """Texts of many kinds and lengths for the teacher to judge (Tang et al. 2019)."""
    chance = random.Random(args.seed)
    texts = reviews + [natural(text) for text in data.imdb_unlabelled(args.data_dir)]
    found = sentences(texts, args.sentences)
    for text in chance.sample(texts, min(len(texts), args.stretches)):
        row = text.split()
        size = chance.randint(30, 110)
        start = chance.randrange(max(1, len(row) - size))
        found.append(" ".join(row[start : start + size]))
    for phrase in chance.choices(phrases, k=args.phrases):
        row = phrase.split()
        if chance.random() < 0.5 and len(row) > 4:  # a part of it
            size = chance.randint(3, len(row) - 1)
            start = chance.randrange(len(row) - size + 1)
            found.append(" ".join(row[start : start + size]))
        else:  # or two in one
            joint = chance.choice([" , but ", " and ", " . ", " ; ", " although "])
            found.append(phrase + joint + chance.choice(phrases))
    return list(dict.fromkeys(found))


def sentences(reviews: list[str], count: int) -> list[str]:
    """Sentences of 3 to 40 words from the reviews, spread over all of them."""
    found = []
    for review in reviews:
        parts = re.split(r"(?<=[.!?])\s+", review)
        found += [part for part in parts if 3 <= len(part.split()) <= 40][:4]
    step = max(1, len(found) // max(1, count))
    return found[::step][:count]


@torch.inference_mode()
def inherited(folder: Path, vocabulary: Vocabulary, size: int) -> torch.Tensor:
    """The teacher's embeddings of our words (V - 2, size), the mean of a word's pieces.

    Reduced to their principal components, and scaled as a new embedding would be.
    """
    teacher = sentiment_bert.load(folder, "cpu")
    table = teacher.model.bert.embeddings.word_embeddings.weight.float()
    pieces = teacher.tokenizer.encode_batch(list(vocabulary.tokens[2:]), add_special_tokens=False)
    rows = torch.stack([table[encoding.ids or [0]].mean(0) for encoding in pieces])
    rows = rows - rows.mean(0)
    _, _, directions = torch.pca_lowrank(rows, q=min(size, *rows.shape), center=False)
    rows = torch.nn.functional.pad(rows @ directions, (0, size - directions.shape[1]))
    return rows / rows.std() * EMBEDDING_STD


def ask_teacher(folder: Path, texts: list[str], run: common.Run) -> torch.Tensor:
    """The teacher's logits (N,), kept in the run's folder so that it is asked but once."""
    path = run.out / "teacher.safetensors"
    asked = {
        "texts": str(data.fingerprint(texts)["sha256"]),
        "teacher": checkpoint.sha256(folder / checkpoint.WEIGHTS),
    }
    if path.is_file():
        with safe_open(path, "pt") as kept:
            if kept.metadata() == asked:
                return cast(torch.Tensor, kept.get_tensor("logits"))
    teacher = sentiment_bert.load(folder, str(run.device))
    logits: list[float] = []
    for start in tqdm(range(0, len(texts), 4096), desc="teacher", mininterval=5):
        with run.autocast():
            logits += teacher.logits(texts[start : start + 4096])
    save_file({"logits": torch.tensor(logits)}, path, asked)
    return torch.tensor(logits)


def mixed_loss(
    logits: torch.Tensor, labels: torch.Tensor, targets: torch.Tensor, label_weight: float
) -> torch.Tensor:
    """The mean loss of logits (B,) with labels (B,), and the teacher's logits (B,) or NaN.

    Squared error where the teacher was asked (Tang et al. 2019), with a share of the
    cross-entropy where there is a label, too; cross-entropy elsewhere.
    """
    taught, labelled = ~targets.isnan(), labels != 0.5
    hard = F.binary_cross_entropy_with_logits(logits, labels, reduction="none")
    soft = 0.1 * (logits - targets.nan_to_num()).square() + label_weight * labelled * hard
    return torch.where(taught, soft, hard).mean()


def choose_vocabulary(rows: list[list[str]], sentences: int, size: int) -> Vocabulary:
    """All words that SST-2 has twice, then the reviews' most frequent."""
    short = Counter(word for row in rows[:sentences] for word in row)
    both = Counter(word for row in rows for word in row)
    order = sorted(both, key=lambda word: (short[word] < 2, -both[word], word))
    return Vocabulary([PAD, UNK, *order][:size])


def varied(
    ids: list[int], size: int, word_dropout: float, chance: np.random.Generator
) -> list[int]:
    """A random stretch of a long row, some words made unknown, as a reader may meet them."""
    if len(ids) > size:
        start = int(chance.integers(len(ids) - size + 1))
        ids = ids[start : start + size]
    dropped = chance.random(len(ids)) < word_dropout
    return [1 if drop else token for token, drop in zip(ids, dropped, strict=True)]


if __name__ == "__main__":
    main()
