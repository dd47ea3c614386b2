"""Neutral English, the faithfulness of attributions and the layers' probes."""

from __future__ import annotations

import json
import math
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlnlp import catalog
from dlnlp.inference.calibration import TYPICAL, Calibration
from dlnlp.models.sentiment_bert import predictor as bert
from dlnlp.models.sentiment_bert.model import Probes
from dlnlp.results import Sentiment
from train.data import everyday, sets
from train.data.generated import training_rows
from train.data.sets import Labelled
from train.data.templates import SENTIMENT
from train.evaluation import sentiment
from train.evaluation.sentiment import (
    Read,
    best_calibration,
    calibrate,
    calibration_error,
    cross_fitted,
    probability,
)
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
    found = everyday.neutral_sentences(REVIEWS, sentences)
    assert found == ["Film!", "The film was long.", "The movie was a film."]
    assert everyday.neutral_sentences(REVIEWS, sentences, most=100)[:1] == ["A great film."]


def test_adjectives_that_lean_stand_alone_and_can_be_graded() -> None:
    phrases = ["grotty", "very grotty", "truly grottily", "grottily", "very film", "film"] * 4
    found = everyday.leaning_adjectives(
        Labelled([*phrases, *["sparkling", "so sparkling"] * 8], [0.0] * 24 + [1.0] * 16)
    )
    assert found == {True: ["sparkling"], False: ["film", "grotty"]}


def test_further_adjectives_are_trained_on_but_not_those_of_the_cases() -> None:
    held_out = SENTIMENT["positive"][3]
    rows, _ = training_rows(2000, 0, {True: ["sparkling", held_out], False: []})
    text = " ".join(rows).lower()
    assert "sparkling" in text and held_out not in text


def test_everyday_rows_are_generated_and_neutral_ones(data_dir: Any) -> None:
    rows = everyday.everyday(9, REVIEWS, data_dir, seed=0)
    assert len(rows) == len(rows.labels) == 9
    assert set(rows.labels[6:]) == {0.5}
    assert {"Hello!", "Where is the cat?", "I see a dog."} & set(rows.texts[6:])
    again = everyday.everyday(9, REVIEWS, data_dir, seed=0)
    assert again == rows


def test_a_share_of_the_rows_gets_a_typo() -> None:
    rows = Labelled([f"A good film, part {n}" for n in range(400)], [1.0, 0.0] * 200)
    changed = everyday.with_typos(rows, 0.25, seed=0)
    assert changed.labels == rows.labels
    pairs = list(zip(rows.texts, changed.texts, strict=True))
    assert all(sorted(before) == sorted(after) for before, after in pairs)
    assert 60 < sum(before != after for before, after in pairs) < 120
    assert everyday.with_typos(rows, 0.0, seed=0) == rows


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
    predictor = catalog.record("sentiment_lstm").tiny()
    texts = ["good film", "bad film", "a film", "good", "bad", "film"] * 4
    rows = {"sst2": Labelled(texts, [1.0, 0.0, 1.0, 1.0, 0.0, 0.0] * 4)}
    plain = sentiment.evaluate(predictor, rows)
    predictor.calibration = Calibration(1.0, -50.0)  # everything is negative
    assert max(predictor.logits(texts)) < 0
    assert sentiment.evaluate(predictor, rows) == plain


class Scored:
    """Finds texts as positive as the numbers that they are."""

    def __init__(self) -> None:
        self.calibration = Calibration()

    def classify(self, texts: list[str]) -> list[Sentiment]:
        return [
            Sentiment(t, float(probability(np.array(x))))
            for t, x in zip(texts, self.logits(texts), strict=True)
        ]

    def logits(self, texts: list[str]) -> list[float]:
        return [self.calibration(float(text)) for text in texts]

    def lengths(self, texts: list[str]) -> list[int]:
        return [TYPICAL] * len(texts)


def test_neutral_texts_are_judged_but_do_not_calibrate() -> None:
    texts, labels = ["2", "3", "-2", "-3", "1", "-1", "-1", "1"] * 4, [1.0, 1.0, 0.0, 0.0] * 8
    sided = {"sst2": Labelled(texts, labels)}
    neutral = {"plots": Labelled(["0", "0.1", "9", "-0.1"] * 4, [0.5] * 16)}
    predictor = Scored()
    alone, both = (sentiment.evaluate(predictor, rows) for rows in (sided, {**sided, **neutral}))
    assert both["plots_validation_unsure"] == 75
    assert {key: both[key] for key in alone} == alone
    calibrate(predictor, sided)
    fitted = predictor.calibration
    calibrate(predictor, {**sided, **neutral})
    assert predictor.calibration.temperature == pytest.approx(fitted.temperature, rel=0.01)


