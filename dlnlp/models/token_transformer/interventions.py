"""Switch the Transformer's attention heads off, or patch its hidden states, and predict again.

Shapes: T tokens, C features, L layers, H heads, V tokens in the vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from dlnlp.inference.interventions import (
    counterparts,
    head_factors,
    heads_scaled,
    next_token_change,
    next_token_effects,
    patched,
    quoted,
    read_heads,
    without_each_head,
)
from dlnlp.models.token_transformer.model import Block, TransformerModel
from dlnlp.models.token_transformer.scoring import predictable
from dlnlp.models.token_transformer.tokens import Prompt, Tokens
from dlnlp.views import HeadEffects, Intervention, Patches

MOST_PATCHED = 64  # tokens at the end of a prompt that are patched


def head_effects(model: TransformerModel, tokens: Tokens, prompt: Prompt) -> HeadEffects:
    """How much the log-probability of the likeliest next token changes without each head."""
    blocks, states = _blocks(model), _embedded(model, prompt.ids)
    heads = model.config.nhead
    states = without_each_head(blocks, [block.out for block in blocks], states, heads)
    return next_token_effects(_next(model, states), tokens.texts, heads, prompt.truncated)


def heads_off(
    model: TransformerModel, tokens: Tokens, prompt: Prompt, off: Sequence[str]
) -> Intervention:
    """The likeliest next tokens with all heads, and without those in ``off``.

    Raises:
        ValueError: A name in ``off`` is no head of the model.
    """
    blocks, ids = _blocks(model), torch.tensor([prompt.ids], device=model.embedding.weight.device)
    heads = read_heads(off, len(blocks), model.config.nhead)
    factors = head_factors(heads, len(blocks), model.config.nhead)
    before = _next(model, model.hidden(ids), normed=True)[0]
    with heads_scaled([block.out for block in blocks], factors):
        after = _next(model, model.hidden(ids), normed=True)[0]
    return next_token_change(before, after, tokens.texts, prompt.truncated)


def patch(model: TransformerModel, tokens: Tokens, prompt: Prompt, other: Prompt) -> Patches:
    """How far patches with the other prompt's states move the prediction towards its own.

    The measure is the log-odds of the token that gains most in probability against the one that
    loses most (the logit difference of Wang et al. 2023). Only the last ``MOST_PATCHED`` tokens of
    the prompt are patched.
    """
    blocks = _blocks(model)
    residuals: list[Tensor] = []
    others = torch.tensor([other.ids], device=model.embedding.weight.device)
    target = _next(model, model.hidden(others, residuals=residuals), normed=True)[0]
    begin = max(0, len(prompt.ids) - MOST_PATCHED)
    names = [tokens.texts[i] for i in prompt.ids]
    found = counterparts(names, [tokens.texts[i] for i in other.ids])
    pairs = [(i, j) for i, j in enumerate(found) if j is not None and i >= begin]
    places = [([i], [j]) for i, j in pairs]
    theirs = {layer: states[0] for layer, states in enumerate(residuals)}
    states, made = patched(blocks, _embedded(model, prompt.ids), theirs, places)
    log_probs = _next(model, states)
    change = target.exp() - log_probs[0].exp()
    same = int(target.argmax())
    gains = int(change.argmax()) if float(change.max()) > 0 else same
    loses = int(change.argmin()) if float(change.min()) < 0 else same
    values = log_probs[:, gains] - log_probs[:, loses]
    goal = float(target[gains] - target[loses])
    moved = np.zeros((len(theirs), len(names) - begin))
    for (layer, place), value in zip(made, (values[1:] - values[0]).tolist(), strict=True):
        distance = goal - float(values[0])
        moved[layer, pairs[place][0] - begin] = value / distance if abs(distance) > 1e-6 else 0.0
    return Patches(
        f"the log-odds of {quoted(tokens.texts[gains])} against {quoted(tokens.texts[loses])}",
        float(values[0]),
        goal,
        ("embeddings", *(f"layer {i + 1}" for i in range(len(blocks)))),
        tuple(names[begin:]),
        tuple(None if j is None else tokens.texts[other.ids[j]] for j in found[begin:]),
        moved,
        prompt.truncated or begin > 0,
    )


def _blocks(model: TransformerModel) -> list[Block]:
    return [block for block in model.blocks if isinstance(block, Block)]


def _embedded(model: TransformerModel, ids: Sequence[int]) -> Tensor:
    """The input (1, T, C) of the first layer."""
    return model.embedded(torch.tensor([ids], device=model.embedding.weight.device))


def _next(model: TransformerModel, states: Tensor, normed: bool = False) -> Tensor:
    """Log-probabilities (N, V) of the token after the last one, for states (N, T, C)."""
    last = states[:, -1] if normed else model.norm(states[:, -1])
    return predictable(model.logits(last)).float().log_softmax(-1)
