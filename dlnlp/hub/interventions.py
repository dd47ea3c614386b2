"""Switch off attention heads of any model of the transformers library."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from dlnlp.hub.errors import HubError
from dlnlp.hub.forward import accepted
from dlnlp.inference.deadline import check_deadline
from dlnlp.inference.interventions import head_factors, heads_scaled, read_heads

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# The output projection of a layer's attention, by the names that architectures give it.
_PROJECTION = re.compile(
    r"(attention\.output\.dense|attention\.out_lin|attention\.dense"
    r"|attn\.(c_proj|o_proj|out_proj|dense))$"
)
UNKNOWN = (
    "This app doesn't know where this model's attention heads are, so it can't switch them off: "
    "look at its other views."
)
EFFORT = 4 * 10**11  # parameters × tokens of all rows; about ten seconds on two cores
BATCH_TOKENS = 800
FEWEST_TOKENS, MOST_TOKENS = 8, 512
Answer = Callable[[Any], Tensor]  # turns the model's output into one row of logits per text


class Heads:
    """The L × H attention heads of a model.

    Args:
        answer: Turns the model's output into one row of logits per text.
        options: Further arguments of the model, such as ``use_cache``, if it takes them.

    Raises:
        HubError: They are not known.
    """

    def __init__(self, model: PreTrainedModel, answer: Answer, **options: Any) -> None:
        self._model, self._answer = model, answer
        self._options = accepted(model, options)
        config = model.config.get_text_config()
        self.layers = int(getattr(config, "num_hidden_layers", None) or 0)
        self.heads = int(getattr(config, "num_attention_heads", None) or 0)
        self._projections: list[nn.Module] = [
            module for name, module in model.named_modules() if _PROJECTION.search(name)
        ]
        if not self.heads or len(self._projections) != self.layers:
            raise HubError(UNKNOWN)

    @property
    def room(self) -> int:
        """The most tokens of a text for which all effects are computed in about ten seconds."""
        parameters = max(1, self._model.num_parameters(exclude_embeddings=True))
        most = EFFORT // (parameters * self.layers * self.heads)
        return max(FEWEST_TOKENS, min(MOST_TOKENS, most))

    def without(self, features: Mapping[str, Tensor], off: Sequence[str]) -> Tensor:
        """Logits (2, N) of a text with all heads, and without those in ``off``.

        Raises:
            ValueError: A name in ``off`` is no head of the model.
        """
        named = read_heads(off, self.layers, self.heads)
        factors = head_factors(named, self.layers, self.heads)
        before = self._logits(features)
        with heads_scaled(self._projections, factors):
            return torch.cat((before, self._logits(features)))

    def without_each(self, features: Mapping[str, Tensor]) -> Tensor:
        """Logits (1 + L * H, N) of a text with all heads, then without each of them.

        Raises:
            DeadlineExceeded: The deadline passed between two batches.
        """
        rows = [self._logits(features)]
        every = [(layer, head) for layer in range(self.layers) for head in range(self.heads)]
        size = max(1, BATCH_TOKENS // features["input_ids"].shape[1])
        for start in range(0, len(every), size):
            check_deadline()
            chosen = every[start : start + size]
            factors = torch.ones(self.layers, len(chosen), self.heads)
            for row, (layer, head) in enumerate(chosen):
                factors[layer, row, head] = 0
            batch = {name: value.expand(len(chosen), -1) for name, value in features.items()}
            with heads_scaled(self._projections, list(factors)):
                rows.append(self._logits(batch))
        return torch.cat(rows)

    def _logits(self, features: Mapping[str, Tensor]) -> Tensor:
        return self._answer(self._model(**accepted(self._model, features), **self._options))
