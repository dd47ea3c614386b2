"""Change what happens inside a Transformer: switch attention heads off, or patch hidden states.

The functions take modules, callables and tensors, so they work with any model whose layers turn
hidden states (N, T, C) into hidden states. Shapes: N rows of a batch, T tokens, C features, H heads
of D = C / H features each.
"""

from __future__ import annotations

import difflib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from dlnlp.inference.deadline import check_deadline
from dlnlp.views import HeadEffects, Intervention

Layer = Callable[[Tensor], Tensor]
LISTED = 10  # next tokens before and after a change
BATCH_TOKENS = 800  # larger batches do not fit the cache of a CPU
Head = tuple[int, int]  # layer and head, from 0


@contextmanager
def heads_scaled(projections: Sequence[nn.Module], factors: Sequence[Tensor]) -> Iterator[None]:
    """Multiply the outputs of attention heads by factors; 0 switches a head off.

    Only calls of this thread are changed, so other threads may use the model at the same time.

    Args:
        projections: The output projection of each layer, whose input (N, T, H * D) is the
            concatenated outputs of the layer's heads.
        factors: The factors (N, H) or (1, H) for each layer.
    """
    thread = threading.get_ident()

    def hook(
        factor: Tensor,
    ) -> Callable[[nn.Module, tuple[Tensor, ...]], tuple[Tensor, ...] | None]:
        def scale(module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...] | None:
            if threading.get_ident() != thread:
                return None
            mixed, *others = inputs
            split = mixed.unflatten(-1, (factor.shape[-1], -1))  # (N, T, H, D)
            factors = factor.to(mixed.device)[:, None, :, None]
            return ((split * factors).flatten(-2), *others)

        return scale

    handles = [
        module.register_forward_pre_hook(hook(factor))
        for module, factor in zip(projections, factors, strict=True)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def head_factors(off: Sequence[Head], layers: int, heads: int) -> list[Tensor]:
    """The factors (1, H) of each layer that switch these heads off."""
    factors = torch.ones(layers, 1, heads)
    for layer, head in off:
        factors[layer, 0, head] = 0
    return list(factors)


def without_each_head(
    layers: Sequence[Layer], projections: Sequence[nn.Module], states: Tensor, heads: int
) -> Tensor:
    """The final hidden states of a text with each attention head switched off in turn.

    The rows run as one batch. A row joins at the layer whose head it lacks, because the layers
    before are the same for all, which takes half the time.

    Args:
        states: The input (1, T, C) of the first layer.

    Returns:
        States (1 + L * H, T, C): first with all heads, then without the first head of the first
        layer, and so on.

    Raises:
        DeadlineExceeded: The deadline passed between two layers.
    """
    off = 1 - torch.eye(heads, device=states.device)
    for layer, projection in zip(layers, projections, strict=True):
        check_deadline()
        factors = torch.cat((off.new_ones(len(states), heads), off))
        states = torch.cat((states, states[:1].expand(heads, -1, -1)))
        with heads_scaled([projection], [factors]):
            states = layer(states)
    return states


def patched(
    layers: Sequence[Layer],
    states: Tensor,
    others: Mapping[int, Tensor],
    places: Sequence[tuple[Sequence[int], Sequence[int]]],
) -> tuple[Tensor, list[tuple[int, int]]]:
    """The final hidden states of a text, patched with those of another text in one place each.

    Activation patching (Meng et al. 2022; Heimersheim & Nanda 2024): the model reads the text, but
    before one layer the states of some tokens are replaced by those of the other text.

    Args:
        states: The input (1, T, C) of the first layer.
        others: States (T', C) of the other text, by the layer before which they are patched in,
            from 0; L is after the last layer.
        places: Positions in the text, and the positions in the other text whose states they get;
            if their numbers differ, all get the mean of those states.

    Returns:
        States (1 + P, T, C), first without a patch, and the layer and the place of each of the P
        patches. Patches that change nothing are left out.

    Raises:
        DeadlineExceeded: The deadline passed between two layers.
    """
    made: list[tuple[int, int]] = []
    for index in range(len(layers) + 1):
        check_deadline()
        rows = [states]
        for number, (targets, sources) in enumerate(places if index in others else ()):
            values = others[index][list(sources)]
            if len(sources) != len(targets):
                values = values.mean(0, keepdim=True)
            row = states[:1].clone()
            row[0, list(targets)] = values
            if not torch.allclose(row, states[:1], atol=1e-6):
                made.append((index, number))
                rows.append(row)
        states = torch.cat(rows)
        if index < len(layers):
            parts = states.split(max(1, BATCH_TOKENS // states.shape[1]))
            states = torch.cat([layers[index](part) for part in parts])
    return states, made


def read_heads(names: Sequence[str], layers: int, heads: int) -> list[Head]:
    """The heads with names such as "5.3", which is the third head of the fifth layer.

    Raises:
        ValueError: A name has another form, or the model has no such head.
    """
    found = []
    for name in names:
        layer, _, head = name.partition(".")
        known = layer.isdecimal() and head.isdecimal()
        if not known or not 1 <= int(layer) <= layers or not 1 <= int(head) <= heads:
            raise ValueError(
                f"{name!r} is not an attention head: write layer.head, from 1.1 to "
                f"{layers}.{heads}."
            )
        found.append((int(layer) - 1, int(head) - 1))
    return found


def counterparts(tokens: Sequence[str], others: Sequence[str]) -> list[int | None]:
    """For each token of a text, the index of its counterpart in another text, if it has one.

    Equal tokens are aligned by the longest common runs (``difflib``). Between them, tokens that
    differ are aligned in order from the last one back, and those left over have none.
    """
    found: list[int | None] = [None] * len(tokens)
    matcher = difflib.SequenceMatcher(None, tokens, others, autojunk=False)
    for _, begin, end, other_begin, other_end in matcher.get_opcodes():
        mine, theirs = range(begin, end), range(other_begin, other_end)
        for index, other in zip(reversed(mine), reversed(theirs), strict=False):
            found[index] = other
    return found


def next_token_effects(
    log_probs: Tensor, texts: Sequence[str], heads: int, truncated: bool
) -> HeadEffects:
    """The change of the likeliest next token's log-probability without each head.

    Args:
        log_probs: With all heads, then without each (1 + L * H, V).
        texts: The text of each token (V,).
    """
    best = int(log_probs[0].argmax())
    effects = (log_probs[1:, best] - log_probs[0, best]).view(-1, heads)
    return HeadEffects(_measure(texts, best), effects.cpu().numpy(), truncated)


def next_token_change(
    before: Tensor, after: Tensor, texts: Sequence[str], truncated: bool
) -> Intervention:
    """The likeliest next tokens of both log-probabilities (V,), the likeliest of all first."""
    count = min(LISTED, len(before))
    union = set(before.topk(count).indices.tolist()) | set(after.topk(count).indices.tolist())
    listed = sorted(union, key=lambda i: -max(float(before[i]), float(after[i])))
    best = int(before.argmax())
    return Intervention(
        tuple(texts[i] for i in listed),
        before[listed].exp().cpu().numpy(),
        after[listed].exp().cpu().numpy(),
        _measure(texts, best),
        float(after[best] - before[best]),
        truncated,
    )


def quoted(text: str) -> str:
    """A token in quotation marks, without the space before it."""
    return f"“{text.strip() or text}”"


def _measure(texts: Sequence[str], token: int) -> str:
    return f"the log-probability of {quoted(texts[token])}"
