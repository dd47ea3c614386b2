from __future__ import annotations

import numpy as np

from dlnlp.text.byte_level import BEGIN_ID
from train.data.mixture import BLOCK, Mixture


def stream(first: int, documents: int, length: int) -> np.ndarray:
    """Documents of consecutive ids, all different, each after a begin token."""
    ids = first + np.arange(documents * length).reshape(documents, length)
    return np.insert(ids, 0, BEGIN_ID, axis=1).flatten()


SHORT, LONG = stream(10_000, 60, 7), stream(20_000, 5, 200)
STREAMS = {"short": SHORT, "long": LONG}


def test_every_corpus_has_its_share_of_a_block() -> None:
    mixture = Mixture(STREAMS, {"short": 3, "long": 1}, context=16, seed=0)
    windows = [mixture.window(number) for number in range(2 * BLOCK)]
    for block in (windows[:BLOCK], windows[BLOCK:]):
        short = sum(max(window) < 20_000 for window in block)
        assert short == 0.75 * BLOCK
    assert all(len(window) == 17 for window in windows)


def test_a_window_depends_on_its_number_alone() -> None:
    one, other = (Mixture(STREAMS, {"short": 1, "long": 1}, 16, seed=0) for _ in range(2))
    expected = one.batch(700, 4)
    other.batch(3, 4)
    np.testing.assert_array_equal(other.batch(700, 4), expected)
    assert not np.array_equal(
        Mixture(STREAMS, {"short": 1, "long": 1}, 16, 1).batch(0, 4), one.batch(0, 4)
    )


def test_windows_are_parts_of_the_stream() -> None:
    mixture = Mixture({"short": SHORT}, {"short": 1}, context=16, seed=0)
    text = SHORT.tobytes()
    assert all(mixture.window(number).tobytes() in text for number in range(100))


def test_many_windows_begin_at_a_document_and_all_tokens_are_read() -> None:
    mixture = Mixture({"long": LONG}, {"long": 1}, context=64, seed=0)
    windows = [mixture.window(number) for number in range(BLOCK)]
    begin = np.mean([window[0] == BEGIN_ID for window in windows])
    assert 0.08 < begin < 0.4  # half of those that start in the first 64 of 201 tokens
    read = {int(token) for window in windows for token in window}
    assert set(LONG[:-128].tolist()) <= read  # the last windows of a pass may be cut off
    short = Mixture({"short": SHORT}, {"short": 1}, context=64, seed=0)
    begin = np.mean([short.window(number)[0] == BEGIN_ID for number in range(BLOCK)])
    assert begin > 0.45


def test_a_corpus_shorter_than_a_window_is_repeated() -> None:
    mixture = Mixture({"short": SHORT[:9]}, {"short": 1}, context=64, seed=0)
    assert mixture.batch(0, 3).shape == (3, 65)
