"""Attributions against captum's, and by what they must add up to."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients

from dlnlp import catalog
from dlnlp.inference.attribution import (
    integrated_gradients,
    leave_one_out,
    per_word,
    sentence_units,
)
from dlnlp.inference.deadline import DeadlineExceeded, deadline
from dlnlp.text.words import words

TEXT = "I don't hate it, but the great movie was bad!"
STEMS = ["sentiment_lstm", "sentiment_bert"]


@pytest.fixture(scope="module", params=STEMS)
def predictor(request: pytest.FixtureRequest) -> Any:
    return catalog.record(request.param).tiny()


def test_integrated_gradients_are_captums() -> None:
    torch.manual_seed(0)
    weight = torch.randn(5, 3)

    def logit(points: torch.Tensor) -> torch.Tensor:
        return torch.tanh((points * weight).sum(-1)).prod(-1)

    x, baseline = torch.randn(5, 3), torch.zeros(5, 3)
    ours = integrated_gradients(logit, x, baseline, steps=200)
    theirs = IntegratedGradients(logit).attribute(
        x.unsqueeze(0), baseline.unsqueeze(0), n_steps=200, method="riemann_middle"
    )
    torch.testing.assert_close(ours, theirs.sum(-1)[0].float(), atol=1e-5, rtol=1e-4)


def test_both_models_explain_the_same_words() -> None:
    found = [catalog.record(stem).tiny().explain(TEXT) for stem in STEMS]
    assert found[0].words == found[1].words and found[0].starts == found[1].starts
    assert found[0].words[:4] == ("I", "don't", "hate", "it")


@pytest.mark.parametrize("method", ["integrated_gradients", "leave_one_out"])
def test_every_word_has_a_score(predictor: Any, method: str) -> None:
    for text in (TEXT, "", "😀", "it 's n't -lrb- ok -rrb-", "A film. " * 300):
        found = predictor.explain(text, method)
        assert len(found.scores) == len(found.words) == len(found.starts)
        assert all(
            found.text[s:].startswith(w) for w, s in zip(found.words, found.starts, strict=True)
        )
        assert np.isfinite(found.scores).all()
    assert predictor.explain("A film. " * 300, method).truncated


def test_gradients_leave_nothing_behind(predictor: Any) -> None:
    predictor.explain(TEXT)
    assert all(p.grad is None for p in predictor.model.parameters())


def test_leaving_out_is_the_difference_of_two_answers(predictor: Any) -> None:
    found = predictor.explain("the great movie", "leave_one_out")
    whole, without = predictor.logits(["the great movie", "the  movie"])
    assert found.scores[1] == pytest.approx(whole - without, abs=1e-5)


def test_an_unknown_method_is_refused(predictor: Any) -> None:
    with pytest.raises(ValueError, match="leave_one_out"):
        predictor.explain(TEXT, "magic")


def test_pieces_are_added_up_by_word() -> None:
    text = "I don't"
    assert per_word(text, [0, 2, 4], [1.0, 2.0, 3.0]).tolist() == [1.0, 5.0]


BAD_AT_THE_END = "word " * 99 + "bad"


def test_sentences_hold_every_word_once() -> None:
    text = 'One. Two words! "Three" of... them? End'
    units = sentence_units(text)
    assert [i for unit in units for i in unit] == list(range(len(words(text))))
    assert len(units) == 5


def test_very_many_sentences_are_left_out_together() -> None:
    asked: list[int] = []

    def logits(texts: list[str]) -> list[float]:
        asked.append(len(texts))
        return [float(len(text)) for text in texts]

    scores = leave_one_out(logits, "Bad. " * 200)
    assert asked[0] <= 33 and len(scores) == 400 and (scores > 0).all()


def test_a_long_text_without_sentences_is_left_out_in_parts() -> None:
    found = leave_one_out(
        lambda texts: [float(text.count("bad")) for text in texts], BAD_AT_THE_END
    )
    assert len(found) == 100 and (found[:-4] == 0).all() and found[-4:] == pytest.approx([0.25] * 4)


def test_an_explanation_does_not_wait_for_another_models() -> None:
    started, finish, explained = threading.Event(), threading.Event(), threading.Event()

    def slow(points: torch.Tensor) -> torch.Tensor:
        started.set()
        assert finish.wait(60)
        return points.sum(dim=(1, 2))

    def explain() -> None:
        catalog.record("sentiment_lstm").tiny().explain(TEXT)
        explained.set()

    long = threading.Thread(
        target=integrated_gradients, args=(slow, torch.ones(3, 2), torch.zeros(3, 2))
    )
    short = threading.Thread(target=explain)
    long.start()
    try:
        assert started.wait(20)
        short.start()
        assert explained.wait(20)
    finally:
        finish.set()
        long.join()
        short.join()


def test_gradients_stop_at_the_deadline_between_parts() -> None:
    parts = []

    def logit(points: torch.Tensor) -> torch.Tensor:
        parts.append(len(points))
        time.sleep(0.06)
        return points.sum(dim=(1, 2))

    x = torch.ones(1024, 2)  # two points to a part
    with deadline(0.05), pytest.raises(DeadlineExceeded):
        integrated_gradients(logit, x, torch.zeros_like(x))
    assert parts == [2]


@pytest.mark.parametrize("method", ["integrated_gradients", "leave_one_out"])
def test_an_explanation_stops_at_the_deadline(predictor: Any, method: str) -> None:
    with deadline(-1), pytest.raises(DeadlineExceeded):
        predictor.explain(TEXT, method)
