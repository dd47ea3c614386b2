"""Train the character-level translator on English-French sentences, phrases and words."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from dlnlp.inference.batching import pad_rows
from dlnlp.models.char_seq2seq.model import EOS_ID, SOS_ID, CharSeq2Seq, Config
from dlnlp.models.char_seq2seq.predictor import (
    SPECIALS,
    CharSeq2SeqPredictor,
    load,
    save,
)
from dlnlp.text.casing import Casing
from dlnlp.text.language import LanguageCheck
from dlnlp.text.vocabulary import Vocabulary
from dlnlp.training.loop import groups, steps
from train import card, length_penalty
from train.data.batches import length_batches
from train.data.copying import COPIED, Copying
from train.data.pairs import CAPTIONS, Material, frequent_words
from train.data.sets import Pairs
from train.evaluation.translation import figures, recalled, translated, validation_sets
from train.fast_dropout import use_fast_dropout
from train.run import Best, Run, constant_then_linear, lineage, parser, share

STEM = "char_seq2seq"
WATCHED = ("Tatoeba", CAPTIONS)  # the validation sets that choose the best weights


def main(argv: list[str] | None = None) -> None:
    """Train, evaluate and write ``<out>``."""
    args = options().parse_args(argv)
    run = Run(args)
    material = Material.read(args.data_dir, smoke=args.smoke)
    if args.smoke:
        args.hidden_dim, args.embed_dim, args.batch_size, args.epochs = 16, 8, 16, 1
    copying = Copying(material.tatoeba)
    start = starting_point(args, material)
    model = start.model.to(run.device)
    source, target = start.source_vocabulary, start.target_vocabulary
    use_fast_dropout(model)
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(args.average))
    predictor = CharSeq2SeqPredictor(
        cast(CharSeq2Seq, average.module), source, target, start.length_penalty, start.language
    )
    optimizer = torch.optim.Adam(groups(model.parameters(), args.lr), betas=(0.9, 0.98))
    parts = {"model": model, "average": average, "optimizer": optimizer}
    done = run.resume(parts).get("step", 0)
    best = Best(run)
    watched = validation_sets(args.data_dir, args.smoke)
    words = frequent_words(material, 20 if args.smoke else 200)
    per_epoch = len(epoch_pairs(args, material, 0, copying)) // args.batch_size
    total = max(1, int(args.epochs * per_epoch))
    warmup = min(200, total // 10 + 1)

    def loss_of(rows: list[tuple[str, str]]) -> torch.Tensor:
        with run.autocast():
            return batch_loss(model, source, target, rows, args.label_smoothing)

    bar = tqdm(total=total, initial=done, desc=STEM, unit="step", mininterval=60)
    for step in steps(
        model,
        [optimizer],
        batches(args, material, copying, per_epoch, done),
        loss_of,
        lambda done, progress: min(
            (done + 1) / warmup, constant_then_linear(progress, args.cooldown)
        ),
        lambda done: run.progress(done, total),
        done,
    ):
        average.update_parameters(model)
        bar.update()
        if step.done % 50 == 0:
            rate = args.lr * step.factor
            bar.set_postfix(loss=f"{step.loss.item():.3f}", lr=f"{rate:.1e}")
        if step.done % args.evaluate_every == 0 or step.progress >= 1:
            found = glance(predictor, watched, words)
            bar.write(f"step {step.done}, {run.seconds / 60:.0f} minutes: {found}")
            best.offer(sum(found.values()) / len(found), average)
        done = step.done
        run.save({"step": done}, parts, every=300)
    bar.close()

    run.save({"step": done}, parts)
    best.restore(average)
    finish(run, predictor, material, done)


def finish(run: Run, predictor: CharSeq2SeqPredictor, material: Material, step: int) -> None:
    """Choose the length penalty, measure and write the checkpoint."""
    args = run.args
    predictor.length_penalty = length_penalty.tuned(predictor, args.data_dir, args.smoke)
    metrics = figures(predictor, args.data_dir, args.smoke)
    facts: dict[str, Any] = {"data": material.fingerprints(), "steps": step}
    if args.init:
        facts["went on from"] = lineage(args.init)
    save(args.out, predictor, run.provenance(predictor.model, metrics, **facts))
    card.write(STEM, args.out)
    print(metrics)


def glance(
    predictor: CharSeq2SeqPredictor, validation: dict[str, Pairs], words: dict[str, set[str]]
) -> dict[str, float]:
    """Greedy chrF on a part of the main validation sets and recall of words, to choose weights."""
    result = {
        name: translated(predictor, pairs, beam_size=1, limit=300).chrf
        for name, pairs in validation.items()
        if name in WATCHED
    }
    if words:
        result["words"] = recalled(predictor, words, beam_size=1)
    return result


def measure(predictor: CharSeq2SeqPredictor, data_dir: Path | None) -> dict[str, Any]:
    """The metrics of training.json."""
    return figures(predictor, data_dir)


def options() -> argparse.ArgumentParser:
    """The command line."""
    result = parser(STEM, __doc__ or "", epochs=8, batch_size=128, lr=2e-3)
    result.add_argument("--embed-dim", type=int, default=64)
    result.add_argument("--hidden-dim", type=int, default=512)
    result.add_argument("--encoder-layers", type=int, default=2)
    result.add_argument("--dropout", type=float, default=0.2)
    result.add_argument("--init", type=Path, help="checkpoint folder to continue training from")
    result.add_argument("--label-smoothing", type=float, default=0.1)
    result.add_argument(
        "--average", type=float, default=0.998, help="decay of the moving average of the weights"
    )
    result.add_argument(
        "--sentence-share", type=share, default=1.0, help="share of Tatoeba in an epoch"
    )
    result.add_argument(
        "--caption-share", type=share, default=1.0, help="share of the captions in an epoch"
    )
    result.add_argument(
        "--minutes", type=float, help="stop after this training time instead of --epochs"
    )
    result.add_argument(
        "--cooldown", type=float, default=0.5, help="final share of the run with linear decay"
    )
    result.add_argument("--evaluate-every", type=int, default=1000, metavar="STEPS")
    return result


def batches(
    args: argparse.Namespace, material: Material, copying: Copying, per_epoch: int, step: int
) -> Iterator[list[tuple[str, str]]]:
    """The pairs of every batch from this step on, without end."""
    while True:
        epoch, done = divmod(step, per_epoch)
        pairs = epoch_pairs(args, material, epoch, copying)
        sizes = [(len(english), len(french)) for english, french in pairs]
        shuffled = list(length_batches(sizes, args.batch_size, args.seed, epoch))
        for rows in shuffled[done:per_epoch]:
            yield [pairs[i] for i in rows]
            step += 1


def epoch_pairs(
    args: argparse.Namespace, material: Material, epoch: int, copying: Copying
) -> list[tuple[str, str]]:
    """The pairs of one epoch in the shares of the command line."""
    return material.epoch(epoch, args.seed, args.sentence_share, args.caption_share, copying)


def starting_point(args: argparse.Namespace, material: Material) -> CharSeq2SeqPredictor:
    """The model, vocabularies and length penalty of ``--init``, or new ones.

    The languages are learnt from the training pairs in either case.
    """
    english, french = zip(*material.sentences, *material.words, strict=True)
    language = LanguageCheck.build(english, french)
    if args.init:
        before = load(args.init, "cpu")
        model = CharSeq2Seq(dataclasses.replace(before.model.config, dropout=args.dropout))
        model.load_state_dict(before.model.state_dict())
        return CharSeq2SeqPredictor(
            model,
            before.source_vocabulary,
            before.target_vocabulary,
            before.length_penalty,
            language,
        )
    pairs = material.sentences + material.phrases
    source, target = (
        Vocabulary.build(side, specials=[*SPECIALS, *COPIED], min_count=1 if args.smoke else 10)
        for side in zip(*pairs, strict=True)
    )
    config = Config(
        len(source), len(target), args.embed_dim, args.hidden_dim, args.encoder_layers, args.dropout
    )
    return CharSeq2SeqPredictor(CharSeq2Seq(config), source, target, language=language)


def batch_loss(
    model: CharSeq2Seq,
    source: Vocabulary,
    target: Vocabulary,
    pairs: Sequence[tuple[str, str]],
    smoothing: float,
) -> torch.Tensor:
    """Mean cross-entropy per target character, including the end symbol.

    Both sides are cased as the predictor reads and writes them.
    """
    casings = [Casing(e) for e, _ in pairs]
    pairs = [(c.canonical(e), c.written(f)) for c, (e, f) in zip(casings, pairs, strict=True)]
    english, lengths = pad_rows([source.encode(e) for e, _ in pairs])
    french, _ = pad_rows([[SOS_ID, *target.encode(f), EOS_ID] for _, f in pairs])
    device = next(model.parameters()).device
    french = french.to(device, non_blocking=True)
    logits, _ = model(english.to(device, non_blocking=True), lengths, french[:, :-1])
    return F.cross_entropy(
        logits.float().flatten(0, 1),
        french[:, 1:].flatten(),
        ignore_index=0,
        label_smoothing=smoothing,
    )


if __name__ == "__main__":
    main()
