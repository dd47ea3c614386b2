from __future__ import annotations

import numpy as np
import pytest

from dlnlp.inference.sampling import Draws, filtered, likeliest
from dlnlp.results import Distribution

LOG_PROBS = np.log(np.array([0.5, 0.3, 0.15, 0.05]))


def test_plain_settings_change_nothing() -> None:
    np.testing.assert_allclose(filtered(LOG_PROBS), np.exp(LOG_PROBS))


def test_temperature() -> None:
    assert filtered(LOG_PROBS, temperature=0).tolist() == [1, 0, 0, 0]
    sharp, flat = filtered(LOG_PROBS, 0.5), filtered(LOG_PROBS, 2.0)
    assert sharp[0] > 0.5 > flat[0]


def test_top_k_and_top_p_keep_the_best() -> None:
    np.testing.assert_allclose(filtered(LOG_PROBS, top_k=2), [0.625, 0.375, 0, 0])
    np.testing.assert_allclose(filtered(LOG_PROBS, top_p=0.7), [0.625, 0.375, 0, 0])
    assert filtered(LOG_PROBS, top_p=1e-9).tolist() == [1, 0, 0, 0]
    assert filtered(LOG_PROBS, top_k=99, top_p=1.0).tolist() == filtered(LOG_PROBS).tolist()


def test_the_likeliest_come_first_and_those_ruled_out_not_at_all() -> None:
    found = Distribution("p", ("a", " b", "‹C3›", "d"), LOG_PROBS, frozenset((2,)))
    tokens = likeliest(found, filtered(found.log_probs, top_k=3), k=10)
    assert [(t.id, t.text, t.whole) for t in tokens] == [
        (0, "a", True),
        (1, " b", True),
        (2, "‹C3›", False),
    ]
    assert sum(t.probability for t in tokens) == pytest.approx(1)
    assert len(likeliest(found, filtered(found.log_probs), k=2)) == 2
    with pytest.raises(ValueError, match="k must"):
        likeliest(found, filtered(found.log_probs), k=0)


def test_tokens_are_drawn_as_often_as_they_are_likely() -> None:
    draws, probabilities = Draws(0), filtered(LOG_PROBS, top_k=3)
    counts = np.bincount([draws(probabilities, place) for place in range(4000)])
    np.testing.assert_allclose(counts / 4000, [10 / 19, 6 / 19, 3 / 19], atol=0.02)


def test_seed_and_place_draw_alike_and_near_distributions_nearly_so() -> None:
    one, same, other = Draws(3), Draws(3), Draws(4)
    probabilities = np.full(100, 0.01)
    near = probabilities * np.random.default_rng(0).uniform(0.97, 1.03, 100)
    found = [one(probabilities, place) for place in range(500)]
    assert found == [same(probabilities, place) for place in reversed(range(500))][::-1]
    assert found != [other(probabilities, place) for place in range(500)]
    agreeing = sum(one(near, place) == token for place, token in enumerate(found))
    assert agreeing > 450


def test_a_certain_token_is_drawn_anywhere() -> None:
    assert {Draws(None)(filtered(LOG_PROBS, temperature=0), place) for place in range(50)} == {0}


@pytest.mark.parametrize(
    "setting", [{"temperature": -1}, {"top_k": 0}, {"top_p": 0.0}, {"repetition_penalty": 0.9}]
)
def test_a_setting_out_of_range_is_named(setting: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(setting))):
        filtered(LOG_PROBS, **setting)  # type: ignore[arg-type]


def test_a_seed_draws_independently_for_each_prompt() -> None:
    probabilities = np.full(100, 0.01)
    one, same, other = (
        [Draws(3, prompt)(probabilities, position) for position in range(500)]
        for prompt in ("once", "once", "twice")
    )
    assert one == same
    assert sum(a == b for a, b in zip(one, other, strict=True)) < 25  # 5 by chance


def test_the_penalty_makes_recent_tokens_less_likely_whatever_the_logits_count_from() -> None:
    plain = filtered(LOG_PROBS)
    for recent in ([0], [3], [0, 3, 3]):
        found = filtered(LOG_PROBS, repetition_penalty=1.5, recent=recent)
        shifted = filtered(LOG_PROBS + 7, repetition_penalty=1.5, recent=recent)
        np.testing.assert_allclose(found, shifted)
        assert all(found[i] < plain[i] for i in set(recent))
    np.testing.assert_array_equal(filtered(LOG_PROBS, repetition_penalty=1.5), plain)
    np.testing.assert_array_equal(filtered(LOG_PROBS, recent=[0]), plain)


def test_the_penalty_divides_the_logit_of_a_likely_token() -> None:
    logits = np.array([4.0, 2.0, -2.0, -4.0, -np.inf])  # mean 0 without the last
    found = filtered(logits, repetition_penalty=2.0, recent=[0, 2, 4])
    expected = np.exp([2.0, 2.0, -4.0, -4.0, -np.inf])
    np.testing.assert_allclose(found, expected / expected.sum())


def test_the_penalty_can_change_the_greedy_choice() -> None:
    found = filtered(LOG_PROBS, 0, repetition_penalty=3.0, recent=[0])
    assert found.tolist() == [0, 1, 0, 0]
