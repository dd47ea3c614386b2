"""How closely the LSTM's hidden units follow the sentiment of texts."""

from __future__ import annotations

import numpy as np
import torch

from dlnlp.inference.batching import batches, in_order, pad_rows
from dlnlp.models.sentiment_lstm.predictor import BATCH_WORDS, SentimentLSTMPredictor
from dlnlp.text.words import basic_english
from train.data.sets import Labelled

TEXTS = 20_000  # that the correlations are measured on


@torch.inference_mode()
def unit_leanings(predictor: SentimentLSTMPredictor, rows: Labelled) -> np.ndarray:
    """The correlation (units,) of each unit's pooled value with the label of training texts."""
    every = range(0, len(rows.texts), max(1, len(rows.texts) // TEXTS))
    ids = [predictor.vocabulary.encode(basic_english(rows.texts[i])) for i in every]
    labels = np.array([rows.labels[i] for i, row in zip(every, ids, strict=True) if row])
    ids = [row for row in ids if row]
    order = batches([len(row) for row in ids], BATCH_WORDS)
    found = []
    for batch in order:
        tokens, lengths = pad_rows([ids[i] for i in batch])
        embedded = predictor.model.embedding(tokens.to(predictor.device))
        found.append(list(predictor.model.states(embedded, lengths)[1].float().cpu().numpy()))
    values = np.stack(in_order(order, found))  # (texts, units)
    values, labels = values - values.mean(0), labels - labels.mean()
    scale = np.sqrt((values**2).sum(0) * (labels**2).sum())
    leanings: np.ndarray = (values * labels[:, None]).sum(0) / np.maximum(scale, 1e-12)
    return leanings
