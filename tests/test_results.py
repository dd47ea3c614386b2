from __future__ import annotations

import json

import numpy as np
import pytest

from dlnlp.inference.attention import word_attention
from dlnlp.results import BlockMatrix, Distribution, Sentiment, TokenScore, Translation, as_json


@pytest.mark.parametrize(
    ("positive", "label", "verdict"),
    [
        (0.9, "positive", "positive"),
        (0.6, "positive", "unsure"),
        (0.4, "negative", "unsure"),
        (0.1, "negative", "negative"),
        (2 / 3, "positive", "positive"),
        (1 / 3, "negative", "negative"),
    ],
)
def test_label_and_verdict_follow_from_the_probability(
    positive: float, label: str, verdict: str
) -> None:
    result = Sentiment("x", positive)
    assert (result.label, result.verdict) == (label, verdict)


def test_impossible_results_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="probability"):
        Sentiment("x", 1.2)
    with pytest.raises(ValueError, match="log-probability"):
        TokenScore("x", 0.5)
    with pytest.raises(ValueError, match="2 tokens"):
        Distribution("", ("a", "b"), np.zeros(1))
    with pytest.raises(ValueError, match="sum to 1"):
        Distribution("", ("a", "b"), np.log([0.5, 0.2]))
    wrong = np.array([[0.7, 0.7]])
    with pytest.raises(ValueError, match="sum to 1"):
        Translation("a", -1.0, ("b", "c"), ("a",), np.zeros(1), wrong)
    with pytest.raises(ValueError, match="attention must be"):
        Translation("a", -1.0, ("b", "c"), ("a",), np.zeros(1), np.ones((1, 1)))


def test_results_become_json() -> None:
    value = Translation("a", -1.0, ("b",), ("a",), np.array([-1.0]), np.ones((1, 1)))
    decoded = json.loads(json.dumps(as_json([value, Sentiment("x", 0.25)])))
    assert decoded[0]["attention"] == [[1.0]]
    assert decoded[1] == {
        "text": "x",
        "positive": 0.25,
        "truncated": False,
        "label": "negative",
        "verdict": "negative",
    }


def test_attention_by_words_sums_over_the_source_and_averages_over_the_target() -> None:
    attention = np.array(
        [[0.5, 0.1, 0.1, 0.3], [0.1, 0.1, 0.4, 0.4], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
    )
    result = Translation("ou y", -1.0, tuple("a be"), tuple("ou y"), np.zeros(4), attention)
    found = word_attention(result)
    assert (found.source, found.target) == (("a", "be"), ("ou", "y"))
    assert found.weights == pytest.approx(np.array([[0.4, 0.6], [0.0, 1.0]]))
    assert found.characters.shape == (2, 4)


def test_attention_by_words_of_nothing() -> None:
    result = Translation("", 0.0, ("a",), (), np.zeros(0), np.zeros((0, 1)))
    assert word_attention(result).weights.shape == (0, 1)


@pytest.mark.parametrize("id", [-1, 4, 1.0, True, None, "0", [0], 1, 2])
def test_only_a_whole_possible_token_may_follow(id: object) -> None:
    log_probs = np.array([0.0, -np.inf, np.log(1e-9), -np.inf])
    found = Distribution("", ("a", "<unk>", "‹C3›", "d"), log_probs, frozenset((2,)))
    assert found.may_follow(0)
    assert not found.may_follow(id)


def test_surprisal_is_in_bits() -> None:
    assert TokenScore("a", float(np.log(0.25))).bits == pytest.approx(2)
    assert TokenScore("a", 1e-9).bits == 0


def test_a_block_matrix_reads_like_the_whole_matrix() -> None:
    blocks = [
        (0, 0, np.arange(1, 7, dtype=np.float32).reshape(2, 3)),
        (2, 3, np.array([[7, 8]], dtype=np.float32)),
    ]
    whole = np.zeros((4, 6), dtype=np.float32)
    whole[:2, :3], whole[2, 3:5] = blocks[0][2], blocks[1][2]
    matrix = BlockMatrix((4, 6), blocks)
    np.testing.assert_array_equal(np.asarray(matrix), whole)
    for key in (np.s_[:2, 1:4], np.s_[1:], np.s_[1:3, 2:], np.s_[::2, ::3], np.s_[2, 4], np.s_[1]):
        np.testing.assert_array_equal(matrix[key], whole[key])
    np.testing.assert_array_equal(matrix.row_sums(), whole.sum(axis=1))
    assert matrix.tolist() == as_json(matrix) == whole.tolist()


def test_the_json_of_a_huge_sparse_matrix_leaves_it_out():
    block = np.ones((2, 2), dtype=np.float32)
    assert as_json(BlockMatrix((2, 3), [(0, 0, block)])) == [[1, 1, 0], [1, 1, 0]]
    assert as_json(BlockMatrix((3000, 3000), [(0, 0, block)])) is None
