from __future__ import annotations

from dlnlp.inference.batching import batches, in_order, pad_rows


def test_batches_hold_every_row_once_within_the_budget() -> None:
    lengths = [5, 1, 9, 3, 3, 20, 2]
    found = batches(lengths, budget=10)
    assert sorted(i for batch in found for i in batch) == list(range(7))
    for batch in found:
        padded = max(lengths[i] for i in batch) * len(batch)
        assert padded <= 10 or len(batch) == 1


def test_rows_are_padded_with_zeros_to_the_longest() -> None:
    ids, lengths = pad_rows([[5, 6], [7], [8, 9, 10]])
    assert ids.tolist() == [[5, 6, 0], [7, 0, 0], [8, 9, 10]]
    assert lengths.tolist() == [2, 1, 3]


def test_results_of_batches_come_back_in_the_order_of_the_inputs() -> None:
    lengths = [5, 1, 9, 3, 3, 20, 2]
    order = batches(lengths, budget=10)
    assert in_order(order, [[lengths[i] for i in batch] for batch in order]) == lengths
    assert in_order([], []) == []
