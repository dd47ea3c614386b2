"""Chapter 4: sentiment with a fine-tuned BERT.

``BertForSequenceClassification`` of the transformers library with two labels; the logit
towards positive is the difference of its two outputs. A review longer than BERT's 512
positions is read in windows whose logits are averaged. On a CPU an ONNX graph of the same
weights classifies, several times as fast; explanations are PyTorch's.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from dlnlp.inference.calibration import UNCALIBRATED

if TYPE_CHECKING:
    from transformers import BertConfig, BertForSequenceClassification


@dataclass(frozen=True)
class Probes:
    """A linear classifier of each layer's mean state (Alain & Bengio 2017).

    ``weight`` (L + 1, E) and ``bias`` (L + 1,); the first one reads the embeddings.
    """

    weight: Tensor
    bias: Tensor

    def logits(self, states: Tensor) -> Tensor:
        """Logits (N, L + 1) towards positive, of mean states (N, L + 1, E)."""
        return (states * self.weight.to(states)).sum(-1) + self.bias.to(states)

    def dumps(self) -> str:
        """JSON that ``loads`` reads."""
        rows = [[round(float(x), 5) for x in row] for row in self.weight]
        return json.dumps({"weight": rows, "bias": [round(float(x), 5) for x in self.bias]})

    @classmethod
    def loads(cls, content: str) -> Probes:
        """The probes that ``dumps`` wrote."""
        found = json.loads(content)
        return cls(torch.tensor(found["weight"]), torch.tensor(found["bias"]))

    @classmethod
    def blank(cls, model: BertForSequenceClassification) -> Probes:
        """Probes that always say 1/2, before they are trained."""
        layers, width = model.config.num_hidden_layers + 1, model.config.hidden_size
        return cls(torch.zeros(layers, width), torch.zeros(layers))


def positive_logit(model: BertForSequenceClassification, ids: Tensor, mask: Tensor) -> Tensor:
    """Logits (B,) towards positive, of token ids (B, T) and their attention mask (B, T)."""
    whole = bool(mask.all())  # without padding, attention may take its fast unmasked path
    output = model(input_ids=ids, attention_mask=None if whole else mask).logits  # (B, 2)
    logit: Tensor = (output[:, 1] - output[:, 0]).float()
    return logit


@torch.inference_mode()
def mean_states(model: BertForSequenceClassification, ids: Tensor, mask: Tensor) -> Tensor:
    """The mean of the tokens' states at the embeddings and after each layer, (B, L + 1, E)."""
    device = model.classifier.weight.device
    ids, mask = ids.to(device), mask.to(device)
    states = model.bert(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states
    share = (mask / mask.sum(1, keepdim=True)).unsqueeze(-1)  # (B, T, 1)
    return torch.stack([(layer.float() * share).sum(1) for layer in states], dim=1)


def build(config: dict[str, Any]) -> BertForSequenceClassification:
    """The model of a BERT config, with random weights.

    Raises:
        TypeError, ValueError: The config is not one of BERT.
    """
    from transformers import BertForSequenceClassification

    # Built from the config alone, so nothing goes looking for a hub.
    return BertForSequenceClassification(build_config(config))


def build_config(config: dict[str, Any]) -> BertConfig:
    """The library's config, defaults included, of config.json."""
    from transformers import BertConfig

    ours = asdict(UNCALIBRATED)
    return BertConfig(**{key: value for key, value in config.items() if key not in ours})
