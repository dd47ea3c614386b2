"""Compute one attention head step by step: queries, keys, scores, weights and values."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from dlnlp.models.token_transformer.model import TransformerModel
from dlnlp.views import HeadSteps


@torch.inference_mode()
def head_steps(
    model: TransformerModel,
    ids: Sequence[int],
    names: Sequence[str],
    layer: int,
    head: int,
    position: int,
) -> HeadSteps:
    """The steps for the token at a position.

    Args:
        ids: Token ids (T,).
        names: The text of each token (T,).
        layer: From 0, as ``head`` and ``position``.
    """
    residuals: list[torch.Tensor] = []
    model.hidden(torch.tensor([ids], device=model.embedding.weight.device), residuals=residuals)
    block = model.blocks[layer]
    width = model.config.d_model // model.config.nhead
    part = slice(head * width, (head + 1) * width)
    parts = block.qkv(block.norm1(residuals[layer])).chunk(3, dim=-1)  # type: ignore[operator,union-attr]
    queries, keys, values = (each[0, :, part].float().cpu().numpy() for each in parts)  # (T, D)
    seen = slice(0, position + 1)
    query, keys, values = queries[position], keys[seen], values[seen]
    products = keys @ query
    scores = products / math.sqrt(width)
    weights = torch.from_numpy(scores).softmax(-1).numpy()
    return HeadSteps(
        tuple(names[seen]),
        query,
        keys,
        values,
        products,
        scores,
        weights,
        weights @ values,
        tuple(names[position + 1 :]),
    )
