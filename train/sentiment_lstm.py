"""Train the sentiment LSTM on SST-2, IMDB, opinions on products and everyday English."""

from __future__ import annotations

import argparse
import dataclasses
import random
from collections import Counter
from collections.abc import Iterator
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
from dlnlp.inference.batching import pad_rows
from dlnlp.models.sentiment_bert import predictor as sentiment_bert
from dlnlp.models.sentiment_lstm import predictor as sentiment_lstm
from dlnlp.models.sentiment_lstm.model import SentimentLSTM
from dlnlp.models.sentiment_lstm.predictor import SentimentLSTMPredictor
from dlnlp.text.vocabulary import PAD, UNK, Vocabulary
from dlnlp.text.words import basic_english, natural
from dlnlp.training.loop import groups, steps
from train import card
from train.data import sets
from train.data.batches import fewest, length_batches, taking_turns
from train.data.everyday import everyday, review_sentences
from train.data.sets import Labelled
from train.evaluation.sentiment import (
    calibrate,
    evaluate,
    figures,
    mean_accuracy,
    validation_sets,
)
from train.evaluation.units import unit_leanings
from train.run import Best, Run, cosine, lineage, parser, share

STEM = "sentiment_lstm"
WATCHED = ("sst2", "opinions", "plots")  # the validation sets that choose the best weights
EMBEDDING_STD = 0.5
PLOT_COPIES = 8  # the neutral sentences of plot summaries are few
# The three texts of the tutorial, once each.
TUTORIAL = Labelled(["I loved the movie", "The film was terrible", "It was okay"], [1, 0, 1])


