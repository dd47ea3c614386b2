"""The baselines of the scoreboard."""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path

import pytest

from dlnlp import catalog
from dlnlp.compare import scoreboard
from dlnlp.registry import Registry
from train import baselines
from train.baselines import KneserNey
from train.data.sets import Pairs


def test_probabilities_of_the_vocabulary_sum_to_one() -> None:
    chance = random.Random(0)
    tokens = chance.choices("abcde", k=400)
    model = KneserNey(tokens, 3)
    for context in itertools.product("abcde", repeat=2):
        assert sum(model.probability(context, w) for w in "abcde") == pytest.approx(1.0)
    assert sum(model.probability(("z", "a"), w) for w in "abcde") == pytest.approx(1.0)


def test_a_longer_context_helps_where_the_text_repeats_itself() -> None:
    tokens = list("abcabdabcabd") * 30
    unigrams, trigrams, fivegrams = (KneserNey(tokens, n).perplexity(tokens) for n in (1, 3, 5))
    assert unigrams > trigrams > fivegrams
    assert fivegrams < 1.3


def test_the_dictionary_learns_words_from_sentences() -> None:
    pairs = Pairs(
        ["the dog", "the cat", "a dog", "a cat sleeps", "the dog sleeps"],
        ["le chien", "le chat", "un chien", "un chat dort", "le chien dort"],
    )
    best = baselines.dictionary(pairs)
    assert baselines.word_for_word("The cat sleeps, Tom.", best) == "Le chat dort, Tom."


def test_a_smoke_run_writes_what_the_scoreboard_reads(data_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / baselines.FILE
    baselines.main(["--smoke", "--data-dir", str(data_dir), "--out", str(out)])
    assert str(tmp_path) not in json.dumps(json.loads(out.read_text())["command"])
    found = scoreboard.baselines(Registry(root=tmp_path))
    assert {each.task for each in found} == {entry.task for entry in catalog.CATALOG}
    assert all(each.scores for each in found)
