"""Train the next-token predictor on stories, articles, sentences and a few reviews."""

from __future__ import annotations

import argparse
import itertools
import random
from collections.abc import Iterator
from dataclasses import asdict
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
from dlnlp.models.token_transformer.predictor import (
    TOKENIZER,
    TokenTransformerPredictor,
    load,
    save,
)
from dlnlp.text.byte_level import BEGIN, BEGIN_ID, UNK, empty_tokenizer
from dlnlp.training.loop import groups, steps
from train import card
from train.data import sets
from train.data.mixture import Mixture
from train.evaluation.language_model import figures, perplexity, validation_sets
from train.fast_dropout import use_fast_dropout
from train.run import Best, Run, constant_then_linear, lineage, parser

STEM = "token_transformer"
# The weight of each corpus in the mixture; a corpus that is not there is left out.
SHARES = {
    "TinyStories": 6.0,
    "other stories": 42.0,
    "WikiText-2": 20.0,
    "Tatoeba": 4.0,
    "IMDB": 8.0,
}


def main(argv: list[str] | None = None) -> None:
    """Train, evaluate and write ``<out>``."""
    args = parsed(argv)
    run = Run(args)
    texts = corpora(args.data_dir, args.seed, args.smoke)
    predictor = starting_point(args, texts, run)
    model = predictor.model.to(run.device)
    use_fast_dropout(model)
    streams = {name: encode(predictor.tokenizer, documents) for name, documents in texts.items()}
    mixture = Mixture(streams, shares(args), model.config.context, args.seed)
    optimizers = make_optimizers(model, args)
    parts = {"model": model, **optimizers}
    done = run.resume(parts).get("step", 0)
    best = Best(run)
    watched = validation_sets(args.data_dir, args.smoke, whole=False)

    def loss_of(tokens: Tensor) -> Tensor:
        with run.autocast():
            states = model.hidden(tokens[:, :-1]).flatten(0, 1)  # (B * context, C)
        states = states.bfloat16() if run.precision == "bf16" else states
        return token_loss(states, model.embedding.weight, tokens[:, 1:].flatten())

    bar = tqdm(total=args.steps, initial=done, desc=STEM, unit="step", mininterval=60)
    for step in steps(
        model,
        list(optimizers.values()),
        batches(mixture, args, run, done),
        loss_of,
        lambda done, progress: min(
            (done + 1) / args.warmup, constant_then_linear(progress, args.cooldown)
        ),
        lambda done: run.progress(done, args.steps),
        done,
    ):
        bar.update()
        if step.done % 20 == 0:
            rate = args.lr * step.factor
            bar.set_postfix(loss=f"{step.loss.item():.3f}", lr=f"{rate:.1e}")
        if step.done % args.evaluate_every == 0 or step.progress >= 1:
            found = {name: perplexity(predictor, *each) for name, each in watched.items()}
            bar.write(f"step {step.done}, {run.seconds / 60:.0f} minutes: {found}")
            best.offer(-float(np.mean(np.log(list(found.values())))), model)
        done = step.done
        run.save({"step": done}, parts, every=300)
    bar.close()

    run.save({"step": done}, parts)
    best.restore(model)
    finish(run, predictor, texts, done)


def batches(mixture: Mixture, args: argparse.Namespace, run: Run, step: int) -> Iterator[Tensor]:
    """The token ids (B, context + 1) of every batch from this step on, without end."""
    for each in itertools.count(step):
        yield torch.from_numpy(mixture.batch(each, args.batch_size)).long().to(run.device)


def finish(
    run: Run, predictor: TokenTransformerPredictor, texts: dict[str, list[str]], step: int
) -> None:
    """Measure and write the checkpoint."""
    args = run.args
    predictor.model.eval()  # otherwise a GPU, which generates with these weights, uses dropout
    metrics = figures(predictor, args.data_dir, args.smoke)
    facts: dict[str, Any] = {
        "data": {name: sets.fingerprint(documents) for name, documents in texts.items()},
        "steps": step,
    }
    if args.init:
        facts["went on from"] = lineage(args.init)
    save(args.out, predictor, run.provenance(predictor.model, metrics, **facts))
    card.write(STEM, args.out)
    print(metrics)


def measure(predictor: TokenTransformerPredictor, data_dir: Path | None) -> dict[str, Any]:
    """The metrics of training.json."""
    return figures(predictor, data_dir)


def parsed(argv: list[str] | None) -> argparse.Namespace:
    """The options; with ``--smoke`` those of a tiny model."""
    args = options().parse_args(argv)
    if args.smoke:
        args.vocab_size, args.d_model, args.nhead, args.num_layers = 300, 16, 2, 1
        args.context, args.batch_size, args.steps, args.evaluate_every = 32, 4, 12, 6
    return args


def options() -> argparse.ArgumentParser:
    """The command line."""
    result = parser(STEM, __doc__ or "", batch_size=16, lr=1e-3)
    result.add_argument("--init", type=Path, help="checkpoint folder to continue training from")
    result.add_argument("--steps", type=int, default=20_000)
    result.add_argument(
        "--minutes", type=float, help="stop after this training time instead of --steps"
    )
    result.add_argument("--vocab-size", type=int, default=10_000)
    result.add_argument("--d-model", type=int, default=384)
    result.add_argument("--nhead", type=int, default=6)
    result.add_argument("--num-layers", type=int, default=6)
    result.add_argument("--context", type=int, default=256)
    result.add_argument("--dropout", type=float, default=0.2)
    for name, weight in SHARES.items():
        result.add_argument(
            f"--{slug(name)}-share",
            type=float,
            default=weight,
            metavar="WEIGHT",
            help=f"weight of {name} in the mixture (default: {weight})",
        )
    result.add_argument(
        "--optimizer",
        choices=("adamw", "muon"),
        default="adamw",
        help="muon computes in bf16, which is very slow on CPUs without it (default: adamw)",
    )
    result.add_argument("--warmup", type=int, default=100, metavar="STEPS")
    result.add_argument(
        "--cooldown", type=float, default=0.5, help="final share of the run with linear decay"
    )
    result.add_argument("--evaluate-every", type=int, default=250, metavar="STEPS")
    return result


