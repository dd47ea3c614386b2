"""Which models of the Hub the app may load, by ``DLNLP_HUB``, and the models that it suggests."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dlnlp.catalog import CATALOG
from dlnlp.hub.errors import HubError

PREFIX = "hf:"
CLASSIFICATION, GENERATION = "classification", "generation"
MODES = ("off", "list", "any")
MEGABYTES = 600  # the most that is downloaded
_ADDRESS = re.compile(r"^(hf:|https?://(www\.)?(huggingface\.co|hf\.co)/)")
_NAME = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)


@dataclass(frozen=True)
class Preset:
    """A model that the app suggests.

    Args:
        name: Its owner and name on the Hub.
        about: What it is, in a few words.
    """

    name: str
    about: str


PRESETS = (
    Preset(
        "distilbert/distilbert-base-uncased-finetuned-sst-2-english",
        "DistilBERT: English film reviews",
    ),
    Preset(
        "nlptown/bert-base-multilingual-uncased-sentiment",
        "BERT: one to five stars",
    ),
    Preset(
        "HuggingFaceTB/SmolLM2-135M",
        "SmolLM2-135M: language model",
    ),
    Preset("distilbert/distilgpt2", "DistilGPT-2: language model"),
)


def hub_name(name: str) -> str | None:
    """The "owner/name" of a model of the Hub, or None for a folder.

    Args:
        name: "hf:owner/name", the address of the model's page, or the path of a folder.

    Raises:
        HubError: It names no model of the Hub.
    """
    found = _ADDRESS.match(name.strip())
    if not found:
        return None
    rest = name.strip()[found.end() :].strip("/")
    if not _NAME.fullmatch(rest) or ".." in rest or "--" in rest:
        raise HubError(f"{rest!r} is not the name of a model on the Hub: write {PREFIX}owner/name.")
    return rest


def is_hub_name(name: str) -> bool:
    """Whether a text has the form "owner/name"."""
    return bool(_NAME.fullmatch(name.strip()))


def identity(name: str) -> str:
    """One name per model: "hf:owner/name", or the absolute path of a folder.

    Raises:
        HubError: It names no model of the Hub.
    """
    found = hub_name(name)
    return str(Path(name).expanduser().resolve()) if found is None else PREFIX + found


def names_other_model(name: str) -> bool:
    """Whether a name is that of a model of the Hub or of a folder, and not of one of our own."""
    if not name or any(name == entry.stem for entry in CATALOG):
        return False
    return ":" in name or "/" in name or os.sep in name or Path(name).is_dir()


def mode(bound_to_localhost: bool, environment: Mapping[str, str] = os.environ) -> str:
    """``DLNLP_HUB``: "off", "list" or "any"; by default "any" on localhost, else "list".

    Args:
        bound_to_localhost: Whether only this machine can reach the app.

    Raises:
        ValueError: The variable has another value.
    """
    given = environment.get("DLNLP_HUB") or ("any" if bound_to_localhost else "list")
    if given not in MODES:
        raise ValueError(f"DLNLP_HUB must be one of {', '.join(MODES)}, not {given!r}.")
    return given


def offered(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The names to suggest: those in ``DLNLP_HUB_MODELS``, or the presets, as "hf:owner/name".

    Raises:
        HubError: An entry names no model of the Hub.
    """
    given = environment.get("DLNLP_HUB_MODELS", "").split(",")
    names = [name.strip() for name in given if name.strip()] or [each.name for each in PRESETS]
    return tuple(identity(PREFIX + name if _NAME.fullmatch(name) else name) for name in names)


def allowed(
    name: str, bound_to_localhost: bool, environment: Mapping[str, str] = os.environ
) -> bool:
    """Whether the app may load a model for a visitor.

    With "any", folders are still only for visitors on the same machine, because others could
    find out which files the server has.

    Args:
        name: "hf:owner/name" or the path of a folder.
        bound_to_localhost: Whether only this machine can reach the app.

    Raises:
        HubError: It names no model of the Hub.
        ValueError: ``DLNLP_HUB`` has an unknown value.
    """
    chosen = mode(bound_to_localhost, environment)
    if chosen == "off":
        return False
    if identity(name) in offered(environment):
        return True
    return chosen == "any" and (bound_to_localhost or hub_name(name) is not None)


def check_allowed(
    name: str, bound_to_localhost: bool, environment: Mapping[str, str] = os.environ
) -> None:
    """Refuse a model that the app may not load.

    Raises:
        HubError: It may not be loaded; the message says which may.
        ValueError: ``DLNLP_HUB`` has an unknown value.
    """
    if allowed(name, bound_to_localhost, environment):
        return
    if mode(bound_to_localhost, environment) == "off":
        raise HubError("This app only shows its own models, because DLNLP_HUB is off.")
    choices = ", ".join(repr(each.removeprefix(PREFIX)) for each in offered(environment))
    raise HubError(f"This app doesn't load {name!r}: choose one of {choices}.")


def byte_limit(environment: Mapping[str, str] = os.environ) -> int:
    """The most bytes to download for one model: ``DLNLP_HUB_MEGABYTES``, or 600 MB.

    Raises:
        ValueError: The variable is not a whole number above 0.
    """
    given = environment.get("DLNLP_HUB_MEGABYTES") or str(MEGABYTES)
    if not given.isdecimal() or int(given) < 1:
        raise ValueError(f"DLNLP_HUB_MEGABYTES must be a whole number above 0, not {given!r}.")
    return int(given) * 10**6
