"""Beam search against every output of a small random language."""

from __future__ import annotations

import itertools

import pytest
import torch

from dlnlp.inference.beam_search import Hypothesis, beam_search, normalised
from dlnlp.inference.deadline import DeadlineExceeded, deadline

SIZE, END, LONGEST, WIDTH = 4, 3, 3, 40
STATE = (torch.zeros(1, WIDTH, 1),)
TABLE = torch.log_softmax(
    2 * torch.randn(SIZE, SIZE, generator=torch.Generator().manual_seed(3)), dim=-1
)
# The search wants 2 * WIDTH candidates at the first step: impossible tokens fill them up.
PADDED = torch.cat((TABLE, torch.full((SIZE, 100), -torch.inf)), dim=1)


def step(tokens, state):
    return PADDED[tokens % SIZE], torch.ones(len(tokens), 1), state


def search(alpha: float) -> list[Hypothesis]:
    found = beam_search(step, STATE, [LONGEST], [alpha], beam_size=WIDTH, start=0, end=END)
    return found[0]


def score(output: tuple[int, ...]) -> float:
    return sum(float(TABLE[a, b]) for a, b in itertools.pairwise([0, *output, END]))


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0, 3.0])
def test_it_finds_and_ranks_all_outputs(alpha: float) -> None:
    def rate(output: tuple[int, ...]) -> float:
        return normalised(score(output), len(output), alpha)

    every = [o for n in range(LONGEST + 1) for o in itertools.product(range(END), repeat=n)]
    found = search(alpha)
    assert [h.tokens for h in found] == sorted(every, key=rate, reverse=True)
    for hypothesis in found:
        assert hypothesis.score == pytest.approx(score(hypothesis.tokens), abs=1e-5)
        assert hypothesis.rate == pytest.approx(rate(hypothesis.tokens), abs=1e-5)


def test_without_a_penalty_short_outputs_win_and_a_large_one_favours_long_ones() -> None:
    assert len(search(0.0)[0].tokens) < len(search(3.0)[0].tokens)


def test_alpha_is_1_by_default() -> None:
    found = beam_search(step, STATE, [LONGEST], beam_size=WIDTH, start=0, end=END)[0]
    assert [h.tokens for h in found] == [h.tokens for h in search(1.0)]


def test_normalised_is_the_sum_itself_without_a_penalty() -> None:
    assert normalised(-3.0, 10, 0.0) == -3.0
    assert normalised(-3.0, 12) == pytest.approx(-1.0)


def test_a_deadline_stops_the_search() -> None:
    with deadline(0), pytest.raises(DeadlineExceeded):
        search(1.0)


def test_unlikely_short_outputs_do_not_end_the_search() -> None:
    """The likely output could end early at every step, and has more steps than there are beams."""
    last, end, width = 6, 7, 3
    table = torch.full((last + 1, 20), 1e-4)
    table[:, end] = 0.03
    table[torch.arange(last), torch.arange(1, last + 1)] = 0.96
    table[last, end] = 0.96

    def chain(tokens, state):
        return table.log()[tokens % (last + 1)], torch.ones(len(tokens), 1), state

    state = (torch.zeros(1, width, 1),)
    [found] = beam_search(chain, state, [2 * last], [0.0], beam_size=width, start=0, end=end)
    assert found[0].tokens == tuple(range(1, last + 1))
    assert len(found) == width
    assert [h.rate for h in found] == sorted((h.rate for h in found), reverse=True)
