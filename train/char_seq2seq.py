"""Train the character-level translator on English-French sentences, phrases and words."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch
from sacrebleu.metrics import BLEU, CHRF
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from dlnlp.models.char_seq2seq.model import EOS_ID, SOS_ID, CharSeq2Seq, Config
from dlnlp.models.char_seq2seq.predictor import (
    SPECIALS,
    CharSeq2SeqPredictor,
    collate,
    load,
    save,
)
from dlnlp.text.casing import Casing
from dlnlp.text.vocabulary import Vocabulary
from train import card, common, data
from train.copying import COPIED, Copying, is_copied
from train.pairs import CAPTIONS, Material, bare, frequent_words

STEM = "char_seq2seq"
WATCHED = ("Tatoeba", CAPTIONS)  # the validation sets that choose the best weights
LENGTH_GROUPS = ((1, 15), (16, 30), (31, 60), (61, 10_000))
CASES = (  # whatever becomes of them stands on the card
    "hello",
    "HELLO",
    "Hi",
    "Good morning, Mrs Abernathy!",
    "My name is Zaphod Beeblebrox.",
    "Angela lives in Reykjavik.",
    "The train leaves at 17:45.",
    "He was born in 1984.",
    "It costs 1,250 dollars.",
    "Write to info@example.com.",
    "See https://www.example.org/help for more.",
    "I would have liked to see the red car that your brother sold last week.",
    "The quarterly report was rejected by the board of directors.",
    "asdf qwer zxcv",
)


def main(argv: list[str] | None = None) -> None:
    """Train, evaluate and write ``<out>``."""
    args = options().parse_args(argv)
    run = common.Run(args)
    material = Material.read(args.data_dir, smoke=args.smoke)
    watched = {k: v for k, v in validation_sets(args.data_dir).items() if k in WATCHED}
    if args.smoke:
        args.hidden_dim, args.embed_dim, args.batch_size, args.epochs = 16, 8, 16, 1
        watched = {name: pairs.head(8) for name, pairs in watched.items()}
    words = frequent_words(material, 20 if args.smoke else 200)
    copying = Copying(material.tatoeba)
    model, source, target = starting_point(args, material)
    model.to(run.device)
    common.quicken(model)
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(args.average))
    predictor = CharSeq2SeqPredictor(cast(CharSeq2Seq, average.module), source, target)
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr, betas=(0.9, 0.98))
    parts = {"model": model, "average": average, "optimizer": optimizer}
    step = run.resume(parts).get("step", 0)
    best = common.Best(run)
    per_epoch = len(epoch_pairs(args, material, 0, copying)) // args.batch_size
    total = max(1, int(args.epochs * per_epoch))
    warmup = min(200, total // 10 + 1)

    bar = tqdm(total=total, initial=step, desc=STEM, unit="step", mininterval=60)
    progress = run.progress(step, total)
    while progress < 1 or step == 0:
        epoch, done = divmod(step, per_epoch)
        varied = epoch_pairs(args, material, epoch, copying)
        sizes = [(len(english), len(french)) for english, french in varied]
        batches = list(common.length_batches(sizes, args.batch_size, args.seed, epoch))[:per_epoch]
        for batch in batches[done:]:
            factor = min((step + 1) / warmup, common.plateau(progress, args.cooldown))
            optimizer.param_groups[0]["lr"] = args.lr * factor
            model.train()
            with run.autocast():
                rows = [varied[i] for i in batch]
                loss = batch_loss(model, source, target, rows, args.label_smoothing)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            average.update_parameters(model)
            step += 1
            progress = run.progress(step, total)
            bar.update()
            if step % 50 == 0:
                bar.set_postfix(loss=f"{loss.item():.3f}", epoch=epoch)
            if step % args.evaluate_every == 0 or progress >= 1:
                found = {
                    name: quality(predictor, pairs, beam_size=1, limit=300)["chrf"]
                    for name, pairs in watched.items()
                }
                if words:
                    found["words"] = recalled(predictor, words, beam_size=1)
                bar.write(f"step {step}, {run.seconds / 60:.0f} minutes: {found}")
                best.offer(sum(found.values()) / len(found), average)
            run.save({"step": step}, parts, every=300)
            if progress >= 1:
                break
    bar.close()

    run.save({"step": step}, parts)
    best.restore(average)
    metrics = figures(predictor, args.data_dir, smoke=args.smoke)
    facts: dict[str, Any] = {"data": material.fingerprints(), "steps": step}
    if args.init:
        facts["went on from"] = common.lineage(args.init)
    save(args.out, predictor, run.provenance(model, metrics, **facts))
    card.write(STEM, args.out)
    print(metrics)


def options() -> argparse.ArgumentParser:
    """The command line."""
    result = common.parser(STEM, __doc__ or "", epochs=8, batch_size=128, lr=2e-3)
    result.add_argument("--embed-dim", type=int, default=64)
    result.add_argument("--hidden-dim", type=int, default=512)
    result.add_argument("--encoder-layers", type=int, default=2)
    result.add_argument("--dropout", type=float, default=0.2)
    result.add_argument(
        "--init", type=Path, help="a checkpoint folder to go on from, with its vocabularies"
    )
    result.add_argument("--label-smoothing", type=float, default=0.1)
    result.add_argument("--average", type=float, default=0.998, help="decay of the weights' mean")
    result.add_argument(
        "--sentence-share", type=float, default=1.0, help="share of Tatoeba in an epoch"
    )
    result.add_argument(
        "--caption-share", type=float, default=1.0, help="share of the captions in an epoch"
    )
    result.add_argument(
        "--minutes", type=float, help="stop after this training time instead of --epochs"
    )
    result.add_argument(
        "--cooldown", type=float, default=0.5, help="final share of the run with linear decay"
    )
    result.add_argument("--evaluate-every", type=int, default=1000, metavar="STEPS")
    return result


def epoch_pairs(
    args: argparse.Namespace, material: Material, epoch: int, copying: Copying
) -> list[tuple[str, str]]:
    """The pairs of one epoch in the shares of the command line."""
    return material.epoch(epoch, args.seed, args.sentence_share, args.caption_share, copying)


def starting_point(
    args: argparse.Namespace, material: Material
) -> tuple[CharSeq2Seq, Vocabulary, Vocabulary]:
    """The model and vocabularies of ``--init``, or new ones."""
    if args.init:
        before = load(args.init, "cpu")
        model = CharSeq2Seq(dataclasses.replace(before.model.config, dropout=args.dropout))
        model.load_state_dict(before.model.state_dict())
        return model, before.source_vocabulary, before.target_vocabulary
    pairs = material.sentences + material.phrases
    source, target = (
        Vocabulary.build(side, specials=[*SPECIALS, *COPIED], min_count=1 if args.smoke else 10)
        for side in zip(*pairs, strict=True)
    )
    config = Config(
        len(source), len(target), args.embed_dim, args.hidden_dim, args.encoder_layers, args.dropout
    )
    return CharSeq2Seq(config), source, target


def validation_sets(data_dir: Path | None) -> dict[str, data.Pairs]:
    """The validation pairs of Tatoeba and of each source of ``pairs-en-fr``."""
    return {
        "Tatoeba": data.tatoeba("validation", data_dir),
        **data.more_pairs("validation", data_dir),
    }


def batch_loss(
    model: CharSeq2Seq,
    source: Vocabulary,
    target: Vocabulary,
    pairs: Sequence[tuple[str, str]],
    smoothing: float,
) -> torch.Tensor:
    """Mean cross-entropy per target character, the end symbol counted.

    Both sides come in the casing in which the predictor reads and writes.
    """
    casings = [Casing(e) for e, _ in pairs]
    pairs = [(c.canonical(e), c.written(f)) for c, (e, f) in zip(casings, pairs, strict=True)]
    english, lengths = collate([source.encode(e) for e, _ in pairs])
    french, _ = collate([[SOS_ID, *target.encode(f), EOS_ID] for _, f in pairs])
    device = next(model.parameters()).device
    french = french.to(device, non_blocking=True)
    logits, _ = model(english.to(device, non_blocking=True), lengths, french[:, :-1])
    return F.cross_entropy(
        logits.float().flatten(0, 1),
        french[:, 1:].flatten(),
        ignore_index=0,
        label_smoothing=smoothing,
    )


def measure(predictor: CharSeq2SeqPredictor, data_dir: Path | None) -> dict[str, Any]:
    """The figures of training.json."""
    return figures(predictor, data_dir)


def figures(
    predictor: CharSeq2SeqPredictor, data_dir: Path | None, smoke: bool = False
) -> dict[str, Any]:
    """Quality on validation, words recalled, how much is copied, and cases to look at."""
    sets = validation_sets(data_dir)
    if smoke:
        sets = {name: pairs.head(8) for name, pairs in sets.items()}
    tatoeba = sets.pop("Tatoeba")
    pairs = list(zip(tatoeba.english, tatoeba.french, strict=True))
    copied = {}
    for kind, rows in Copying(pairs).probes(pairs, 4 if smoke else 100, seed=0).items():
        outputs = predictor.translate([english for english, _ in rows])
        hits = [is_copied(new, found.text) for (_, new), found in zip(rows, outputs, strict=True)]
        copied[kind] = round(100 * sum(hits) / max(1, len(hits)), 1)
    cases = zip(CASES, predictor.translate(CASES), strict=True)
    result = evaluate(predictor, tatoeba)
    if sets:
        result["chrf_by_source"] = {
            name: {"sentences": found["sentences"], "chrf": found["chrf"]}
            for name, rows in sets.items()
            if (found := quality(predictor, rows))
        }
    words = frequent_words(Material.read(data_dir, smoke), 20 if smoke else 1000)
    return {
        **result,
        "frequent_words_recalled": recalled(predictor, words),
        "copied_of_100": copied,
        "cases": {english: found.text for english, found in cases},
    }


def recalled(
    predictor: CharSeq2SeqPredictor, words: dict[str, set[str]], beam_size: int = 5
) -> float:
    """The percentage of words that come out as one of their translations in training.

    They are given in small letters without a stop; case and stops of the output do not count.
    This tests memory, not generalisation.
    """
    outputs = predictor.translate(list(words), beam_size)
    right = [bare(found.text) in words[word] for word, found in zip(words, outputs, strict=True)]
    return round(100 * sum(right) / max(1, len(right)), 1)


def quality(
    predictor: CharSeq2SeqPredictor,
    pairs: data.Pairs,
    beam_size: int = 5,
    limit: int | None = None,
) -> dict[str, Any]:
    """chrF and BLEU (sacrebleu) against all references of each English text.

    Args:
        limit: At most this many texts, evenly spread, because some files are sorted by length.
    """
    sources, references = pairs.grouped()
    stride = -(-len(sources) // limit) if limit else 1
    sources, references = sources[::stride], references[::stride]
    was_training = predictor.model.training
    predictor.model.eval()
    outputs = [t.text for t in predictor.translate(sources, beam_size)]
    predictor.model.train(was_training)
    return {
        "chrf": _score(CHRF(), outputs, references),
        "bleu": _score(BLEU(), outputs, references),
        "sentences": len(sources),
        "sources": sources,
        "outputs": outputs,
        "references": references,
    }


def evaluate(
    predictor: CharSeq2SeqPredictor,
    validation: data.Pairs,
    beam_size: int = 5,
    limit: int | None = None,
) -> dict[str, Any]:
    """Quality on Tatoeba's validation pairs, in all and by the length of the English."""
    found = quality(predictor, validation, beam_size, limit)
    sources, outputs, references = (found[key] for key in ("sources", "outputs", "references"))
    result: dict[str, Any] = {
        "tatoeba_validation_chrf": found["chrf"],
        "tatoeba_validation_bleu": found["bleu"],
        "tatoeba_validation_sentences": len(sources),
        "beam_size": beam_size,
        "repeating_share": round(sum(map(repeats, outputs)) / max(1, len(outputs)), 4),
    }
    by_length = {}
    for low, high in LENGTH_GROUPS:
        rows = [i for i, text in enumerate(sources) if low <= len(text) <= high]
        if rows:
            name = f"{low}-{high}" if high < 10_000 else f">{low - 1}"
            chosen = [outputs[i] for i in rows], [references[i] for i in rows]
            by_length[name] = {"sentences": len(rows), "chrf": _score(CHRF(), *chosen)}
    result["chrf_by_source_length"] = by_length
    return result


def _score(metric: BLEU | CHRF, outputs: list[str], references: list[list[str]]) -> float:
    """Corpus score; sentences have different numbers of references, None fills the gaps."""
    width = max(map(len, references))
    streams = [[r[i] if i < len(r) else None for r in references] for i in range(width)]
    return round(metric.corpus_score(outputs, streams).score, 2)  # type: ignore[arg-type]


def repeats(text: str) -> bool:
    """Whether some four words in a row occur twice: the sign of a loop."""
    words = text.split()
    grams = [tuple(words[i : i + 4]) for i in range(len(words) - 3)]
    return len(set(grams)) < len(grams)


if __name__ == "__main__":
    main()
