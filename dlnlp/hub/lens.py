"""The logit lens (nostalgebraist 2020) for language models of the transformers library."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from dlnlp.hub.errors import HubError
from dlnlp.inference.deadline import check_deadline

if TYPE_CHECKING:
    from transformers import PreTrainedModel

ROWS = 64  # tokens whose logits are in memory at the same time
MOST_WORK = 150_000_000_000  # multiplications of output layers, about 10 seconds on two CPU cores
UNREADABLE = (
    "The layers of this model can't be read with its last normalisation and output layer: "
    "look at its other views."
)


def lens_room(model: PreTrainedModel, most: int) -> int:
    """How many tokens can be read in a few seconds, ``most`` at most."""
    head: Any = model.get_output_embeddings()
    layers = int(getattr(model.config, "num_hidden_layers", None) or 1) + 1
    return max(2, min(most, MOST_WORK // (layers * head.weight.numel()))) if head else most


@torch.inference_mode()
def read_layers(
    model: PreTrainedModel, ids: list[int]
) -> tuple[list[list[int]], list[list[float]], list[list[float]]]:
    """What each layer would predict after each of T tokens, from the embeddings to the last layer.

    The model's last normalisation and output layer are applied to the output of each layer.

    Returns:
        The most likely ids, their probabilities, and the probabilities of the ids that the last
        layer predicts, (L + 1, T) each.

    Raises:
        HubError: The model is built in another way.
        DeadlineExceeded: The deadline passed between two layers.
    """
    tokens = torch.tensor([ids], device=model.device)
    with _normalisations(model) as outputs:
        output = model(input_ids=tokens, output_hidden_states=True, use_cache=False)
    states = output.get("hidden_states")
    head: Any = model.get_output_embeddings()
    if not states or head is None:
        raise HubError(UNREADABLE)
    last = states[-1]  # already normalised
    norm = next((module for module, found in outputs if torch.equal(found, last)), None)
    if norm is None or not torch.allclose(head(last), output.logits, atol=1e-3):
        raise HubError(UNREADABLE)
    target = output.logits[0].argmax(-1)  # (T,)
    rows = [_row(lambda part: head(norm(part)), state[0], target) for state in states[:-1]]
    rows.append(_row(head, last[0], target))
    best, probabilities, final = zip(*rows, strict=True)
    return list(best), list(probabilities), list(final)


def _row(logits: Any, state: Tensor, target: Tensor) -> tuple[list[int], list[float], list[float]]:
    """The row of one layer, from its states (T, E)."""
    check_deadline()
    best, probabilities, final = [], [], []
    for part, wanted in zip(state.split(ROWS), target.split(ROWS), strict=True):
        shares = logits(part).float().softmax(-1)  # (N, V)
        most = shares.max(-1)
        best += most.indices.tolist()
        probabilities += most.values.tolist()
        final += shares.gather(-1, wanted.unsqueeze(-1))[:, 0].tolist()
    return best, probabilities, final


@contextmanager
def _normalisations(model: PreTrainedModel) -> Iterator[list[tuple[torch.nn.Module, Tensor]]]:
    """The outputs of the normalisations outside the layers, while the model runs inside.

    Architectures give their last normalisation different names.
    """
    outputs: list[tuple[torch.nn.Module, Tensor]] = []

    def note(module: torch.nn.Module, _: Any, output: Tensor) -> None:
        outputs.append((module, output))

    handles = [
        module.register_forward_hook(note)
        for name, module in model.named_modules()
        if "Norm" in type(module).__name__ and not any(map(str.isdigit, name.split(".")))
    ]
    try:
        yield outputs
    finally:
        for handle in handles:
            handle.remove()
