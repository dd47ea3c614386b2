"""Choose the translator's length penalty on validation: ``python -m train.length_penalty``.

The training script does this at its end. Beam search is run once. For each group of source lengths,
the exponent with the best chrF is written to config.json, and that file's new hash to
training.json. Afterwards, ``python -m train.evaluate char_seq2seq --write``
measures the metrics again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dlnlp import checkpoint
from dlnlp.inference.batching import batches
from dlnlp.inference.beam_search import Hypothesis, normalised
from dlnlp.models.char_seq2seq.length_penalty import LengthPenalty
from dlnlp.models.char_seq2seq.predictor import (
    BATCH_CHARACTERS,
    LENGTH_PENALTY,
    CharSeq2SeqPredictor,
    load,
)
from dlnlp.models.char_seq2seq.source import LONGEST_SENTENCE, Sentence
from train.data import sets
from train.evaluation.translation import BEAM_SIZE, Translated

STEM = "char_seq2seq"
LIMITS = (8, 15, 30, 60)  # the groups' longest sources in characters
GRID = tuple(round(0.1 * i, 1) for i in range(26))
SHORT = 15  # pairs of words and phrases up to this length are used beside Tatoeba
FEWEST = 20  # a group with fewer sources takes the exponent of the next one


@dataclass(frozen=True)
class Searched:
    """A source sentence with its references and what beam search found."""

    sentence: Sentence
    references: list[str]
    found: list[Hypothesis]
    outputs: list[str]

    def best(self, alpha: float) -> str:
        """The output that ranks first with this exponent."""
        rates = [normalised(h.score, len(h.tokens), alpha) for h in self.found]
        return self.outputs[max(range(len(rates)), key=rates.__getitem__)]


def main(argv: list[str] | None = None) -> None:
    """Search, choose and write."""
    parser = argparse.ArgumentParser(prog="python -m train.length_penalty", description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=checkpoint.checkpoint_root() / STEM)
    parser.add_argument("--data-dir", type=Path, help="folder of Parquet files")
    parser.add_argument("--beam-size", type=int, default=BEAM_SIZE)
    parser.add_argument("--dry-run", action="store_true", help="print, but do not write")
    args = parser.parse_args(argv)
    predictor = load(args.checkpoint)
    rows = search(predictor, validation(args.data_dir), args.beam_size)
    penalty = choose(rows)
    before, after = (
        chrf([row.best(p.alpha(len(row.sentence.canonical))) for row in rows], rows)
        for p in (predictor.length_penalty, penalty)
    )
    print(f"chrF {before:.2f} -> {after:.2f} with {json.dumps(penalty.as_json())}")
    if not args.dry_run:
        write(args.checkpoint, penalty)


def tuned(
    predictor: CharSeq2SeqPredictor, data_dir: Path | None, smoke: bool = False
) -> LengthPenalty:
    """The best length penalty on validation, with few texts for a smoke test."""
    references = validation(data_dir)
    if smoke:
        references = dict(list(references.items())[:8])
    return choose(search(predictor, references, BEAM_SIZE))


def validation(data_dir: Path | None) -> dict[str, list[str]]:
    """References by source: Tatoeba's sentences, and short pairs if the folder has them."""
    english, references = sets.tatoeba("validation", data_dir).grouped()
    result = dict(zip(english, references, strict=True))
    for pairs in sets.more_pairs("validation", data_dir).values():
        for source, target in zip(pairs.english, pairs.french, strict=True):
            if len(source) <= SHORT:
                result.setdefault(source, []).append(target)
    return {text: found for text, found in result.items() if 0 < len(text) <= LONGEST_SENTENCE}


def search(
    predictor: CharSeq2SeqPredictor, references: dict[str, list[str]], beam_size: int
) -> list[Searched]:
    """What beam search finds for each source."""
    sentences = [Sentence(text, text) for text in references]
    rows = []
    lengths = [len(sentence.text) for sentence in sentences]
    for batch in batches(lengths, BATCH_CHARACTERS // beam_size):
        chosen = [sentences[i] for i in batch]
        for sentence, found in zip(chosen, predictor.hypotheses(chosen, beam_size), strict=True):
            outputs = [
                sentence.restored("".join(predictor.target_vocabulary.decode(h.tokens)))
                for h in found
            ]
            rows.append(Searched(sentence, references[sentence.text], found, outputs))
    return rows


def choose(rows: Sequence[Searched]) -> LengthPenalty:
    """The best exponent of each group of source lengths; of equal ones, the smallest."""
    steps: list[tuple[int, float]] = []
    low, chosen = 0, 1.0
    for high in (*LIMITS, LONGEST_SENTENCE + 1):
        group = [row for row in rows if low < len(row.sentence.canonical) <= high]
        if len(group) < FEWEST and high <= LONGEST_SENTENCE:
            continue  # joins the next group
        if group:
            scores = {alpha: chrf([row.best(alpha) for row in group], group) for alpha in GRID}
            chosen = max(scores, key=lambda alpha: (round(scores[alpha], 2), -alpha))
            shown = ", ".join(f"{alpha}: {score:.2f}" for alpha, score in scores.items())
            print(f"{low + 1} to {high} characters, {len(group)} sources: {shown}")
        steps.append((high, chosen))
        low = high
    return LengthPenalty(tuple(steps[:-1]), steps[-1][1])


def chrf(outputs: list[str], rows: Sequence[Searched]) -> float:
    """Corpus chrF against all references."""
    sources = [row.sentence.text for row in rows]
    return Translated(sources, outputs, [row.references for row in rows]).chrf


def write(folder: Path, penalty: LengthPenalty) -> None:
    """Store the penalty in config.json and the file's new hash in training.json."""
    config = checkpoint.read_json(folder, checkpoint.CONFIG)
    training = checkpoint.verify(folder)
    checkpoint.write_json(folder / checkpoint.CONFIG, {**config, LENGTH_PENALTY: penalty.as_json()})
    training["files"][checkpoint.CONFIG] = checkpoint.sha256(folder / checkpoint.CONFIG)
    checkpoint.write_json(folder / checkpoint.TRAINING, training)


if __name__ == "__main__":
    main()
