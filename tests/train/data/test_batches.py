from __future__ import annotations

import numpy as np

from train.data.batches import fewest, length_batches, taking_turns


def test_every_row_has_its_turn() -> None:
    parts = [(10, 1.0), (7, 0.334), (2, 1 / 3), (5, 0.5)]
    epochs = [taking_turns(parts, epoch) for epoch in range(6)]
    seen = [row for rows in epochs for row in rows]
    counts = [seen.count(row) for row in range(24)]
    assert counts == [6] * 10 + [2] * 7 + [2] * 2 + [3] * 5
    assert all(len(set(rows)) == len(rows) for rows in epochs)
    assert fewest(parts) == min(map(len, epochs)) == 10 + 2 + 0 + 2


def test_any_share_is_exact_and_spread_over_the_rows() -> None:
    epochs = [taking_turns([(40, 0.85)], epoch) for epoch in range(20)]
    assert all(len(rows) == 34 for rows in epochs)
    assert all(sum(row < 20 for row in rows) == 17 for rows in epochs)
    assert {sum(row in rows for rows in epochs) for row in range(40)} == {17}


def test_batches_of_pairs_are_equal_in_the_first_length_and_near_in_the_second() -> None:
    sizes = [(i % 4 + 1, 5 + i % 37) for i in range(400)]
    found = list(length_batches(sizes, 10, seed=0, epoch=1))
    assert sorted(i for batch in found for i in batch) == list(range(400))
    assert all(len({sizes[i][0] for i in batch}) == 1 for batch in found)
    spread = [max(sizes[i][1] for i in b) - min(sizes[i][1] for i in b) for b in found]
    assert np.mean(spread) < 12
    assert found == list(length_batches(sizes, 10, seed=0, epoch=1))
    assert list(length_batches([], 10, seed=0, epoch=1)) == []


def test_batches_of_an_epoch_hold_every_row_once() -> None:
    lengths = list(range(1, 101))
    found = list(length_batches(lengths, 8, seed=0, epoch=3))
    assert sorted(i for batch in found for i in batch) == list(range(100))
    assert found == list(length_batches(lengths, 8, seed=0, epoch=3))
    spread = [max(batch) - min(batch) for batch in found]
    assert np.mean(spread) < 25
