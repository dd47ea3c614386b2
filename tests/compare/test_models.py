"""Comparing all sentiment models on one text."""

import itertools

import numpy as np
import pytest

from dlnlp.compare import models
from dlnlp.compare.models import MODELS
from dlnlp.registry import Registry
from dlnlp.results import Attribution, Sentiment
from dlnlp.service import Service


def attribution(words, starts, scores):
    return Attribution("a text", tuple(words), tuple(starts), np.array(scores), "any")


def test_the_first_verdict_has_a_loading_time_and_the_next_has_none():
    service = Service(Registry(untrained=True))
    sentiment, cost = models.measured(service, MODELS[0], "good")
    assert 0 <= sentiment.positive <= 1 and cost.milliseconds > 0
    assert cost.loading_seconds is not None and cost.loading_seconds > 0
    assert models.measured(service, MODELS[0], "good")[1].loading_seconds is None


def test_size_parameters_and_quality_of_a_checkpoint_are_known(tmp_path):
    folder = tmp_path / MODELS[0]
    folder.mkdir()
    training = '{"parameters": 12, "metrics": {"sst2_validation_accuracy": 88.5}}'
    (folder / "training.json").write_text(training, encoding="utf-8")
    (folder / "README.md").write_text("# card", encoding="utf-8")
    registry = Registry(root=tmp_path)
    assert models.known_size(registry, MODELS[0]) == (12, len(training) + 6)
    assert [each.value for each in models.known_scores(registry, MODELS[0])] == [88.5]
    assert models.known_size(registry, MODELS[1]) == (None, None)
    assert models.known_scores(registry, MODELS[1]) == ()
    assert models.known_scores(Registry(untrained=True), MODELS[0]) == ()


def test_short_texts_are_timed_several_times_and_long_ones_once(monkeypatch):
    class Model:
        def classify(self, texts):
            clock[0] += next(durations) if texts != ["warm"] else 5.0
            return ["verdict"]

    clock = [0.0]
    monkeypatch.setattr(models.time, "perf_counter", lambda: clock[0])
    durations = itertools.chain([0.03, 0.001, 0.002, 0.001, 0.002], itertools.repeat(0.001))
    assert models.timed(Model(), "short") == ("verdict", pytest.approx(1.0))
    durations = itertools.chain([0.9], itertools.repeat(1.0))
    assert models.timed(Model(), "long") == ("verdict", pytest.approx(900))


@pytest.mark.parametrize(
    ("positive", "agree"), [((0.9, 0.8), True), ((0.9, 0.5), False), ((0.9, 0.1), False)]
)
def test_models_agree_if_their_verdicts_are_the_same(positive, agree):
    found = {stem: Sentiment("t", p) for stem, p in zip("ab", positive, strict=True)}
    assert models.agreed(found) == agree


def test_words_that_only_one_model_read_are_left_out():
    found = {
        "short": attribution(["a"], [0], [0.5]),
        "long": attribution(["a", "text"], [0, 2], [-0.5, 2.0]),
    }
    assert models.same_words(found) == [("a", {"short": 0.5, "long": -0.5})]
