"""The numbers that the texts of ``learn/`` may mention, read from a checkpoint's files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dlnlp import catalog
from dlnlp.checkpoint import CONFIG, TRAINING, CheckpointError, read_json

_NUMBER = re.compile(r"-?[\d,]+(\.\d+)?")


def facts(folder: Path) -> dict[str, str]:
    """What is known of a trained model, as text by name; {} without its checkpoint.

    The names are those of config.json and of the entries of training.json, joined by ``_``; a
    few more are derived from them.
    """
    try:
        config, training = read_json(folder, CONFIG), read_json(folder, TRAINING)
    except CheckpointError:
        return {}
    found = dict(_flat({**config, **derived(config)}))
    found |= dict(_flat({"metrics": training.get("metrics", {})}))
    found |= dict(_flat({"parameters": training.get("parameters", 0)}))
    base = catalog.record(folder.name).base
    return found | ({"base": base.name} if base else {})


def in_french(known: Mapping[str, str]) -> dict[str, str]:
    """The same facts with the separators of French numbers; words stay as they are."""
    return {
        name: value.replace(",", "\u202f").replace(".", ",") if _NUMBER.fullmatch(value) else value
        for name, value in known.items()
    }


def derived(config: Mapping[str, Any]) -> dict[str, int]:
    """Sizes that follow from a config; tests compare them with the modules' own."""
    found = {}
    if "bidirectional" in config:  # the LSTM
        found["directions"] = 1 + config["bidirectional"]
        found["state"] = config["hidden_dim"] * found["directions"]
    if "encoder_layers" in config:  # the translator
        found["half"] = config["hidden_dim"] // 2
        found["joined"] = config["embed_dim"] + 2 * config["hidden_dim"]
    if "nhead" in config:  # the Transformer
        found["head_size"] = config["d_model"] // config["nhead"]
        found["inner"] = 4 * config["d_model"]
    if "num_attention_heads" in config:  # BERT
        found["head_size"] = config["hidden_size"] // config["num_attention_heads"]
        found["heads"] = config["num_attention_heads"] * config["num_hidden_layers"]
    return found


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """The numbers and words in nested objects; names have letters, digits and ``_`` only."""
    for key, value in values.items():
        name = prefix + re.sub(r"\W+", "_", key.replace(">", "over ")).strip("_")
        if isinstance(value, Mapping):
            yield from _flat(value, "" if key == "metrics" else f"{name}_")
        elif isinstance(value, bool | str):
            yield name, str(value)
        elif isinstance(value, int | float):
            yield name, f"{value:,}"
