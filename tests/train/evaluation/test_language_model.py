from __future__ import annotations

import math

import pytest

from dlnlp.models.token_transformer.predictor import tiny
from train.evaluation import language_model
from train.evaluation.language_model import generation, loops, mentions_films, perplexity


def test_perplexity_is_of_words_and_not_of_tokens() -> None:
    predictor = tiny()
    documents = ["A dog ran away.", "It was cold."]
    nats = -sum(map(predictor.total, documents))
    assert perplexity(predictor, documents, 7) == pytest.approx(math.exp(nats / 7), rel=0.01)


def test_loops_are_four_words_that_occur_twice() -> None:
    assert loops("je ne sais pas je ne sais pas")
    assert not loops("je ne sais pas si je ne sais rien")


def test_film_talk_is_found_by_whole_words() -> None:
    assert mentions_films("The Movie was good.") and mentions_films("two films")
    assert not mentions_films("A filmy plotter moved the filmier curtain.")


def test_no_prompt_mentions_films() -> None:
    assert not any(map(mentions_films, language_model.PROMPTS))


def test_generation_is_measured_and_shown() -> None:
    found = generation(tiny(), prompts=2, seeds=2, length=8)
    assert 0 <= found["greedy_loops"] <= 100 and 0 <= found["film_talk"] <= 100
    assert list(found["continuations"]) == list(language_model.PROMPTS[:2])
    assert found == generation(tiny(), prompts=2, seeds=2, length=8)
