"""Chapter 4: sentiment classification with a fine-tuned BERT.

``BertForSequenceClassification`` of the transformers library with two labels, negative and
positive:

    token ids -> BERT -> hidden state of [CLS] -> pooler -> linear layer -> two logits

P(positive) is the softmax of the two logits, which is the sigmoid of their difference. Like the
output of chapter 1's LSTM, this difference is called the logit in the rest of the project.

Shapes: B texts in a batch, T word pieces in the longest one (including [CLS] and [SEP]), E hidden
dimensions, L layers, H attention heads of D = E / H dimensions each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:  # importing transformers takes seconds, so build() does it on first use
    from transformers import BertConfig, BertForSequenceClassification

CALIBRATION = ("temperature", "shift", "growth")  # entries of config.json that aren't BERT's


def build(config: dict[str, Any]) -> BertForSequenceClassification:
    """The model for a checkpoint's config.json, with random weights; nothing is downloaded.

    Raises:
        TypeError, ValueError: The config is not a BERT config.
    """
    from transformers import BertForSequenceClassification

    return BertForSequenceClassification(build_config(config))


def build_config(config: dict[str, Any]) -> BertConfig:
    """The library's config for a config.json, which lists only differences from its defaults."""
    from transformers import BertConfig

    return BertConfig(**{key: value for key, value in config.items() if key not in CALIBRATION})


def label_logits(model: BertForSequenceClassification, ids: Tensor, mask: Tensor) -> Tensor:
    """Logits (B, 2) of negative and positive, for token ids and attention mask (B, T)."""
    attention_mask = None if bool(mask.all()) else mask  # unmasked attention is faster
    return model(input_ids=ids, attention_mask=attention_mask).logits.float()


def positive_logit(model: BertForSequenceClassification, ids: Tensor, mask: Tensor) -> Tensor:
    """Logits (B,) of positive against negative, for token ids and attention mask (B, T)."""
    negative, positive = label_logits(model, ids, mask).unbind(dim=-1)
    return positive - negative


@torch.inference_mode()
def classify(model: BertForSequenceClassification, texts: Sequence[Sequence[int]]) -> list[float]:
    """P(positive) of each text, given as token ids with [CLS] and [SEP]; one text at a time.

    The predictor does the same in batches, splits long texts into windows, and uses a faster
    engine if it has one.
    """
    model.eval()  # no dropout
    device = model.classifier.weight.device
    probabilities = []
    for ids in texts:
        tokens = torch.tensor([ids], device=device)  # (1, T)
        logit = positive_logit(model, tokens, torch.ones_like(tokens))  # (1,)
        probabilities.append(torch.sigmoid(logit).item())
    return probabilities


@torch.inference_mode()
def mean_states(model: BertForSequenceClassification, ids: Tensor, mask: Tensor) -> Tensor:
    """Mean hidden states (B, L + 1, E) over the tokens, of the embeddings and each layer."""
    device = model.classifier.weight.device
    ids, mask = ids.to(device), mask.to(device)
    states = model.bert(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states
    share = (mask / mask.sum(dim=1, keepdim=True)).unsqueeze(-1)  # (B, T, 1)
    return torch.stack([(layer.float() * share).sum(dim=1) for layer in states], dim=1)


@torch.inference_mode()
def attention_weights(model: BertForSequenceClassification, ids: Tensor) -> Tensor:
    """Attention weights (L, H, T, T) for the token ids (1, T) of one text.

    softmax(Q K^T / sqrt(D)) of Vaswani et al. 2017, computed from the input of each layer, because
    the fused kernels that the model uses return no weights.
    """
    states = model.bert(input_ids=ids, output_hidden_states=True).hidden_states  # L + 1, (1, T, E)
    weights = []
    layers: Any = model.bert.encoder.layer
    for layer, state in zip(layers, states[:-1], strict=True):
        attention = layer.attention.self
        heads = (attention.num_attention_heads, attention.attention_head_size)
        query = attention.query(state).unflatten(-1, heads).transpose(1, 2)  # (1, H, T, D)
        key = attention.key(state).unflatten(-1, heads).transpose(1, 2)
        scores = query @ key.transpose(-1, -2) / attention.attention_head_size**0.5
        weights.append(scores.softmax(dim=-1))
    return torch.cat(weights)


@dataclass(frozen=True)
class Probes:
    """Linear probes: one linear classifier of the mean hidden state per layer.

    They show from which layer on the verdict can be predicted (Alain & Bengio 2017). ``weight`` is
    (L + 1, E) and ``bias`` (L + 1,); the first probe is for the embeddings.
    """

    weight: Tensor
    bias: Tensor

    def logits(self, states: Tensor) -> Tensor:
        """Logits (B, L + 1) of positive against negative, for mean states (B, L + 1, E)."""
        return (states * self.weight.to(states)).sum(dim=-1) + self.bias.to(states)

    @classmethod
    def blank(cls, model: BertForSequenceClassification) -> Probes:
        """Untrained probes for a model: P(positive) is 1/2 at every layer."""
        layers, width = model.config.num_hidden_layers + 1, model.config.hidden_size
        return cls(torch.zeros(layers, width), torch.zeros(layers))
