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
from train import card, common, data
from train.mixture import Mixture

STEM = "token_transformer"
# The weight of each corpus in the mixture; a corpus that is not there is left out.
SHARES = {
    "TinyStories": 22.0,
    "other stories": 38.0,
    "WikiText-2": 30.0,
    "Tatoeba": 7.0,
    "IMDB": 3.0,
}


def main(argv: list[str] | None = None) -> None:
    """Train, evaluate and write ``<out>``."""
    args = options().parse_args(argv)
    run = common.Run(args)
    texts = corpora(args.data_dir, args.seed, args.smoke)
    if args.smoke:
        args.vocab_size, args.d_model, args.nhead, args.num_layers = 300, 16, 2, 1
        args.context, args.batch_size, args.steps, args.evaluate_every = 32, 4, 12, 6
    predictor = starting_point(args, texts, run)
    model = predictor.model.to(run.device)
    common.quicken(model)
    streams = {name: encode(predictor.tokenizer, documents) for name, documents in texts.items()}
    mixture = Mixture(streams, shares(args), model.config.context, args.seed)
    optimizers = make_optimizers(model, args)
    parts = {"model": model, **optimizers}
    step = run.resume(parts).get("step", 0)
    best = common.Best(run)
    watched = validation_sets(args.data_dir, args.smoke, whole=False)

    bar = tqdm(total=args.steps, initial=step, desc=STEM, unit="step", mininterval=60)
    progress = run.progress(step, args.steps)
    while progress < 1 or step == 0:
        factor = min((step + 1) / args.warmup, common.plateau(progress, args.cooldown))
        for optimizer in optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = args.lr * factor
        tokens = torch.from_numpy(mixture.batch(step, args.batch_size)).long().to(run.device)
        model.train()
        with run.autocast():
            states = model.hidden(tokens[:, :-1]).flatten(0, 1)  # (B * context, C)
        states = states.bfloat16() if run.precision == "bf16" else states
        loss = token_loss(states, model.embedding.weight, tokens[:, 1:].flatten())
        model.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers.values():
            optimizer.step()
        step += 1
        progress = run.progress(step, args.steps)
        bar.update()
        if step % 20 == 0:
            bar.set_postfix(loss=f"{loss.item():.3f}", lr=f"{args.lr * factor:.1e}")
        if step % args.evaluate_every == 0 or progress >= 1:
            found = {name: perplexity(predictor, *each) for name, each in watched.items()}
            bar.write(f"step {step}, {run.seconds / 60:.0f} minutes: {found}")
            best.offer(-float(np.mean(np.log(list(found.values())))), model)
        run.save({"step": step}, parts, every=300)
    bar.close()

    run.save({"step": step}, parts)
    best.restore(model)
    metrics = measure(predictor, args.data_dir, args.smoke)
    facts: dict[str, Any] = {
        "data": {name: data.fingerprint(documents) for name, documents in texts.items()},
        "steps": step,
    }
    if args.init:
        facts["went on from"] = common.lineage(args.init)
    save(args.out, predictor, run.provenance(model, metrics, **facts))
    card.write(STEM, args.out)
    print(metrics)


def options() -> argparse.ArgumentParser:
    """The command line."""
    result = common.parser(STEM, __doc__ or "", batch_size=16, lr=1e-3)
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
    result.add_argument("--dropout", type=float, default=0.1)
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
        help="muon needs fewer steps, but its bf16 products are slow without bf16 hardware",
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
    reviews = data.imdb_text("train", data_dir)
    reviews += [data.review_text(text) for text in data.imdb_unlabelled(data_dir)]
    texts = {
        **data.stories("train", data_dir),
        "WikiText-2": data.wikitext_articles("train", data_dir),
        "Tatoeba": list(dict.fromkeys(data.tatoeba("train", data_dir).english)),
        "IMDB": reviews,
    }
    for documents in texts.values():
        random.Random(seed).shuffle(documents)
    return {name: documents[:100] if smoke else documents for name, documents in texts.items()}


def starting_point(
    args: argparse.Namespace, texts: dict[str, list[str]], run: common.Run
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


def train_tokenizer(texts: dict[str, list[str]], vocab_size: int, run: common.Run) -> Tokenizer:
    """Byte-level BPE trained on equal parts of all corpora; a resumed run keeps its own."""
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


def make_optimizers(
    model: TransformerModel, args: argparse.Namespace
) -> dict[str, torch.optim.Optimizer]:
    """AdamW, and with ``--optimizer muon`` Muon (Jordan 2024) for the matrices in the blocks."""
    if args.optimizer == "adamw":
        return {"adam": torch.optim.AdamW(model.parameters(), args.lr, betas=(0.9, 0.98))}
    matrices, others = split_parameters(model)
    return {
        "muon": torch.optim.Muon(matrices, lr=args.lr, adjust_lr_fn="match_rms_adamw"),
        "adam": torch.optim.AdamW(others, lr=args.lr, betas=(0.9, 0.95), weight_decay=0.0),
    }


def split_parameters(
    model: torch.nn.Module,
) -> tuple[list[torch.nn.Parameter], list[torch.nn.Parameter]]:
    """The blocks' matrices, and all other parameters."""
    named = list(model.named_parameters())
    hidden = [p for name, p in named if name.startswith("blocks.") and p.ndim == 2]
    return hidden, [p for name, p in named if not (name.startswith("blocks.") and p.ndim == 2)]


def validation_sets(
    data_dir: Path | None, smoke: bool, whole: bool
) -> dict[str, tuple[list[str], int]]:
    """Validation documents and their number of words, by name.

    WikiText-2 counts the data set's own tokens plus one end of line per line; the nats are those
    of all tokens of the text in natural spelling, ``<unk>`` included. Elsewhere words are what
    stands between spaces.

    Args:
        whole: All of it; otherwise the part that is looked at during training.
    """
    text, words = data.wikitext("validation", data_dir)
    part = text[: 500 if smoke else None if whole else 60_000]
    result = {"wikitext2": ([part], round(words * len(part) / len(text)))}
    for name, documents in data.stories("validation", data_dir).items():
        stride = 1 if whole or name == "TinyStories" else 3
        result[name.lower().replace(" ", "_")] = counted(
            documents[::stride][: 2 if smoke else None]
        )
    if whole:
        reviews = data.imdb_text("validation", data_dir)[: 2 if smoke else 500]
        sentences = list(dict.fromkeys(data.tatoeba("validation", data_dir).english))
        result["imdb"] = counted(reviews)
        result["tatoeba"] = counted(sentences[: 5 if smoke else None])
    return result


def counted(documents: list[str]) -> tuple[list[str], int]:
    """Documents and their number of words between spaces."""
    return documents, sum(len(document.split()) for document in documents)


def perplexity(predictor: TokenTransformerPredictor, documents: list[str], words: int) -> float:
    """e to the nats per word, over documents that are scored one by one."""
    was_training = predictor.model.training
    predictor.model.eval()
    nats = -sum(predictor.total(document) for document in documents)
    predictor.model.train(was_training)
    return round(float(np.exp(nats / words)), 2)


def measure(
    predictor: TokenTransformerPredictor, data_dir: Path | None, smoke: bool = False
) -> dict[str, Any]:
    """Perplexity per word on each validation set, and the number of its documents."""
    metrics: dict[str, Any] = {}
    for name, (documents, words) in validation_sets(data_dir, smoke, whole=True).items():
        metrics[f"{name}_validation_perplexity"] = perplexity(predictor, documents, words)
        if len(documents) > 1:
            metrics[f"{name}_validation_documents"] = len(documents)
    return metrics


if __name__ == "__main__":
    main()
