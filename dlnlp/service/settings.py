"""The settings of the server, from environment variables."""

from __future__ import annotations

import importlib.util
import logging
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass

from dlnlp.capabilities import CAPABILITIES
from dlnlp.catalog import CATALOG, record
from dlnlp.memory import trim
from dlnlp.service.calls import Service
from dlnlp.service.errors import EXPECTED

_log = logging.getLogger("dlnlp.service")


@dataclass(frozen=True)
class Settings:
    """The settings of the server.

    Args:
        preload: The models to load in the background after the start.
        metrics: Whether ``/metrics`` is served.
        rate_limit: The most requests of one address, such as "60/minute", or None.
        mcp: Whether ``/mcp`` offers the models' verbs to language models.
    """

    preload: tuple[str, ...] = ()
    metrics: bool = False
    rate_limit: str | None = None
    mcp: bool = False


def settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """``DLNLP_PRELOAD``, ``DLNLP_METRICS``, ``DLNLP_RATE_LIMIT`` and ``DLNLP_MCP``.

    Raises:
        ValueError: A variable has a value that makes no sense.
    """
    stems = tuple(entry.stem for entry in CATALOG)
    names = environment.get("DLNLP_PRELOAD", "").replace(",", " ").split()
    chosen = {"none": (), "all": stems}.get(" ".join(names), tuple(names))
    if unknown := [name for name in chosen if name not in stems]:
        known = ", ".join(stems)
        raise ValueError(f"DLNLP_PRELOAD must be none, all or some of {known}, not {unknown[0]!r}.")
    rate = _rate(environment.get("DLNLP_RATE_LIMIT"))
    return Settings(chosen, _flag(environment, "DLNLP_METRICS"), rate, mcp=_mcp(environment))


def _flag(environment: Mapping[str, str], name: str) -> bool:
    given = environment.get(name) or "0"
    if given not in ("0", "1"):
        raise ValueError(f"{name} must be 0 or 1, not {given!r}.")
    return given == "1"


def _mcp(environment: Mapping[str, str]) -> bool:
    wanted = _flag(environment, "DLNLP_MCP")
    if wanted and not importlib.util.find_spec("mcp_types"):  # version 1 of mcp is without it
        raise ValueError("DLNLP_MCP=1 needs another package: pip install -r requirements-mcp.txt")
    return wanted


def _rate(given: str | None) -> str | None:
    if not given:
        return None
    from limits import parse  # takes a while, and few need it

    try:
        parse(given)
    except ValueError:
        raise ValueError(
            f"DLNLP_RATE_LIMIT must be a rate such as 60/minute, not {given!r}."
        ) from None
    return given


def preload(service: Service, stems: tuple[str, ...]) -> threading.Thread:
    """Load models in a background thread, and call each verb once; faults are logged.

    The first call of a verb may load more: BERT's attributions need another engine.
    """

    def load() -> None:
        for stem in stems:
            try:
                service.registry.get(stem)
                for each in CAPABILITIES:
                    if record(stem).can(each.verb) and not each.streams:
                        service.call(stem, each.verb, **each.sample)
            except EXPECTED as error:
                _log.warning("%s", error)
        trim()

    thread = threading.Thread(target=load, name="preload", daemon=True)
    thread.start()
    return thread
