"""What can be trained on the page: one exercise per chapter, with its columns, data and defaults.

Without torch; ``dlnlp.training.<stem>`` builds the model.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from dlnlp.compare.files import SIDES, Table, read, shortened
from dlnlp.training import small_sets
from dlnlp.training.progress import Rows, Settings, checked_rows

# Names of the columns of translations, in small letters.
SAME_COLUMN = {"English": ("english", "en"), "French": ("french", "fr", "non_english")}
LABELS = "Write 1 for positive and 0 for negative."
PRETRAINED = (
    "Words that are not in your rows can only be judged if the model knows them from elsewhere; "
    "without this, they all look alike to it."
)


@dataclass(frozen=True)
class Exercise:
    """What a chapter offers to train.

    Args:
        columns: The names of the columns of its table.
        about: What a row is, in a sentence.
        sentence: The reader's sentence at first, which is that of the tutorial if it has one.
        settings: The defaults.
        examples: The tutorial's examples.
        small: Makes the small set.
        set_name: What the small set is.
        labelled: Whether the last column holds labels.
        pretrained: Explains the choice to start from trained embeddings, "" if there is none.
        widths: Whether the width can be chosen.
    """

    stem: str
    columns: tuple[str, ...]
    about: str
    sentence: str
    settings: Settings
    small_settings: Settings
    examples: tuple[tuple[str, ...], ...]
    small: Callable[[], list[tuple[str, ...]]]
    set_name: str
    labelled: bool = False
    pretrained: str = ""
    widths: bool = True

    @property
    def module(self) -> ModuleType:
        """``dlnlp.training.<stem>``, imported (with torch) on first use."""
        return importlib.import_module(f"dlnlp.training.{self.stem}")

    def checked(self, table: Sequence[Sequence[object]]) -> Rows:
        """The rows of a table; labels become "1" and "0".

        Raises:
            ValueError: A row is incomplete, too long or has another label, or there are too few
                or too many.
        """
        found = checked_rows(table, len(self.columns))
        if not self.labelled:
            return found
        rows = []
        for number, (text, label) in zip(found.numbers, found.rows, strict=True):
            if label.lower() not in SIDES:
                raise ValueError(
                    f"The label {shortened(label)!r} in row {number} is neither 1 (positive) nor "
                    "0 (negative)."
                )
            rows.append((text, "1" if SIDES[label.lower()] else "0"))
        if len({label for _, label in rows}) < 2:
            raise ValueError("All rows have the same label: add rows with the other one.")
        return Rows(tuple(rows), found.numbers)


def uploaded(exercise: Exercise, path: Any) -> list[list[str]]:
    """The rows of a CSV, TSV, JSON lines, Parquet or text file, in the exercise's columns.

    In a text file, each line is a row, with a tab between its cells.

    Raises:
        ValueError: The file can't be read, or has too few columns.
    """
    found = read(path)
    columns, count = found.columns, len(exercise.columns)
    if list(columns) == ["text"] and count > 1:
        lines = [line.split("\t") for line in columns["text"]]
        if all(len(line) >= count for line in lines):
            return [line[:count] for line in lines]
    if len(columns) < count:
        raise ValueError(
            f"The file has {len(columns)} column{'s' if len(columns) > 1 else ''}; "
            f"it needs {count}: {', '.join(exercise.columns)}."
        )
    names = _columns(exercise, found)
    return [list(row) for row in zip(*(columns[name] for name in names), strict=True)]


def _columns(exercise: Exercise, table: Table) -> list[str]:
    """The names of the table's columns that the exercise trains on, in its order."""
    if exercise.labelled:
        others = (name for name in table.columns if name != table.text_column)
        return [table.text_column, table.label_column or next(others)]
    if len(exercise.columns) == 1:
        return [table.text_column]
    named = [table.named(SAME_COLUMN[name]) for name in exercise.columns]
    unnamed = [name for name in table.columns if name not in named]
    longest = sorted(unnamed, key=table.length, reverse=True)[: named.count(None)]
    rest = (name for name in unnamed if name in longest)  # in the order of the file
    return [name or next(rest) for name in named]


EXERCISES = (
    Exercise(
        "sentiment_lstm",
        ("text", "label"),
        LABELS,
        "This was fantastic",
        Settings(learning_rate=1e-2, epochs=60, width=64),
        Settings(learning_rate=5e-3, epochs=10, width=64, patience=3),
        (("I loved the movie", "1"), ("The film was terrible", "0"), ("It was okay", "1")),
        small_sets.reviews,
        "500 generated reviews",
        labelled=True,
        pretrained=PRETRAINED,
    ),
    Exercise(
        "char_seq2seq",
        ("English", "French"),
        "Each row is a sentence or a phrase and its translation.",
        "hello",
        Settings(learning_rate=1e-2, epochs=80, width=64),
        Settings(learning_rate=4e-3, epochs=15, width=128, patience=5),
        (("hello", "bonjour"), ("thanks", "merci")),
        small_sets.pairs,
        "500 generated pairs",
    ),
    Exercise(
        "token_transformer",
        ("text",),
        "Each row is a text; the model learns to predict each token from those before it.",
        "Once upon a time",
        Settings(learning_rate=5e-3, epochs=150, width=64),
        Settings(learning_rate=3e-3, epochs=30, width=64, patience=5),
        (
            ("Once upon a time there was a little fox who wanted to see the sea.",),
            ("The fox walked through the forest until it heard the waves.",),
            ("A model that predicts the next word must not see the words that follow.",),
            ("The meaning of life is to learn something new every day.",),
        ),
        small_sets.stories,
        "60 generated stories",
    ),
    Exercise(
        "sentiment_bert",
        ("text", "label"),
        f"{LABELS} Only the head and the last layer are trained; 50 rows are enough for a "
        "classifier of your own.",
        "I enjoyed this film",
        Settings(learning_rate=5e-4, epochs=20, width=64),
        Settings(learning_rate=5e-4, epochs=2, width=64),
        (("This movie was great!", "1"), ("Terrible experience", "0")),
        small_sets.reviews,
        "500 generated reviews",
        labelled=True,
        widths=False,
    ),
)


def exercise(stem: str) -> Exercise:
    """The exercise of a chapter.

    Raises:
        KeyError: It has none.
    """
    for each in EXERCISES:
        if each.stem == stem:
            return each
    raise KeyError(f"no exercise has the stem {stem!r}")
