"""Run models of the transformers library: their arguments, attention weights and device."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from dlnlp.hub.errors import HubError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

MOST_TOKENS = 512  # of a text, where time or memory grow with the square of its length
MOST_WEIGHTS = 40_000_000  # attention weights of one text, 160 MB
ENDLESS = 10**6  # tokenizers without a limit have a huge one


def accepted(model: PreTrainedModel, features: Mapping[str, Any]) -> dict[str, Any]:
    """The features that the model's ``forward`` takes.

    Some tokenizers return token types for models that have none.
    """
    known = inspect.signature(model.forward).parameters
    return {name: value for name, value in features.items() if name in known}


def positions(model: PreTrainedModel, tokenizer: Any, most: int) -> int:
    """How many tokens of a text the model reads, ``most`` at most."""
    limits = [most, getattr(model.config, "max_position_embeddings", None) or most]
    if 0 < tokenizer.model_max_length < ENDLESS:
        limits.append(tokenizer.model_max_length)
    for name, module in model.named_modules():
        table = name.endswith("position_embeddings") and isinstance(module, torch.nn.Embedding)
        if table and module.padding_idx is not None:  # RoBERTa counts positions from there
            limits.append(module.num_embeddings - module.padding_idx - 1)
    return min(limits)


def attention_room(model: PreTrainedModel, most: int) -> int:
    """The most tokens for which all attention weights are kept in memory."""
    config = model.config
    heads = int(getattr(config, "num_attention_heads", None) or 1)
    maps = heads * int(getattr(config, "num_hidden_layers", None) or 1)
    return max(2, min(most, MOST_TOKENS, math.isqrt(MOST_WEIGHTS // maps)))


def check_ids(model: PreTrainedModel, ids: list[int]) -> None:
    """Check that the model has an embedding for every token.

    Raises:
        HubError: The tokenizer belongs to another model.
    """
    table: Any = model.get_input_embeddings()
    if ids and max(ids) >= table.weight.shape[0]:
        raise HubError(
            "This model's tokenizer has more tokens than the model: choose a model whose files "
            "belong together."
        )


@contextmanager
def eager(model: PreTrainedModel) -> Iterator[None]:
    """The model with an implementation of attention that returns weights, unlike fused kernels."""
    before = model.config._attn_implementation
    if before == "eager":
        yield
        return
    model.set_attn_implementation("eager")
    try:
        yield
    finally:
        model.set_attn_implementation(before)


def attention_weights(model: PreTrainedModel, features: Mapping[str, Tensor]) -> np.ndarray:
    """Attention weights (L, H, T, T) for the features (1, T) of one text.

    Raises:
        HubError: The model has no attention, or not between all tokens.
    """
    with eager(model):
        output = model(**accepted(model, features), output_attentions=True)
    count = features["input_ids"].shape[1]
    maps = [layer for layer in output.get("attentions") or () if layer is not None]
    if not maps or {layer.shape for layer in maps} != {(1, maps[0].shape[1], count, count)}:
        raise HubError(
            "This model gives no attention weights between all tokens: look at its other views."
        )
    return torch.cat(maps).float().cpu().numpy()
