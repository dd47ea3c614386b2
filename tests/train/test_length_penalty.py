"""The choice of the translator's length penalty."""

from __future__ import annotations

import importlib
from pathlib import Path

import torch

from dlnlp import catalog, checkpoint
from dlnlp.inference.beam_search import Hypothesis
from dlnlp.models.char_seq2seq.source import Sentence
from train import length_penalty
from train.length_penalty import FEWEST, Searched, choose

SHORT, LONG = "oui", "oui, bien sûr que oui"


def searched(source: str, reference: str) -> Searched:
    """A short output with a higher summed score, and a long one with a higher score per length."""
    empty = torch.empty(0)
    found = [
        Hypothesis(tuple(range(len(text))), score, 0.0, empty, empty)
        for text, score in ((SHORT, -3.0), (LONG, -5.0))
    ]
    return Searched(Sentence(source, source), [reference], found, [SHORT, LONG])


def test_each_group_of_lengths_gets_the_exponent_that_scores_best() -> None:
    rows = [searched("yes", SHORT)] * FEWEST + [searched("y" * 40, LONG)] * FEWEST
    penalty = choose(rows)
    for row in rows:
        assert row.best(penalty.alpha(len(row.sentence.canonical))) == row.references[0]


def test_the_choice_is_written_into_a_checkpoint_that_still_loads(
    data_dir: Path, tmp_path: Path
) -> None:
    script = importlib.import_module("train.char_seq2seq")
    script.main(["--smoke", "--data-dir", str(data_dir), "--out", str(tmp_path)])
    length_penalty.main(["--checkpoint", str(tmp_path), "--data-dir", str(data_dir)])
    checkpoint.verify(tmp_path)
    written = checkpoint.read_json(tmp_path, checkpoint.CONFIG)["length_penalty"]
    loaded = catalog.record("char_seq2seq").load(tmp_path, "cpu").length_penalty
    assert loaded.as_json() == written
