from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

import pytest

from dlnlp.models.char_seq2seq.predictor import tiny
from dlnlp.text.language import LanguageCheck
from train.data.sets import Pairs
from train.evaluation.translation import (
    Translated,
    flagged,
    quality_on_tatoeba,
    recalled,
    translated,
)

SENTENCES = ["o" * length for length in range(6, 26)]  # sorted by length, like the file


class Dictionary:
    """A translator that knows some words."""

    def translate(self, texts: Sequence[str], beam_size: int = 5) -> list[SimpleNamespace]:
        known = {"bread": "Pain.", "house": "maison", "cat": "chien"}
        return [SimpleNamespace(text=known[text]) for text in texts]


def test_a_limited_part_of_validation_is_evenly_spread() -> None:
    found = translated(tiny(), Pairs(SENTENCES, SENTENCES), beam_size=1, limit=6)
    assert found.sources == SENTENCES[::4]
    assert len(found.outputs) == len(found.references) == 5


def test_quality_is_given_by_length(monkeypatch: pytest.MonkeyPatch) -> None:
    found = quality_on_tatoeba(tiny(), Pairs(SENTENCES[::4], SENTENCES[::4]))
    counts = {name: group["sentences"] for name, group in found["chrf_by_source_length"].items()}
    assert counts == {"1-15": 3, "16-30": 2}
    assert found["tatoeba_validation_sentences"] == 5


def test_all_references_count() -> None:
    found = Translated(["a"], ["Le chat dort."], [["Le chat est endormi.", "Le chat dort."]])
    assert found.chrf == found.bleu == pytest.approx(100)


def test_a_word_is_recalled_whatever_its_case_and_stop() -> None:
    words = {"bread": {"pain"}, "house": {"maison", "foyer"}, "cat": {"chat"}}
    assert recalled(Dictionary(), words) == pytest.approx(66.7)  # type: ignore[arg-type]


def test_texts_flagged_as_not_english_are_counted_by_language() -> None:
    predictor = tiny()
    pairs = {"a": Pairs(["the cat", "the dog"], ["le chat noir", "the"])}
    assert flagged(predictor, pairs) == {}
    predictor.language = LanguageCheck.build(["the cat the dog"] * 3, ["le chat noir"] * 3)
    assert flagged(predictor, pairs) == {"English": 0.0, "French": 50.0}
