"""Train the character translator on Tatoeba: English characters in, French ones out."""

from __future__ import annotations

import argparse
import dataclasses
import random
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
    LONGEST_SENTENCE,
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

STEM = "char_seq2seq"
TUTORIAL = data.Pairs(["hello", "thanks"], ["bonjour", "merci"])  # once each, beside the corpus
LENGTH_GROUPS = ((1, 15), (16, 30), (31, 60), (61, 10_000))
COPY_SHARE = 0.5  # of the pairs that share a name or a number
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
    train, validation = (data.tatoeba(split, args.data_dir) for split in ("train", "validation"))
    if args.smoke:
        train = data.Pairs(train.english[:64], train.french[:64])
        validation = data.Pairs(validation.english[:8], validation.french[:8])
        args.hidden_dim, args.embed_dim, args.batch_size, args.epochs = 16, 8, 16, 1
    train = data.Pairs(train.english + TUTORIAL.english, train.french + TUTORIAL.french)
    pairs = [
        p
        for p in zip(train.english, train.french, strict=True)
        if max(map(len, p)) <= LONGEST_SENTENCE
    ]
    source, target = (
        Vocabulary.build(texts, specials=[*SPECIALS, *COPIED], min_count=1 if args.smoke else 10)
        for texts in (train.english, train.french)
    )
    copying = Copying(pairs)
    config = Config(
        len(source), len(target), args.embed_dim, args.hidden_dim, args.encoder_layers, args.dropout
    )
    model = CharSeq2Seq(config)
    if args.init:
        before = load(args.init, "cpu")
        source, target = before.source_vocabulary, before.target_vocabulary
        model = CharSeq2Seq(dataclasses.replace(before.model.config, dropout=args.dropout))
        model.load_state_dict(before.model.state_dict())
    model.to(run.device)
    common.quicken(model)
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(args.average))
    predictor = CharSeq2SeqPredictor(cast(CharSeq2Seq, average.module), source, target)
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr, betas=(0.9, 0.98))
    parts = {"model": model, "average": average, "optimizer": optimizer}
    step = run.resume(parts).get("step", 0)
    best = common.Best(run)
    per_epoch = -(-len(pairs) // args.batch_size)
    total = max(1, int(args.epochs * per_epoch))

    bar = tqdm(total=total, initial=step, desc=STEM, unit="step", mininterval=10)
    while step < total:
        epoch, done = divmod(step, per_epoch)
        varied = [augment(pairs, i, f"{args.seed} {epoch} {i}", copying) for i in range(len(pairs))]
        sizes = [(len(english), len(french)) for english, french in varied]
        batches = list(common.length_batches(sizes, args.batch_size, args.seed, epoch))
        for batch in batches[done : done + total - step]:
            rows = [varied[i] for i in batch]
            factor = common.schedule(step, total, min(500, total // 10 + 1))
            optimizer.param_groups[0]["lr"] = args.lr * factor
            model.train()
            with run.autocast():
                loss = batch_loss(model, source, target, rows, args.label_smoothing)
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
                metrics = evaluate(predictor, validation, beam_size=1, limit=500)
                bar.write(f"step {step}: {metrics}")
                best.offer(metrics["tatoeba_validation_chrf"], average)
            run.save({"step": step}, parts, every=300)
    bar.close()

    run.save({"step": step}, parts)
    best.restore(average)
    metrics = figures(predictor, validation, probed=4 if args.smoke else 100)
    used = {"tatoeba-en-fr": data.fingerprint([f"{e}\t{f}" for e, f in pairs])}
    facts: dict[str, Any] = {"data": used}
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
    result.add_argument("--evaluate-every", type=int, default=1000, metavar="STEPS")
    return result


def augment(
    pairs: Sequence[tuple[str, str]], index: int, seed: str, copying: Copying
) -> tuple[str, str]:
    """The pair, or for some of the draws a variant of it that people type as well.

    One name or number is another one, a date, an address or the like is added, or a second
    pair follows. No pair is drawn more often than another.
    """
    english, french = pairs[index]
    chance = random.Random(seed)
    if chance.random() < COPY_SHARE:
        english, french = copying.varied(english, french, chance)
    form = chance.random()
    if form < 0.12:
        english, french = copying.framed(english, french, chance)
    elif form < 0.15:  # some sentences' end the predictor does not see
        more = chance.choice(pairs)
        if len(english) + len(more[0]) < LONGEST_SENTENCE:
            english, french = f"{english} {more[0]}", f"{french} {more[1]}"
    return english, french


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
    return figures(predictor, data.tatoeba("validation", data_dir))


def figures(
    predictor: CharSeq2SeqPredictor, validation: data.Pairs, probed: int = 100
) -> dict[str, Any]:
    """Quality on validation, how much of what is to be copied is, and cases to look at.

    Args:
        probed: Sentences of each kind of thing to copy.
    """
    pairs = list(zip(validation.english, validation.french, strict=True))
    copied = {}
    for kind, rows in Copying(pairs).probes(pairs, probed, seed=0).items():
        outputs = predictor.translate([english for english, _ in rows])
        hits = [is_copied(new, found.text) for (_, new), found in zip(rows, outputs, strict=True)]
        copied[kind] = round(100 * sum(hits) / max(1, len(hits)), 1)
    cases = zip(CASES, predictor.translate(CASES), strict=True)
    return {
        **evaluate(predictor, validation),
        "copied_of_100": copied,
        "cases": {english: found.text for english, found in cases},
    }


def evaluate(
    predictor: CharSeq2SeqPredictor,
    validation: data.Pairs,
    beam_size: int = 5,
    limit: int | None = None,
) -> dict[str, Any]:
    """chrF and BLEU (sacrebleu) against all references of each English sentence.

    Args:
        limit: At most so many sentences, spread over all: the file is sorted by length.
    """
    sources, references = validation.grouped()
    stride = -(-len(sources) // limit) if limit else 1
    sources, references = sources[::stride], references[::stride]
    was_training = predictor.model.training
    predictor.model.eval()
    outputs = [t.text for t in predictor.translate(sources, beam_size)]
    predictor.model.train(was_training)
    result: dict[str, Any] = {
        "tatoeba_validation_chrf": _score(CHRF(), outputs, references),
        "tatoeba_validation_bleu": _score(BLEU(), outputs, references),
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
