"""Neutral English, the faithfulness of attributions and the layers' probes."""

from __future__ import annotations

import json
import math
from itertools import product
from typing import Any

import numpy as np
import pytest

from dlnlp import catalog
from dlnlp.inference.calibration import Calibration
from dlnlp.models.sentiment_bert import predictor as bert
from dlnlp.models.sentiment_bert.model import Probes
from train import behaviour, sentiment
from train.data import Labelled
from train.sentiment_bert import fit_probes, probe_logits, text_states

PRAISE = [f"{a} {b} was {c}" for a, b, c in product(["the", "a"], ["film", "movie"], ["great"])]
BLAME = [f"{a} {b} was {c}" for a, b, c in product(["the", "a"], ["film", "movie"], ["bad"])]
REVIEWS = Labelled(PRAISE * 10 + BLAME * 10, [1.0] * 40 + [0.0] * 40)


def test_a_sentence_is_neutral_when_none_of_its_words_leans() -> None:
    sentences = [
        "The film was long.",
        "A great film.",
        "It was not bad.",
        "Film!",
        "The movie was a film.",
        "The movie was a film.",
        "movie",
        "the film " * 8,
    ]
    found = sentiment.neutral_sentences(REVIEWS, sentences)
    assert found == ["Film!", "The film was long.", "The movie was a film."]
    assert sentiment.neutral_sentences(REVIEWS, sentences, most=100)[:1] == ["A great film."]


def test_adjectives_that_lean_stand_alone_and_can_be_graded() -> None:
    phrases = ["grotty", "very grotty", "truly grottily", "grottily", "very film", "film"] * 4
    found = sentiment.leaning_adjectives(
        Labelled([*phrases, *["sparkling", "so sparkling"] * 8], [0.0] * 24 + [1.0] * 16)
    )
    assert found == {True: ["sparkling"], False: ["film", "grotty"]}


def test_further_adjectives_are_trained_on_but_not_those_of_the_cases() -> None:
    held_out = behaviour.SENTIMENT["positive"][3]
    rows, _ = behaviour.training_rows(2000, 0, {True: ["sparkling", held_out], False: []})
    text = " ".join(rows).lower()
    assert "sparkling" in text and held_out not in text


def test_everyday_rows_are_generated_and_neutral_ones(data_dir: Any) -> None:
    rows = sentiment.everyday(9, REVIEWS, data_dir, seed=0)
    assert len(rows) == len(rows.labels) == 9
    assert set(rows.labels[6:]) == {0.5}
    assert {"Hello!", "Where is the cat?", "I see a dog."} & set(rows.texts[6:])
    again = sentiment.everyday(9, REVIEWS, data_dir, seed=0)
    assert again == rows


@pytest.mark.parametrize("stem", ["sentiment_lstm", "sentiment_bert"])
def test_faithfulness_is_a_finite_fall_for_each_method(stem: str) -> None:
    predictor = catalog.record(stem).tiny()
    texts = ["the film was not great but bad .", "i loved it , a good movie !", "good"]
    found = sentiment.faithfulness(predictor, texts)
    assert found.keys() == {"integrated_gradients", "leave_one_out", "random"}
    assert all(math.isfinite(fall) for fall in found.values())
    assert found == sentiment.faithfulness(predictor, texts)
    # Of one word, leaving it out is the best there is to do.
    one = sentiment.faithfulness(predictor, ["the film was good !"])
    assert one["leave_one_out"] >= max(one.values()) - 1e-3
    assert set(sentiment.faithfulness(predictor, ["too short"]).values()) == {0.0}


def test_probes_tell_separable_texts_apart() -> None:
    predictor = bert.tiny()
    predictor.probes = Probes.blank(predictor.model)
    assert predictor.layers("a great film") == (0.5, 0.5, 0.5)
    predictor.probes = fit_probes(predictor, REVIEWS, REVIEWS)
    found = probe_logits(predictor, REVIEWS.texts) > 0  # (N, L + 1)
    right = np.equal(found.T, REVIEWS.labels).mean(axis=1)
    assert right.shape == (3,) and right.min() > 0.95
    assert min(predictor.layers("the movie was great")) > 0.5
    assert max(predictor.layers("the movie was bad")) < 0.5


def test_states_come_in_the_order_of_the_texts() -> None:
    predictor = bert.tiny()
    texts = ["the great film was not bad , but terrible !", "", "good", "a film was loved"]
    together = text_states(predictor, texts)
    assert together.shape == (4, 3, 16)
    for text, state in zip(texts, together, strict=True):
        np.testing.assert_allclose(text_states(predictor, [text])[0], state, atol=1e-5)


def test_probes_survive_their_json() -> None:
    probes, config = bert.tiny().probes, {"num_hidden_layers": 2, "hidden_size": 16}
    content = bert.probe_file.dumps(probes)
    again = bert.probe_file.loads(content, config)
    np.testing.assert_allclose(again.weight, probes.weight, atol=1e-5)
    assert bert.probe_file.dumps(again) == content and json.loads(content).keys() == {
        "weight",
        "bias",
    }


def test_accuracy_does_not_use_a_calibration_fitted_on_the_same_rows() -> None:
    predictor = catalog.spec("sentiment_lstm").tiny()
    texts = ["good film", "bad film", "a film", "good", "bad", "film"] * 4
    rows = {"sst2": Labelled(texts, [1.0, 0.0, 1.0, 1.0, 0.0, 0.0] * 4)}
    plain = sentiment.evaluate(predictor, rows)
    predictor.calibration = Calibration(1.0, -50.0)  # everything is negative
    assert max(predictor.logits(texts)) < 0
    assert sentiment.evaluate(predictor, rows) == plain
