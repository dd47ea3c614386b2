"""The committed checkpoints: whole, and sensible on the tutorial's own examples."""

from __future__ import annotations

from typing import Any

import pytest

import dlnlp
from dlnlp import catalog, checkpoint

STEMS = [entry.stem for entry in catalog.CATALOG]


@pytest.fixture(scope="module")
def models() -> dict[str, Any]:
    return {stem: dlnlp.load(stem) for stem in STEMS}


@pytest.mark.parametrize("stem", STEMS)
def test_it_is_whole(stem: str) -> None:
    folder = checkpoint.ROOT / stem
    assert checkpoint.read_report(folder).training == checkpoint.verify(folder)


def test_cards_and_tables_are_rendered_from_what_they_show() -> None:
    from train import card

    for path, table in (
        (card.README, card.readme_table()),
        (card.CORRECTED, card.corrections_table()),
    ):
        text = path.read_text(encoding="utf-8")
        assert card.with_table(text, table) == text
    for stem in STEMS:
        training = checkpoint.read_json(checkpoint.ROOT / stem, checkpoint.TRAINING)
        text = (checkpoint.ROOT / stem / checkpoint.CARD).read_text(encoding="utf-8")
        assert card.figures(training) in text


@pytest.mark.parametrize("stem", ["sentiment_lstm", "sentiment_bert"])
def test_sentiment_of_the_tutorials_examples(models: dict[str, Any], stem: str) -> None:
    texts = {
        "I loved the movie": "positive",
        "The film was terrible": "negative",
        "This was fantastic": "positive",
        "This movie was great!": "positive",
        "Terrible experience": "negative",
        "I enjoyed this film": "positive",
    }
    found = models[stem].classify(list(texts))
    assert {result.text: result.verdict for result in found} == texts


@pytest.mark.parametrize("variant", ["hello", "Hello", "Hello!", "HELLO", "hello!"])
def test_hello_is_a_french_greeting(models: dict[str, Any], variant: str) -> None:
    [found] = models["char_seq2seq"].translate([variant])
    words = found.text.lower().strip(" !.")
    assert words in {"bonjour", "salut", "allô", "coucou", "bonjour à tous"}


def test_thanks_is_merci(models: dict[str, Any]) -> None:
    [found] = models["char_seq2seq"].translate(["thanks"])
    assert "merci" in found.text.lower()


def test_the_transformer_knows_some_english(models: dict[str, Any]) -> None:
    model = models["token_transformer"]
    assert " of" in [token.text for token in model.next_tokens("One of the most popular", k=300)]
    assert model.total("The cat is on the table.") > model.total("table the on is cat The.")
    assert len("".join(model.generate("I think that", max_new_tokens=20, seed=0)).split()) > 5
