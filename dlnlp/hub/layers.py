"""What a classifier would say if its head read the output of each layer."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from dlnlp.hub.errors import HubError
from dlnlp.hub.forward import accepted

if TYPE_CHECKING:
    from transformers import PreTrainedModel

UNREADABLE = "This app can't read the layers of this model one by one: look at its other views."


@torch.inference_mode()
def layer_logits(model: PreTrainedModel, features: Mapping[str, Tensor]) -> Tensor:
    """Logits (L + 1, N) of a text's features (1, T), from the embeddings to the last layer.

    In place of the last layer's output, the rest of the model gets that of each layer: the logit
    lens (nostalgebraist 2020), for classifiers. The last row is the model's own.

    Raises:
        HubError: The model is built in another way.
    """
    count = int(getattr(model.config, "num_hidden_layers", None) or 0)
    stacks = (each for each in model.modules() if isinstance(each, nn.ModuleList))
    layers = next((each for each in stacks if count and len(each) == count), None)
    if layers is None:
        raise HubError(UNREADABLE)
    given = accepted(model, features)
    states, logits = _states(model, layers, given)
    if len(states) != count + 1 or len({each.shape for each in states}) != 1:
        raise HubError(UNREADABLE)

    def replace(_: nn.Module, __: Any, output: Any) -> Any:
        stacked = torch.cat(states)
        return stacked if isinstance(output, Tensor) else (stacked, *output[1:])

    with ExitStack() as hooks:
        hooks.callback(layers[-1].register_forward_hook(replace).remove)
        rows = {name: value.expand(len(states), -1) for name, value in given.items()}
        found: Tensor = model(**rows).logits.float()
    if not torch.allclose(found[-1:], logits, atol=1e-3):
        raise HubError(UNREADABLE)
    return found


def _states(
    model: PreTrainedModel, layers: nn.ModuleList, given: Mapping[str, Tensor]
) -> tuple[list[Tensor], Tensor]:
    """The input of the first layer and the output of each (1, T, E), and the model's logits."""
    states: list[Tensor] = []

    def note_input(_: nn.Module, inputs: Any, named: Any) -> None:
        states.append(inputs[0] if inputs else named["hidden_states"])

    def note_output(_: nn.Module, __: Any, output: Any) -> None:
        states.append(output if isinstance(output, Tensor) else output[0])

    with ExitStack() as hooks:
        first = layers[0].register_forward_pre_hook(note_input, with_kwargs=True)
        hooks.callback(first.remove)
        for layer in layers:
            hooks.callback(layer.register_forward_hook(note_output).remove)
        return states, model(**given).logits.float()