def test_opinions_and_plots_are_apart(data_dir: Path) -> None:
    found = sets.opinions("validation", data_dir)
    assert set(found["opinions"].labels) == {0.0, 1.0}
    assert set(found["plots"].labels) == {0.5}
    assert found["plots"].texts[0] == "a boy finds a map and sets out."
    assert sets.opinions("validation", None) == {}
    assert sentiment.validation_sets(data_dir).keys() == {"sst2", "imdb", "opinions", "plots"}


def test_calibration_error_of_known_cases() -> None:
    sure = np.array([0.0, 1.0] * 50)
    assert calibration_error(sure, np.array([0, 1] * 50)) == pytest.approx(0)
    six_in_ten = np.array(([1] * 6 + [0] * 4) * 10)
    assert calibration_error(np.full(100, 0.9), six_in_ten) == pytest.approx(0.3)
    assert calibration_error(sure, np.array([1, 0] * 50)) == pytest.approx(1)


def drawn_logits(count: int) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(0)
    logits = chance.normal(0, 2, count)
    return logits, (chance.random(count) < 1 / (1 + np.exp(-logits))).astype(float)


def cross_fitted_error(read: Read, name: str) -> float:
    return calibration_error(probability(cross_fitted(read, name)), read[name][1])


def test_cross_fitted_error_is_of_the_model_and_not_of_its_calibration() -> None:
    logits, labels = drawn_logits(20_000)
    assert cross_fitted_error({"a": (logits, labels)}, "a") < 0.015
    moved = {"a": (3 * logits - 1, labels)}
    assert cross_fitted_error(moved, "a") == pytest.approx(
        cross_fitted_error({"a": (logits, labels)}, "a"), abs=0.003
    )
    logits[::2] *= 4  # each half is read with the calibration of the other
    assert cross_fitted_error({"a": (logits, labels)}, "a") > 0.08


def test_calibration_finds_temperature_and_shift_and_sets_count_alike() -> None:
    logits, labels = drawn_logits(20_000)
    found = best_calibration({"a": (2.5 * logits - 0.5, labels)})
    assert found.temperature == pytest.approx(2.5, rel=0.05)
    assert found.shift == pytest.approx(0.2, abs=0.05)
    small = {"a": (logits, labels), "b": (logits[:2000] - 1, labels[:2000])}
    assert best_calibration(small).shift == pytest.approx(0.5, abs=0.1)
    sure = np.array([-3.0, 3.0])
    assert np.isfinite(best_calibration({"a": (sure, np.array([0.0, 1.0]))})(2.0))
    assert best_calibration({"a": (sure, np.array([1.0, 0.0]))}).temperature > 0
    # Of a model that gives nearly the same logit to all texts:
    logits = np.array([0.02839547, 0.02836061, 0.02828749, 0.02811804])
    tokens = np.array([6, 11, 6, 12])
    equal = best_calibration({"a": (logits, np.array([1.0, 1.0, 0.0, 0.0]), tokens)})
    assert equal.temperature > 0 and np.isfinite(equal(logits, tokens)).all()


def test_a_temperature_that_grows_with_the_length_is_found_and_cross_fitted() -> None:
    logits, labels = drawn_logits(20_000)
    tokens = np.tile([TYPICAL, 16 * TYPICAL], 10_000)
    tokens[np.random.default_rng(1).permutation(20_000)] = tokens.copy()
    raw = logits * np.where(tokens > TYPICAL, 2.0, 1.0)  # of long texts it is too sure
    found = best_calibration({"a": (raw, labels, tokens)})
    assert found.growth == pytest.approx(0.25, abs=0.02)  # the fourth root of 16 is 2
    assert found.temperature == pytest.approx(1, rel=0.05)
    np.testing.assert_allclose(found.undone(found(raw, tokens), tokens), raw, atol=1e-9)
    blind = cross_fitted_error({"a": (raw, labels)}, "a")
    assert cross_fitted_error({"a": (raw, labels, tokens)}, "a") < 0.015 < blind


def test_calibrating_twice_changes_nothing() -> None:
    predictor = catalog.record("sentiment_lstm").tiny()
    texts = ["good film", "bad film", "a film", "good", "bad", "film"] * 4
    rows = {"sst2": Labelled(texts, [1.0, 0.0, 1.0, 1.0, 0.0, 0.0] * 4)}
    raw = np.array(predictor.logits(texts))
    calibrate(predictor, rows)
    once = predictor.calibration
    assert once == best_calibration({"sst2": (raw, np.array(rows["sst2"].labels))})
    np.testing.assert_allclose(predictor.logits(texts), once(raw), atol=1e-4)
    calibrate(predictor, rows)
    assert predictor.calibration.temperature == pytest.approx(once.temperature, rel=0.01)
    assert predictor.calibration.shift == pytest.approx(once.shift, abs=0.01)
