"""Train chapter 1's LSTM on a few labelled texts."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from dlnlp.inference.batching import pad_rows
from dlnlp.models.sentiment_lstm.model import SentimentLSTM
from dlnlp.models.sentiment_lstm.predictor import SentimentLSTMPredictor, save
from dlnlp.text.vocabulary import UNK, Vocabulary
from dlnlp.text.words import basic_english
from dlnlp.training.progress import Answer, Rows, Settings
from dlnlp.training.task import Task

Example = tuple[list[int], float]  # token ids and label


def needs_base(settings: Settings) -> bool:
    """Whether the training starts from the chapter's trained model."""
    return settings.pretrained


def build(settings: Settings, rows: Rows, base: SentimentLSTMPredictor | None) -> Task:
    """The tutorial's LSTM for these rows.

    With the trained embeddings of ``base``, which stay fixed, the model knows words that are not
    in the rows: words of similar sentiment have similar embeddings. The LSTM and the linear layer
    start from random weights in either case.
    """
    words = [basic_english(text) for text, _ in rows.rows]
    if base is None:
        vocabulary = Vocabulary.build(words)
        model = SentimentLSTM(len(vocabulary), settings.width, settings.width)
    else:
        vocabulary = base.vocabulary
        weights = base.model.embedding.weight.detach()
        model = SentimentLSTM(len(vocabulary), weights.shape[1], settings.width)
        model.embedding.weight = torch.nn.Parameter(weights.clone(), requires_grad=False)
    ids = [vocabulary.encode(row) or vocabulary.encode([UNK]) for row in words]
    labels = [float(label) for _, label in rows.rows]
    predictor = SentimentLSTMPredictor(model, vocabulary)

    def outputs(examples: Sequence[Example]) -> tuple[Tensor, Tensor]:
        tokens, lengths = pad_rows([row for row, _ in examples])
        return model(tokens, lengths), torch.tensor([label for _, label in examples])

    def answer(text: str) -> Answer:
        [found] = predictor.classify([text])
        return Answer(found.verdict, found.positive)

    return Task(model, predictor, list(zip(ids, labels, strict=True)), outputs, answer, save)
