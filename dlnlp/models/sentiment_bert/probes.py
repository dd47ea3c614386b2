"""Read and write the file with the linear probes of BERT's layers."""

from __future__ import annotations

import json
from typing import Any

import torch

from dlnlp.models.sentiment_bert.model import Probes

PROBES = "probes.json"


def dumps(probes: Probes) -> str:
    """JSON that ``loads`` reads."""
    rows = [[round(float(x), 5) for x in row] for row in probes.weight]
    return json.dumps({"weight": rows, "bias": [round(float(x), 5) for x in probes.bias]})


def loads(content: str, config: dict[str, Any]) -> Probes:
    """The probes that ``dumps`` wrote.

    Args:
        config: The model's config.json.

    Raises:
        ValueError, KeyError: The content is not JSON, or does not fit the config.
    """
    found = json.loads(content)
    probes = Probes(torch.tensor(found["weight"]), torch.tensor(found["bias"]))
    # config.json leaves out values that equal BERT-base's.
    layers, width = config.get("num_hidden_layers", 12), config.get("hidden_size", 768)
    if probes.weight.shape != (layers + 1, width) or probes.bias.shape != (layers + 1,):
        raise ValueError(
            f"probes of shape {tuple(probes.weight.shape)}, expected {(layers + 1, width)}"
        )
    return probes
