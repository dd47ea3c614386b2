"""Run the tutorial's listings, as printed or with some errors repaired, within a time limit.

Only the files of this project are run, with edits of this project.
"""

from __future__ import annotations

import functools
import io
import sys
import threading
import time
import traceback
from collections.abc import Collection
from dataclasses import dataclass
from types import FrameType
from typing import Any

from dlnlp.learn.corrections import CORRECTIONS, repaired

NAME = "<the tutorial's listing>"
SECONDS = 20.0
TOO_LONG = "The listing was stopped after {:g} seconds."
# No model is downloaded: a tiny one takes the place of the Hub's.
ELSEWHERE = {"from transformers import": "from dlnlp.learn.stand_ins import"}


@dataclass(frozen=True)
class Outcome:
    """What a listing printed, the error that ended it with its line, or ("", "").

    ``faults`` says for each correction whether its fault showed; None where the run ended before
    that could be checked, and for faults that end the run.
    """

    printed: str
    error: str
    line: str
    faults: tuple[bool | None, ...]


def run(stem: str, repairs: Collection[int] = (), seconds: float = SECONDS) -> Outcome:
    """Run a chapter's listing in a thread of its own.

    Raises:
        ValueError: There is no correction with such an index.
    """
    code = repaired(stem, repairs)
    for old, new in ELSEWHERE.items():
        code = code.replace(old, new)
    import dlnlp.learn.stand_ins  # noqa: F401  # imports torch, which takes seconds

    found: list[Outcome] = []
    thread = threading.Thread(target=lambda: found.append(_run(code, stem, seconds)), daemon=True)
    thread.start()
    thread.join(4 * seconds)  # it stops itself, but may have to wait for another listing
    return found[0] if found else Outcome("", TOO_LONG.format(seconds), "", ())


def _run(code: str, stem: str, seconds: float) -> Outcome:
    from dlnlp.models.untrained import seeded_weights

    printed = io.StringIO()
    names: dict[str, Any] = {"__name__": "tutorial"}
    names["print"] = functools.partial(print, file=printed)  # sys.stdout is that of all threads
    corrections = CORRECTIONS[stem]
    blank: tuple[bool | None, ...] = (None,) * len(corrections)
    with seeded_weights():
        sys.settrace(_stopping_at(time.monotonic() + seconds))
        try:
            exec(compile(code, NAME, "exec"), names)  # noqa: S102  # our own file
        except Exception as error:
            line = _line(error, code)
            return Outcome(printed.getvalue(), f"{type(error).__name__}: {error}", line, blank)
        finally:
            sys.settrace(None)
        faults = tuple(
            bool(eval(each.fault, names)) if each.fault else None  # noqa: S307
            for each in corrections
        )
    return Outcome(printed.getvalue(), "", "", faults)


def _stopping_at(end: float) -> Any:
    """A trace function that ends the listing at its first line after that time."""

    def trace(frame: FrameType, event: str, value: object) -> Any:
        if frame.f_code.co_filename != NAME:
            return None
        if time.monotonic() > end:
            raise TimeoutError("The listing took too long.")
        return trace

    return trace


def _line(error: Exception, code: str) -> str:
    """The line of the listing that raised the error."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename == NAME and frame.lineno:
            return code.split("\n")[frame.lineno - 1].strip()
    return ""
