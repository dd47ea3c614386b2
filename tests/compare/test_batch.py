"""Classifying many texts with all sentiment models."""

import numpy as np
import pandas as pd
import pytest

from dlnlp.catalog import record
from dlnlp.compare import batch, files
from dlnlp.compare.batch import CHUNK, Batch
from dlnlp.compare.models import MODELS
from dlnlp.registry import Registry
from dlnlp.service import Service

REGISTRY = Registry(untrained=True)
SERVICE = Service(REGISTRY)


def batch_of(first, second, labels=None):
    texts = [f"text {i}" for i in range(len(first))]
    positive = dict(zip(MODELS, (first, second), strict=True))
    return Batch(texts, labels, positive, dict.fromkeys(MODELS, 1.0), len(texts))


def test_every_chunk_is_reported_and_the_verdicts_are_those_of_the_models():
    texts = [f"a good film {i}" for i in range(CHUNK + 3)]
    seen = [(found.done, found.seconds_left) for found in batch.run(SERVICE, texts)]
    assert [done for done, _ in seen] == [CHUNK, CHUNK + 3]
    assert seen[0][1] > 0 and seen[1][1] == 0
    *_, found = batch.run(SERVICE, texts)
    for stem in MODELS:
        alone = [each.positive for each in REGISTRY.get(stem).classify(texts)]
        assert found.positive[stem] == pytest.approx(alone, abs=1e-4)
        assert found.seconds[stem] > 0


@pytest.mark.parametrize("count", [0, files.MAX_ROWS + 1])
def test_no_texts_and_too_many_are_refused(count):
    with pytest.raises(ValueError, match="10,000 texts"):
        next(batch.run(SERVICE, ["a"] * count))


def test_the_table_begins_with_disagreements_and_knows_who_is_right():
    found = batch_of([0.9, 0.9, 0.1, 0.2], [0.8, 0.1, 0.2, 0.9], [True, True, None, True])
    table = found.table()
    assert list(table["row"]) == [2, 4, 1, 3]
    assert list(table["agree"]) == ["no", "no", "yes", "yes"]
    first, second = (record(stem).title for stem in MODELS)
    assert list(table["right"]) == [f"only {first}", f"only {second}", "all", ""]
    assert list(table[first]) == ["positive", "negative", "positive", "negative"]


def test_agreement_and_kappa():
    [found] = batch.agreements(batch_of([0.9, 0.8, 0.1, 0.2], [0.9, 0.2, 0.1, 0.4]))
    assert found.rate == 0.75 and found.kappa == pytest.approx(0.5)
    [found] = batch.agreements(batch_of([0.9, 0.8], [0.9, 0.7]))
    assert (found.rate, found.kappa) == (1.0, 1.0)  # one class alone


def test_quality_counts_labelled_texts_alone():
    first, second = batch.qualities(
        batch_of([0.9, 0.8, 0.1, 0.6], [0.6, 0.6, 0.6, 0.6], [True, True, False, None])
    )
    assert (first.texts, first.accuracy, first.f1) == (3, 1.0, 1.0)
    assert first.confusion == ((1, 0), (0, 2)) and second.confusion == ((0, 1), (0, 2))
    assert first.calibration_error == pytest.approx((0.1 + 0.2 + 0.1) / 3)
    assert not batch.qualities(batch_of([0.9], [0.9]))
    assert not batch.qualities(batch_of([0.9], [0.9], [None]))


def test_the_bins_of_the_reliability_diagram_hold_equally_many_texts():
    chance = np.random.default_rng(0)
    positive = chance.random(5_000)
    truth = chance.random(5_000) < positive
    bins = batch.reliability(truth, positive)
    assert [count for *_, count in bins] == [500] * 10
    assert all(abs(mean - share) < 0.08 for mean, share, _ in bins)


def test_a_saved_table_is_read_again(tmp_path):
    frame = batch_of([0.9, 0.2], [0.1, 0.2]).table()
    csv, parquet = files.save(frame, tmp_path)
    assert pd.read_csv(csv).equals(frame)
    assert pd.read_parquet(parquet).equals(frame)