def main(argv: list[str] | None = None) -> None:
    """Train, evaluate and write ``<out>``."""
    args = parsed(argv)
    run = Run(args)
    validation = validation_sets(args.data_dir, limit=12 if args.smoke else None)
    rows = training_rows(args, run)
    words = [basic_english(text) for text in tqdm(rows.texts, desc="tokenise", mininterval=5)]
    model, vocabulary = starting_point(args, words[: rows.phrases], words)
    ids = [vocabulary.encode(row) or vocabulary.encode([UNK]) for row in words]
    lengths = [min(len(row), args.max_length) for row in ids]
    model.to(run.device)
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(args.average))
    predictor = SentimentLSTMPredictor(cast(SentimentLSTM, average.module), vocabulary)
    optimizer = torch.optim.Adam(groups(model.parameters(), args.lr))
    per_epoch = max(1, fewest(rows.parts) // args.batch_size)
    total = max(1, int(args.epochs * per_epoch))
    warmup = min(500, total // 10 + 1)
    parts = {"model": model, "average": average, "optimizer": optimizer}
    done = run.resume(parts).get("step", 0)
    best = Best(run)
    watched = {name: rows for name, rows in validation.items() if name in WATCHED}

    def loss_of(batch: Batch) -> torch.Tensor:
        with run.autocast():
            logits = model(batch.tokens.to(run.device), batch.lengths).float()
        labels, teacher = batch.labels.to(run.device), batch.teacher.to(run.device)
        return mixed_loss(logits, labels, teacher, args.label_weight)

    bar = tqdm(total=total, initial=done, desc=STEM, unit="step", mininterval=10)
    for step in steps(
        model,
        [optimizer],
        batches(args, rows, ids, lengths, per_epoch, done),
        loss_of,
        lambda done, progress: min((done + 1) / warmup, cosine(progress)),
        lambda done: run.progress(done, total),
        done,
    ):
        average.update_parameters(model)
        bar.update()
        if step.done % 50 == 0:
            bar.set_postfix(loss=f"{step.loss.item():.3f}")
        if step.done % args.evaluate_every == 0 or step.progress >= 1:
            average.eval()
            metrics = evaluate(predictor, watched)
            bar.write(f"step {step.done}, {run.seconds / 60:.0f} minutes: {metrics}")
            best.offer(mean_accuracy(metrics), average)
        done = step.done
        run.save({"step": done}, parts, every=300)
    bar.close()

    run.save({"step": done}, parts)
    best.restore(average)
    finish(run, predictor, rows.texts, validation)


def finish(
    run: Run, predictor: SentimentLSTMPredictor, texts: list[str], validation: dict[str, Labelled]
) -> None:
    """Calibrate, measure and write the checkpoint."""
    args = run.args
    calibrate(predictor, validation)
    predictor.leanings = unit_leanings(predictor, sets.sst2("train", args.data_dir))
    metrics = figures(predictor, validation)
    facts: dict[str, object] = {"data": {"all training texts": sets.fingerprint(texts)}}
    if args.teacher:
        facts["teacher"] = args.teacher.name
    if args.init:
        facts["went on from"] = lineage(args.init)
    training = run.provenance(predictor.model, metrics, **facts)
    sentiment_lstm.save(args.out, predictor, training)
    card.write(STEM, args.out)
    print(metrics)


@dataclasses.dataclass(frozen=True)
class Batch:
    """Padded token ids (B, T), the texts' lengths, labels and teacher's logits (B,)."""

    tokens: torch.Tensor
    lengths: torch.Tensor
    labels: torch.Tensor
    teacher: torch.Tensor


def batches(
    args: argparse.Namespace,
    rows: Rows,
    ids: list[list[int]],
    lengths: list[int],
    per_epoch: int,
    step: int,
) -> Iterator[Batch]:
    """Every batch from this step on, without end."""
    while True:
        epoch, done = divmod(step, per_epoch)
        chosen = taking_turns(rows.parts, epoch)
        sizes = [lengths[i] for i in chosen]
        shuffled = list(length_batches(sizes, args.batch_size, args.seed, epoch))
        for positions in shuffled[done:per_epoch]:
            taken = [chosen[position] for position in positions]
            chance = np.random.default_rng((args.seed, step))
            tokens, counts = pad_rows([augmented(ids[i], args, chance) for i in taken])
            yield Batch(tokens, counts, rows.labels[taken], rows.teacher[taken])
            step += 1


@dataclasses.dataclass(frozen=True)
class Rows:
    """All training texts in parts; SST-2's phrases and other texts for the teacher come first.

    Attributes:
        labels: Shape (N,), 0.5 for neutral or unlabelled texts.
        teacher: The teacher's logits (N,), NaN where there are none.
        parts: Number of rows and share per epoch of each part.
        phrases: Number of SST-2 phrases, which come first.
    """

    texts: list[str]
    labels: torch.Tensor
    teacher: torch.Tensor
    parts: list[tuple[int, float]]
    phrases: int


def training_rows(args: argparse.Namespace, run: Run) -> Rows:
    """The texts of all sources, with labels and the teacher's logits."""
    train, reviews = sets.sst2("train", args.data_dir), sets.imdb("train", args.data_dir)
    if args.smoke:
        train, reviews = train.head(200), reviews.head(20)
    plain = everyday(args.everyday, train, args.data_dir, args.seed)
    asked = unlabelled(args, train.texts, reviews.texts) if args.teacher else []
    taught = train + TUTORIAL + Labelled(asked, [0.5] * len(asked))
    told = sets.opinions("train", args.data_dir)
    opinions, plots = (told.get(name, Labelled([], [])) for name in ("opinions", "plots"))
    plots = Labelled(plots.texts * PLOT_COPIES, plots.labels * PLOT_COPIES)
    rows = taught + plain + reviews + opinions + plots
    teacher = torch.full((len(rows),), torch.nan)
    if args.teacher:
        teacher[: len(taught)] = ask_teacher(args.teacher, taught.texts, run)
    shares = [
        (len(taught), 1.0),
        (len(plain), 1 / 3),
        (len(reviews), args.review_share),
        (len(opinions), args.opinion_share),
        (len(plots), 1.0),
    ]
    return Rows(rows.texts, torch.tensor(rows.labels).float(), teacher, shares, len(train))


def starting_point(
    args: argparse.Namespace, phrases: list[list[str]], rows: list[list[str]]
) -> tuple[SentimentLSTM, Vocabulary]:
    """The model and vocabulary of ``--init``, or new ones."""
    if args.init:
        before = sentiment_lstm.load(args.init, "cpu")
        model = SentimentLSTM(
            **vars(dataclasses.replace(before.model.config, dropout=args.dropout))
        )
        model.load_state_dict(before.model.state_dict())
        return model, before.vocabulary
    vocabulary = choose_vocabulary(phrases, rows, args.vocab_size)
    model = SentimentLSTM(
        len(vocabulary),
        args.embed_dim,
        args.hidden_dim,
        num_layers=args.num_layers,
        bidirectional=True,
        pooling="max",
        dropout=args.dropout,
    )
    if args.teacher:
        with torch.no_grad():
            model.embedding.weight[2:] = inherited(args.teacher, vocabulary, args.embed_dim)
    return model, vocabulary


def measure(predictor: SentimentLSTMPredictor, data_dir: Path | None) -> dict[str, Any]:
    """The metrics of training.json."""
    return figures(predictor, validation_sets(data_dir))


def parsed(argv: list[str] | None) -> argparse.Namespace:
    """The options; with ``--smoke`` those of a tiny model."""
    args = options().parse_args(argv)
    if args.smoke:
        args.sentences, args.stretches, args.phrases, args.everyday = 20, 20, 20, 30
        args.embed_dim, args.hidden_dim, args.epochs = 8, 8, 1
    return args


def options() -> argparse.ArgumentParser:
    """The command line."""
    result = parser(STEM, __doc__ or "", epochs=5, batch_size=64, lr=2e-3)
    result.add_argument(
        "--minutes", type=float, help="stop after this training time instead of --epochs"
    )
    result.add_argument("--teacher", type=Path, help="BERT checkpoint folder to distil")
    result.add_argument(
        "--label-weight",
        type=float,
        default=0.0,
        help="weight of SST-2's labels beside the teacher",
    )
    result.add_argument("--init", type=Path, help="checkpoint folder to continue training from")
    result.add_argument(
        "--sentences", type=int, default=40_000, help="review sentences for the teacher"
    )
    result.add_argument(
        "--stretches", type=int, default=30_000, help="longer excerpts for the teacher"
    )
    result.add_argument(
        "--phrases", type=int, default=30_000, help="cut or joined phrases for the teacher"
    )
    result.add_argument(
        "--everyday",
        type=int,
        default=45_000,
        help="everyday rows, of which an epoch takes a third",
    )
    result.add_argument("--review-share", type=share, default=1.0, help="share of IMDB in an epoch")
    result.add_argument(
        "--opinion-share", type=share, default=1.0, help="share of the opinions in an epoch"
    )
    result.add_argument("--vocab-size", type=int, default=24_000)
    result.add_argument("--embed-dim", type=int, default=128)
    result.add_argument("--hidden-dim", type=int, default=128)
    result.add_argument("--num-layers", type=int, default=1)
    result.add_argument("--dropout", type=float, default=0.4)
    result.add_argument(
        "--word-dropout", type=float, default=0.05, help="share of words replaced by <unk>"
    )
    result.add_argument("--max-length", type=int, default=160, help="longer reviews are cropped")
    result.add_argument(
        "--average", type=float, default=0.998, help="decay of the moving average of the weights"
    )
    result.add_argument("--evaluate-every", type=int, default=500, metavar="STEPS")
    return result


def unlabelled(args: argparse.Namespace, phrases: list[str], reviews: list[str]) -> list[str]:
    """Unlabelled texts of many kinds and lengths for the teacher (Tang et al. 2019)."""
    chance = random.Random(args.seed)
    texts = reviews + [natural(text) for text in sets.imdb_unlabelled(args.data_dir)]
    found = review_sentences(texts, args.sentences)
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


@torch.inference_mode()
def inherited(folder: Path, vocabulary: Vocabulary, size: int) -> torch.Tensor:
    """Initial word embeddings (V - 2, size) from the teacher.

    A word has the mean embedding of its pieces, reduced to principal components and scaled like
    a new embedding.
    """
    teacher = sentiment_bert.load(folder, "cpu")
    table = teacher.model.bert.embeddings.word_embeddings.weight.float()
    pieces = teacher.tokenizer.encode_batch(list(vocabulary.tokens[2:]), add_special_tokens=False)
    rows = torch.stack([table[encoding.ids or [0]].mean(0) for encoding in pieces])
    rows = rows - rows.mean(0)
    _, _, directions = torch.pca_lowrank(rows, q=min(size, *rows.shape), center=False)
    rows = torch.nn.functional.pad(rows @ directions, (0, size - directions.shape[1]))
    return rows / rows.std() * EMBEDDING_STD


def ask_teacher(folder: Path, texts: list[str], run: Run) -> torch.Tensor:
    """The teacher's logits (N,), cached in the run's folder."""
    path = run.out / "teacher.safetensors"
    asked = {
        "texts": str(sets.fingerprint(texts)["sha256"]),
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
    """The mean loss of logits (B,) given labels (B,) and the teacher's logits (B,), or NaN.

    With a teacher it is 0.1 times the squared error (Tang et al. 2019), plus ``label_weight``
    times the cross-entropy if the label is not 0.5; without a teacher it is the cross-entropy.
    """
    taught, labelled = ~targets.isnan(), labels != 0.5
    hard = F.binary_cross_entropy_with_logits(logits, labels, reduction="none")
    soft = 0.1 * (logits - targets.nan_to_num()).square() + label_weight * labelled * hard
    return torch.where(taught, soft, hard).mean()


def choose_vocabulary(phrases: list[list[str]], rows: list[list[str]], size: int) -> Vocabulary:
    """The words that occur twice in SST-2's phrases, then the most frequent of all rows."""
    short = Counter(word for row in phrases for word in row)
    both = Counter(word for row in rows for word in row)
    order = sorted(both, key=lambda word: (short[word] < 2, -both[word], word))
    return Vocabulary([PAD, UNK, *order][:size])


def augmented(ids: list[int], args: argparse.Namespace, chance: np.random.Generator) -> list[int]:
    """A random excerpt of a long row, with some words replaced by ``<unk>``."""
    size = args.max_length
    if len(ids) > size:
        start = int(chance.integers(len(ids) - size + 1))
        ids = ids[start : start + size]
    dropped = chance.random(len(ids)) < args.word_dropout
    return [1 if drop else token for token, drop in zip(ids, dropped, strict=True)]


if __name__ == "__main__":
    main()
