"""Train the next-token predictor on WikiText-2, Tatoeba's English side and IMDB reviews."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from dlnlp.models.token_transformer.model import TransformerModel
from dlnlp.models.token_transformer.predictor import TOKENIZER, TokenTransformerPredictor, save
from dlnlp.text.byte_level import BEGIN, BEGIN_ID, UNK, empty_tokenizer
from train import card, common, data

STEM = "token_transformer"


def main(argv: list[str] | None = None) -> None:
    """Train, evaluate and write ``<out>``."""
    args = options().parse_args(argv)
    run = common.Run(args)
    texts = corpora(args.data_dir, args.smoke)
    if args.smoke:
        args.vocab_size, args.d_model, args.nhead, args.num_layers = 300, 16, 2, 1
        args.context, args.batch_size, args.epochs = 32, 4, 1
    tokenizer = train_tokenizer(texts, args.vocab_size, run)
    streams = {name: encode(tokenizer, documents) for name, documents in texts.items()}
    model = TransformerModel(
        tokenizer.get_vocab_size(),
        args.d_model,
        args.nhead,
        args.num_layers,
        context=args.context,
        dropout=args.dropout,
    ).to(run.device)
    common.quicken(model)
    predictor = TokenTransformerPredictor(model, tokenizer)
    matrices, others = split_parameters(model)
    # Muon (Jordan 2024) for the hidden layers' matrices: fewer steps to the same loss.
    muon = torch.optim.Muon(matrices, lr=args.lr, adjust_lr_fn="match_rms_adamw")
    adam = torch.optim.AdamW(others, lr=args.lr, betas=(0.9, 0.95), weight_decay=0.0)
    parts = {"model": model, "muon": muon, "adam": adam}
    step = run.resume(parts).get("step", 0)
    best = common.Best(run)
    per_epoch = sum(1 for _ in epoch_batches(streams, args, 0))
    total = max(1, int(args.epochs * per_epoch))
    warmup = min(200, total // 10 + 1)

    bar = tqdm(total=total, initial=step, desc=STEM, unit="step", mininterval=10)
    while step < total:
        epoch, done = divmod(step, per_epoch)
        batches = list(epoch_batches(streams, args, epoch))
        for rows in batches[done : done + total - step]:
            for optimizer in (muon, adam):
                for group in optimizer.param_groups:
                    group["lr"] = args.lr * common.plateau(step, total, warmup, args.cooldown)
            tokens = torch.from_numpy(rows).long().to(run.device)  # (B, context + 1)
            model.train()
            with run.autocast():
                states = model.hidden(tokens[:, :-1]).flatten(0, 1)  # (B * context, C)
            states = states.bfloat16() if run.precision == "bf16" else states
            loss = token_loss(states, model.embedding.weight, tokens[:, 1:].flatten())
            model.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            muon.step()
            adam.step()
            step += 1
            bar.update()
            if step % 20 == 0:
                bar.set_postfix(loss=f"{loss.item():.3f}", epoch=epoch)
            if step % args.evaluate_every == 0 or step == total:
                perplexity = wikitext_perplexity(
                    predictor, args.data_dir, 500 if args.smoke else 60_000
                )
                bar.write(f"step {step}: {perplexity} per word of WikiText-2 (its beginning)")
                best.offer(-perplexity, model)
            run.save({"step": step}, parts, every=300)
    bar.close()

    run.save({"step": step}, parts)
    best.restore(model)
    metrics = measure(predictor, args.data_dir, args.smoke)
    used = {name: data.fingerprint(documents) for name, documents in texts.items()}
    save(args.out, predictor, run.provenance(model, metrics, data=used))
    card.write(STEM, args.out)
    print(metrics)


def options() -> argparse.ArgumentParser:
    """The command line."""
    result = common.parser(STEM, __doc__ or "", epochs=4, batch_size=16, lr=3e-3)
    result.add_argument("--vocab-size", type=int, default=10_000)
    result.add_argument("--d-model", type=int, default=512)
    result.add_argument("--nhead", type=int, default=8)
    result.add_argument("--num-layers", type=int, default=6)
    result.add_argument("--context", type=int, default=256)
    result.add_argument("--dropout", type=float, default=0.1)
    result.add_argument("--review-share", type=float, default=1.0, help="of IMDB in an epoch")
    result.add_argument("--sentence-share", type=float, default=1.0, help="of Tatoeba, likewise")
    result.add_argument(
        "--cooldown", type=float, default=0.3, help="last part of the steps, with falling rate"
    )
    result.add_argument("--evaluate-every", type=int, default=500, metavar="STEPS")
    return result


def corpora(data_dir: Path | None, smoke: bool) -> dict[str, list[str]]:
    """The documents to train on: WikiText-2 is one, a review or a sentence is one each."""
    wikitext = data.wikitext("train", data_dir)[0]
    sentences = list(dict.fromkeys(data.tatoeba("train", data_dir).english))
    reviews = data.imdb_text("train", data_dir)
    reviews += [data.review_text(text) for text in data.imdb_unlabelled(data_dir)]
    if smoke:
        wikitext, sentences, reviews = wikitext[:8000], sentences[:100], reviews[:10]
    return {"wikitext-2": [wikitext], "tatoeba": sentences, "imdb": reviews}


def train_tokenizer(texts: dict[str, list[str]], vocab_size: int, run: common.Run) -> Tokenizer:
    """Byte-level BPE of the three corpora in nearly equal parts; a resumed run keeps its own."""
    path = run.out / TOKENIZER
    if run.goes_on and path.is_file():
        return Tokenizer.from_file(str(path))
    tokenizer = empty_tokenizer()
    trainer = BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[UNK, BEGIN],
        initial_alphabet=ByteLevel.alphabet(),
        show_progress=False,
    )
    size = len(texts["wikitext-2"][0])
    parts = [texts["wikitext-2"][0].splitlines(keepends=True), texts["tatoeba"]]
    parts.append(texts["imdb"][: max(1, size // 1300)])
    tokenizer.train_from_iterator((line for part in parts for line in part), trainer)
    tokenizer.save(str(path))
    return tokenizer


def encode(tokenizer: Tokenizer, documents: list[str]) -> np.ndarray:
    """All documents as one row of ids, each after a begin token."""
    encoded = tokenizer.encode_batch_fast(documents)
    rows = [np.array([BEGIN_ID, *document.ids], dtype=np.int32) for document in encoded]
    return np.concatenate(rows)


def token_loss(states: Tensor, weight: Tensor, wanted: Tensor) -> Tensor:
    """Mean cross-entropy of wanted ids (N,) by states (N, C) and output weight (V, C).

    On a CPU the gradient is found with the loss, chunk by chunk, in half the time: the logits
    stay in its cache.
    """
    weight = weight.to(states.dtype)
    if states.device.type == "cpu":
        options = nn.LinearCrossEntropyOptions(batch_chunk_size=256, acc_policy="accurate")
        return F.linear_cross_entropy(states, weight, wanted, options=options)
    return F.cross_entropy(F.linear(states, weight).float(), wanted)


def epoch_batches(
    streams: dict[str, np.ndarray], args: argparse.Namespace, epoch: int
) -> Iterator[np.ndarray]:
    """Batches (B, context + 1) of windows in shuffled order, cut elsewhere in each epoch.

    Of a corpus with a share below 1, each epoch takes the next part.
    """
    shares = {"wikitext-2": 1.0, "tatoeba": args.sentence_share, "imdb": args.review_share}
    random = np.random.default_rng((args.seed, epoch))
    windows = []
    for name, stream in streams.items():
        turns = max(1, round(1 / shares[name]))
        # As many in every epoch, wherever it cuts: a resumed run counts on it.
        count = max(0, len(stream) // args.context - 2) // turns
        first = int(random.integers(args.context))
        starts = first + args.context * (epoch % turns + turns * np.arange(count))
        windows += [(name, int(start)) for start in starts]
    order = random.permutation(len(windows))
    for i in range(0, len(order) - args.batch_size + 1, args.batch_size):
        chosen = [windows[j] for j in order[i : i + args.batch_size]]
        yield np.stack([streams[n][start : start + args.context + 1] for n, start in chosen])


def split_parameters(
    model: torch.nn.Module,
) -> tuple[list[torch.nn.Parameter], list[torch.nn.Parameter]]:
    """The blocks' matrices, and all other parameters."""
    named = list(model.named_parameters())
    hidden = [p for name, p in named if name.startswith("blocks.") and p.ndim == 2]
    return hidden, [p for name, p in named if not (name.startswith("blocks.") and p.ndim == 2)]