def slug(name: str) -> str:
    """A corpus name as part of an option: lower case, with hyphens."""
    return name.lower().replace(" ", "-")


def shares(args: argparse.Namespace) -> dict[str, float]:
    """The weight of each corpus as given on the command line."""
    return {name: getattr(args, f"{slug(name)}_share".replace("-", "_")) for name in SHARES}


def corpora(data_dir: Path | None, seed: int, smoke: bool) -> dict[str, list[str]]:
    """The documents of each corpus in shuffled order.

    A document is an article, a story, a review or a sentence: unrelated texts never share one.
    """
    reviews = sets.imdb_text("train", data_dir)
    reviews += [sets.review_text(text) for text in sets.imdb_unlabelled(data_dir)]
    texts = {
        **sets.stories("train", data_dir),
        "WikiText-2": sets.wikitext_articles("train", data_dir),
        "Tatoeba": list(dict.fromkeys(sets.tatoeba("train", data_dir).english)),
        "IMDB": reviews,
    }
    for documents in texts.values():
        random.Random(seed).shuffle(documents)
    return {name: documents[:100] if smoke else documents for name, documents in texts.items()}


def starting_point(
    args: argparse.Namespace, texts: dict[str, list[str]], run: Run
) -> TokenTransformerPredictor:
    """The checkpoint to continue from, or a new tokenizer and model."""
    if args.init:
        before = load(args.init, "cpu")
        config = {**asdict(before.model.config), "dropout": args.dropout}
        model = TransformerModel(**config)
        model.load_state_dict(before.model.state_dict())
        return TokenTransformerPredictor(model, before.tokenizer)
    tokenizer = train_tokenizer(texts, args.vocab_size, run)
    model = TransformerModel(
        tokenizer.get_vocab_size(),
        args.d_model,
        args.nhead,
        args.num_layers,
        context=args.context,
        dropout=args.dropout,
    )
    return TokenTransformerPredictor(model, tokenizer)


def train_tokenizer(texts: dict[str, list[str]], vocab_size: int, run: Run) -> Tokenizer:
    """Byte-level BPE trained on equal parts of all corpora; a resumed run keeps its own."""
    path = run.out / TOKENIZER
    if run.is_resumed and path.is_file():
        return Tokenizer.from_file(str(path))
    tokenizer = empty_tokenizer()
    trainer = BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[UNK, BEGIN],
        initial_alphabet=ByteLevel.alphabet(),
        show_progress=False,
    )
    # Equal parts of all corpora, as many characters as the articles have.
    size = sum(map(len, texts["WikiText-2"]))
    parts = [limited(documents, size) for documents in texts.values()]
    tokenizer.train_from_iterator(itertools.chain.from_iterable(parts), trainer)
    tokenizer.save(str(path))
    return tokenizer


def limited(documents: list[str], characters: int) -> Iterator[str]:
    """The first documents, up to about this many characters in all."""
    for document in documents:
        if characters <= 0:
            return
        characters -= len(document)
        yield document


def encode(tokenizer: Tokenizer, documents: list[str]) -> np.ndarray:
    """All documents as one stream of ids (N,), each after a begin token."""
    encoded = tokenizer.encode_batch_fast(documents)
    rows = [np.array([BEGIN_ID, *document.ids], dtype=np.int32) for document in encoded]
    return np.concatenate(rows)


def token_loss(states: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy of target ids (N,) given states (N, C) and output weight (V, C).

    On a CPU, loss and gradient are computed together chunk by chunk. That takes half the time,
    because the logits stay in the CPU's cache.
    """
    weight = weight.to(states.dtype)
    if states.device.type == "cpu":
        options = nn.LinearCrossEntropyOptions(batch_chunk_size=256, acc_policy="accurate")
        return F.linear_cross_entropy(states, weight, targets, options=options)
    return F.cross_entropy(F.linear(states, weight).float(), targets)


def make_optimizers(
    model: TransformerModel, args: argparse.Namespace
) -> dict[str, torch.optim.Optimizer]:
    """AdamW, and with ``--optimizer muon`` Muon (Jordan 2024) for the matrices in the blocks."""
    if args.optimizer == "adamw":
        return {"adam": torch.optim.AdamW(groups(model.parameters(), args.lr), betas=(0.9, 0.98))}
    matrices, others = split_parameters(model)
    return {
        "muon": torch.optim.Muon(groups(matrices, args.lr), adjust_lr_fn="match_rms_adamw"),
        "adam": torch.optim.AdamW(groups(others, args.lr), betas=(0.9, 0.95), weight_decay=0.0),
    }


def split_parameters(
    model: torch.nn.Module,
) -> tuple[list[torch.nn.Parameter], list[torch.nn.Parameter]]:
    """The matrices in the blocks, and all other parameters."""
    named = list(model.named_parameters())
    hidden = [p for name, p in named if name.startswith("blocks.") and p.ndim == 2]
    return hidden, [p for name, p in named if not (name.startswith("blocks.") and p.ndim == 2)]


if __name__ == "__main__":
    main()
