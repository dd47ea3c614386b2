"""Find the attention head of a Transformer that is most informative to look at first."""

from __future__ import annotations

import numpy as np

from dlnlp.results import AttentionMaps

NEAR = 1  # tokens: many heads only attend to the token itself and its neighbours
MOST_TOKENS = 64


def informative_head(maps: AttentionMaps, special: frozenset[str] = frozenset()) -> tuple[int, int]:
    """The head (layer, head) that most selectively attends to distant tokens.

    For each token, a head's selectivity is the largest amount by which it attends to a token
    more than ``NEAR`` positions away, compared with the average token's attention to it. The
    head with the highest mean selectivity is chosen, so heads that attend to neighbours, to
    special tokens, or to the same token from every position rank low. Only the first
    ``MOST_TOKENS`` tokens are compared.

    Args:
        special: Tokens to ignore, such as ``[SEP]``.
    """
    content = [i for i, token in enumerate(maps.tokens) if token not in special][:MOST_TOKENS]
    weights = maps.weights[:, :, content][..., content]  # (layers, heads, N, N)
    if not content:
        return 0, 0
    contrast = weights - weights.mean(axis=-2, keepdims=True)
    places = np.arange(len(content))
    distant = np.abs(places[:, None] - places) > NEAR
    selectivity = np.where(distant, contrast, 0.0).max(axis=-1).mean(axis=-1)  # (layers, heads)
    layer, head = np.unravel_index(int(selectivity.argmax()), selectivity.shape)
    return int(layer), int(head)