def wikitext_perplexity(
    predictor: TokenTransformerPredictor, data_dir: Path | None, limit: int | None = None
) -> float:
    """Perplexity per word of WikiText-2's validation text, or of its first characters.

    The words are the data set's own tokens plus one end of line per line; the nats are
    those of all tokens of the text in natural spelling, ``<unk>`` included.
    """
    text, words = data.wikitext("validation", data_dir)
    part = text[:limit]
    return perplexity(predictor, [part], round(words * len(part) / len(text)))


def perplexity(predictor: TokenTransformerPredictor, documents: list[str], words: int) -> float:
    """e to the nats per word, over documents that are scored one by one."""
    was_training = predictor.model.training
    predictor.model.eval()
    nats = -sum(
        predictor.total(document) for document in tqdm(documents, disable=len(documents) < 9)
    )
    predictor.model.train(was_training)
    return round(float(np.exp(nats / words)), 2)


def measure(
    predictor: TokenTransformerPredictor, data_dir: Path | None, smoke: bool = False
) -> dict[str, Any]:
    """The three perplexities per word; of reviews and sentences, words are between spaces."""
    reviews = data.imdb_text("validation", data_dir)[:500]
    sentences = list(dict.fromkeys(data.tatoeba("validation", data_dir).english))
    if smoke:
        reviews, sentences = reviews[:2], sentences[:5]
    return {
        "wikitext2_validation_perplexity": wikitext_perplexity(
            predictor, data_dir, 500 if smoke else None
        ),
        "imdb_validation_perplexity": perplexity(predictor, reviews, _spaced(reviews)),
        "imdb_validation_reviews": len(reviews),
        "tatoeba_validation_perplexity": perplexity(predictor, sentences, _spaced(sentences)),
        "tatoeba_validation_sentences": len(sentences),
    }


def _spaced(documents: list[str]) -> int:
    return sum(len(document.split()) for document in documents)


if __name__ == "__main__":
    main()
