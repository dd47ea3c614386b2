"""Train the head and the last layer of chapter 4's BERT on the reader's own labels."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor

from dlnlp.models.sentiment_bert.model import positive_logit
from dlnlp.models.sentiment_bert.predictor import (
    SentimentBertPredictor,
    collate,
    encode,
    save,
)
from dlnlp.training.progress import Answer, Rows, Settings
from dlnlp.training.task import Task

Example = tuple[list[int], float]  # word-piece ids and label
MOST_PIECES = 128


def needs_base(settings: Settings) -> bool:
    """Whether the training starts from the chapter's trained model."""
    return True


def build(settings: Settings, rows: Rows, base: SentimentBertPredictor) -> Task:
    """The fine-tuned BERT with a new head; all layers but the last stay as they are."""
    model = copy.deepcopy(base.model)
    torch.nn.init.normal_(model.classifier.weight, std=0.02)
    torch.nn.init.zeros_(model.classifier.bias)
    model.requires_grad_(False)
    for part in (model.bert.encoder.layer[-1], model.bert.pooler, model.classifier):
        assert part is not None
        part.requires_grad_(True)
    predictor = SentimentBertPredictor(model, base.tokenizer)
    most = min(MOST_PIECES, predictor.max_length)
    examples = []
    for text, label in rows.rows:
        ids = encode(base.tokenizer, text)
        cut = ids if len(ids) <= most else [*ids[: most - 1], ids[-1]]
        examples.append((cut, float(label)))

    def outputs(examples: Sequence[Example]) -> tuple[Tensor, Tensor]:
        tokens, mask = collate([ids for ids, _ in examples])
        return positive_logit(model, tokens, mask), torch.tensor([label for _, label in examples])

    def answer(text: str) -> Answer:
        [found] = predictor.classify([text])
        return Answer(found.verdict, found.positive)

    return Task(model, predictor, examples, outputs, answer, save, batch_size=8)
