"""What a training run is given and reports: settings, rows, progress, and the limits of the page.

Without torch, because the page and the service use it, too.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dlnlp.text.words import clean

MOST_ROWS = 2000
LONGEST = 1000  # characters of a cell
MOST_CHARACTERS = 200_000  # of all rows
MOST_EPOCHS = 1000
MOST_SECONDS = 300.0  # of training, without pauses
MOST_MEGABYTES = 2000  # beyond what the libraries take
WIDTHS = range(8, 257, 8)
HELD_OUT = 0.1  # the share of the rows that is held out
LEAST_HELD_OUT = 20  # with fewer rows, none are held out
STOPPED, FINISHED, EARLY, TIMED_OUT = "stopped", "finished", "early", "timed out"


@dataclass(frozen=True)
class Settings:
    """How to train.

    Args:
        learning_rate: Its peak: it rises in the first steps and then falls to zero.
        epochs: How often the model sees every row.
        width: The number of units of each layer.
        seed: Decides the first weights, the order of the rows and which rows are held out.
        patience: Stop after this many epochs without a lower held-out loss; 0 never stops early.
        pretrained: Start from the trained embeddings, for the models that have that choice.

    Raises:
        ValueError: A setting is out of its range; the message says which.
    """

    learning_rate: float = 1e-2
    epochs: int = 50
    width: int = 64
    seed: int = 0
    patience: int = 0
    pretrained: bool = True

    def __post_init__(self) -> None:
        """Check the values."""
        rate = self.learning_rate
        if not isinstance(rate, (int, float)) or not (math.isfinite(rate) and 0 < rate <= 1):
            raise ValueError(f"The learning rate must be above 0 and at most 1, not {rate!r}.")
        _whole("number of epochs", self.epochs, 1, MOST_EPOCHS)
        _whole("width", self.width, WIDTHS[0], WIDTHS[-1])
        if self.width not in WIDTHS:
            raise ValueError(f"The width must be a multiple of {WIDTHS.step}, not {self.width}.")
        _whole("seed", self.seed, 0, 2**32 - 1)
        _whole("patience of early stopping", self.patience, 0, MOST_EPOCHS)


def _whole(name: str, value: object, least: int, most: int) -> None:
    if type(value) is not int or not least <= value <= most:
        raise ValueError(
            f"The {name} must be a whole number from {least} to {most:,}, not {value!r}."
        )


@dataclass(frozen=True)
class Rows:
    """Checked training data: one tuple of cells per row.

    ``numbers`` are those of the rows in the table that they come from, from 1.
    """

    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def fingerprint(self) -> dict[str, object]:
        """The number of rows and their SHA-256."""
        whole = json.dumps(self.rows, ensure_ascii=False).encode("utf-8", "replace")
        return {"rows": len(self), "sha256": hashlib.sha256(whole).hexdigest()}


@dataclass(frozen=True)
class Answer:
    """The model's answer to the reader's sentence.

    Args:
        text: The verdict, the translation or the continuation.
        probability: P(positive), if the model classifies.
    """

    text: str
    probability: float | None = None


@dataclass(frozen=True)
class Histogram:
    """The distribution of the weights of a tensor in bins of equal width."""

    name: str
    low: float
    high: float
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Progress:
    """What has happened since the last report, and where the run is.

    Args:
        step: The number of steps so far.
        steps: That of the whole run.
        epoch: The epoch of the last step, from 1.
        seconds: Time spent training, without pauses.
        losses: The loss of each step since the last report.
        held_out: (step, loss, accuracy) of each evaluation since the last report, on the rows
            that are held out.
        sentence: The reader's sentence.
        answer: The answer to it, if it was asked since the last report.
        histograms: Those of the weights, if they were asked for.
        end: Why the run has ended, or "" while it goes on.
    """

    step: int
    steps: int
    epoch: int
    seconds: float
    losses: tuple[float, ...] = ()
    held_out: tuple[tuple[int, float, float], ...] = ()
    sentence: str = ""
    answer: Answer | None = None
    histograms: tuple[Histogram, ...] = ()
    end: str = ""

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> Progress:
        """The progress that ``dataclasses.asdict`` turned into JSON."""
        given = dict(found)
        answer, histograms = given.pop("answer"), given.pop("histograms")
        return cls(
            **{name: _tuple(value) for name, value in given.items()},
            answer=Answer(**answer) if answer else None,
            histograms=tuple(
                Histogram(**{name: _tuple(value) for name, value in each.items()})
                for each in histograms
            ),
        )


def _tuple(value: Any) -> Any:
    return tuple(map(_tuple, value)) if isinstance(value, list) else value


def split(rows: Sequence[tuple[str, ...]], seed: int) -> tuple[list[int], list[int]]:
    """The numbers of the rows to train on, and of those that are held out.

    Equal rows are on the same side, so no row is held out and trained on as well.
    """
    distinct = list(dict.fromkeys(rows))
    count = round(HELD_OUT * len(distinct)) if len(distinct) >= LEAST_HELD_OUT else 0
    held = set(random.Random(f"held out {seed}").sample(distinct, len(distinct))[:count])
    return (
        [i for i, row in enumerate(rows) if row not in held],
        [i for i, row in enumerate(rows) if row in held],
    )


def checked_rows(table: Sequence[Sequence[object]], columns: int) -> Rows:
    """The rows of a table without blank ones.

    Raises:
        ValueError: A row is incomplete or too long, or there are too few or too many.
    """
    rows, numbers = [], []
    for number, given in enumerate(table, 1):
        cells = [_cell(each) for each in list(given)[:columns]]
        if not any(cells):
            continue
        if len(cells) < columns or not all(cells):
            raise ValueError(f"Row {number} is incomplete: fill in each of its {columns} cells.")
        if (longest := max(map(len, cells))) > LONGEST:
            raise ValueError(
                f"Row {number} has {longest:,} characters in a cell, but the limit is {LONGEST:,}: "
                "shorten it."
            )
        rows.append(tuple(cells))
        numbers.append(number)
    if len(rows) < 2:
        raise ValueError("Training needs at least two rows: add some, or choose a set.")
    if len(rows) > MOST_ROWS:
        raise ValueError(
            f"There are {len(rows):,} rows, but the limit is {MOST_ROWS:,}: remove some."
        )
    if (total := sum(len(cell) for row in rows for cell in row)) > MOST_CHARACTERS:
        raise ValueError(
            f"The rows have {total:,} characters in all, but the limit is {MOST_CHARACTERS:,}: "
            "use fewer or shorter rows."
        )
    return Rows(tuple(rows), tuple(numbers))


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer():  # a label that became a number
        value = int(value)
    text = str(value).encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")
    return " ".join(text.split()) if clean(text) else ""
