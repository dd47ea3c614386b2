"""The units that follow the sentiment of texts."""

import numpy as np

from dlnlp.models.sentiment_lstm import predictor as sentiment_lstm
from train.data.sets import Labelled
from train.evaluation.units import unit_leanings


def test_leanings_are_the_correlations_of_the_pooled_states():
    predictor = sentiment_lstm.tiny()
    texts = ["the film was good", "bad", "not bad", "good good film", "the film was bad", ""]
    labels = [1.0, 0.0, 1.0, 1.0, 0.0, 1.0]
    found = unit_leanings(predictor, Labelled(texts, labels))
    pooled = np.stack([predictor.gates(text).hidden.max(0) for text in texts[:-1]])
    expected = np.corrcoef(pooled.T, labels[:-1])[-1, :-1]
    assert np.allclose(found, expected, atol=1e-4)
