"""Comparing a text with an edited version of it."""

import pytest

from dlnlp.catalog import CATALOG
from dlnlp.compare import edits
from dlnlp.registry import Registry
from dlnlp.service import Service

REGISTRY = Registry(untrained=True)
SERVICE = Service(REGISTRY)


def parts(text, spans):
    return [text[begin:end] for begin, end in spans]


@pytest.mark.parametrize(
    ("first", "second", "removed", "added"),
    [
        ("a good film", "a good film", [], []),
        ("a good film", "a bad film", ["good"], ["bad"]),
        ("a good film", "a very good film!", [], ["very", "!"]),
        ("It isn't a good film", "It is", ["isn't a good film"], ["is"]),
        ("", "new", [], ["new"]),
    ],
)
def test_differing_words_are_found(first, second, removed, added):
    before, after = edits.differing(first, second)
    assert parts(first, before) == removed
    assert parts(second, after) == added


def test_long_texts_that_differ_in_one_word_are_compared_at_once():
    before, after = edits.differing("a " * 40_000 + "b" + " a" * 9_000, "a " * 50_000)
    assert (before, after) == ([(80_000, 80_001)], [(80_000, 81_999)])


def test_long_texts_that_differ_everywhere_have_one_range_each():
    one, other = "a b " * 20_000, "b a " * 20_000
    assert edits.differing(one, other) == ([(0, 79_999)], [(0, 79_999)])


@pytest.mark.parametrize("entry", CATALOG, ids=lambda entry: entry.stem)
def test_both_texts_get_the_results_of_every_verb(entry):
    first, second = "a good film", "a bad film"
    found = edits.both(SERVICE, entry.stem, first, second)
    assert list(found) == [verb for verb in edits.VERBS if entry.can(verb)]
    predictor = REGISTRY.get(entry.stem)
    if "classify" in found:
        alone = predictor.classify([second])[0].positive
        assert found["classify"][1].positive == pytest.approx(alone, abs=1e-5)
    if "translate" in found:
        assert found["translate"][0].text == predictor.translate([first])[0].text
    if "score" in found:
        bits = [edits.total_bits(each) for each in found["score"]]
        assert bits[0] != bits[1] and min(bits) > 0
