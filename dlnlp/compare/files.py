"""Read the texts and labels of an uploaded file or of pasted lines."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

MAX_BYTES = 20_000_000
MAX_ROWS = 10_000
MAX_UNPACKED = 200_000_000  # bytes of a Parquet file in memory
SEPARATORS = ",;\t|"
TEXT_NAMES = ("text", "sentence", "review", "content", "comment", "document")
LABEL_NAMES = ("label", "sentiment", "target", "class", "polarity")
SIDES = {
    **dict.fromkeys(("1", "1.0", "pos", "positive", "true"), True),
    **dict.fromkeys(("0", "0.0", "neg", "negative", "false"), False),
}
KINDS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".txt")


@dataclass(frozen=True)
class Table:
    """The rows of a file: columns of strings of equal length.

    ``lines`` has the number of the line in the file where each row begins, so that messages can
    name lines; without it, rows are numbered from 1. ``left_out`` counts the rows beyond
    ``MAX_ROWS``.
    """

    columns: dict[str, list[str]]
    lines: Sequence[int] = ()
    left_out: int = 0

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), []))

    @property
    def text_column(self) -> str:
        """The column that most likely holds the texts: by its name, or else the longest values."""
        named = self.named(TEXT_NAMES)
        return named or max(self.columns, key=self.length)

    def length(self, column: str) -> int:
        """The number of characters of a column's values."""
        return sum(map(len, self.columns[column]))

    @property
    def label_column(self) -> str | None:
        """The column that most likely holds labels, if any."""
        named = self.named(LABEL_NAMES)
        return named if named != self.text_column else None

    def named(self, names: Sequence[str]) -> str | None:
        """The column that has the first of these names, in small letters, that any has."""
        lower = {column.strip().lower(): column for column in self.columns}
        return next((lower[name] for name in names if name in lower), None)

    def labels(self, column: str) -> list[bool | None]:
        """The labels of a column: positive, negative, or None where it is blank.

        Raises:
            ValueError: A label is neither positive nor negative.
        """
        found: list[bool | None] = []
        lines = self.lines or range(1, len(self) + 1)
        for line, value in zip(lines, self.columns[column], strict=True):
            name = value.strip().lower()
            if name and name not in SIDES:
                raise ValueError(
                    f"The label {shortened(value)!r} in line {line} is neither positive (1, pos, "
                    "positive) nor negative (0, neg, negative); correct it or choose no labels."
                )
            found.append(SIDES.get(name))
        return found


def pasted(text: str) -> Table:
    """One row for each line that is not blank.

    Raises:
        ValueError: All lines are blank.
    """
    rows = [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
    return _table({"text": [line for _, line in rows]}, [n for n, _ in rows])


def read(path: Path) -> Table:
    """The rows of a CSV, TSV, JSON lines, Parquet or plain text file, known by its ending.

    Raises:
        ValueError: The file is too large, damaged, empty, or of another kind. The message is one
            sentence that names the line or the limit.
    """
    kind = path.suffix.lower()
    if kind not in KINDS:
        raise ValueError(f"Files must end in {', '.join(KINDS)}, not {kind or 'nothing'!r}.")
    size = path.stat().st_size
    if size > MAX_BYTES:
        limit = MAX_BYTES // 1_000_000
        raise ValueError(f"The file is {size / 1e6:.0f} MB, but the limit is {limit} MB: split it.")
    if kind == ".parquet":
        return _parquet(path)
    text = _decoded(path.read_bytes())
    if kind == ".txt":
        return pasted(text)
    return _json_lines(text) if kind in (".jsonl", ".ndjson") else _separated(text, kind)


def shortened(value: str, size: int = 40) -> str:
    """The value, cut for a message."""
    return value if len(value) <= size else value[:size] + "…"


def _decoded(raw: bytes) -> str:
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw.decode("utf-16", "replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = raw[: fault.start].count(b"\n") + 1
        raise ValueError(
            f"Line {line} is not UTF-8 text; save the file as UTF-8 and upload it again."
        ) from None


def _separated(text: str, kind: str) -> Table:
    """The rows of a CSV or TSV file whose first line names the columns."""
    if "\0" in text:
        raise ValueError("The file holds binary data instead of text: save it as CSV.")
    header = text.lstrip("\r\n").partition("\n")[0]
    separator = "\t" if kind == ".tsv" else max(SEPARATORS, key=header.count)
    rows = csv.reader(io.StringIO(text), delimiter=separator, strict=True)
    names: list[str] = []
    columns: list[list[str]] = []
    lines: list[int] = []
    left_out = end = 0
    try:
        for row in rows:
            begin, end = end + 1, rows.line_num  # a quoted value may have several lines
            if not row:
                continue
            if not names:
                names = [name.strip() or f"column {i}" for i, name in enumerate(row, 1)]
                columns = [[] for _ in names]
                if len(set(names)) < len(names):
                    raise ValueError("Two columns have the same name; rename one of them.")
            elif len(row) != len(names):
                raise ValueError(
                    f"Line {begin} has {len(row)} columns, but the first line has "
                    f"{len(names)}; texts that contain {separator!r} need quotation marks."
                )
            elif len(lines) == MAX_ROWS:
                left_out += 1
            else:
                lines.append(begin)
                for column, value in zip(columns, row, strict=True):
                    column.append(value)
    except csv.Error as fault:
        raise ValueError(f"Line {rows.line_num} can't be read: “{fault}”.") from None
    return _table(dict(zip(names, columns, strict=True)), lines, left_out)


def _json_lines(text: str) -> Table:
    """The rows of a file with one JSON object per line."""
    rows: list[dict[str, str]] = []
    lines: list[int] = []
    left_out = 0
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        if not line.strip():
            continue
        if len(rows) == MAX_ROWS:
            left_out += 1
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise ValueError(f'Line {number} is not a JSON object such as {{"text": "…"}}.')
        lines.append(number)
        rows.append({str(name): _string(each) for name, each in value.items()})
    names = list(dict.fromkeys(name for row in rows for name in row))
    return _table({name: [row.get(name, "") for row in rows] for name in names}, lines, left_out)


def _parquet(path: Path) -> Table:
    """The first rows of a Parquet file, without columns of lists or structures.

    A value that is repeated is stored once, so a small file can hold far more than its metadata
    say. Therefore, rows are read in batches that can't be large, and their size is added up.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        flat = [field.name for field in file.schema_arrow if not pa.types.is_nested(field.type)]
        about = file.metadata
        stored = sum(about.row_group(i).total_byte_size for i in range(about.num_row_groups))
        found: list[pa.RecordBatch] = []
        rows, unpacked = 0, 0
        size = min(MAX_ROWS, max(1, MAX_UNPACKED // max(1, stored)))  # no value exceeds ``stored``
        batches = file.iter_batches(size, columns=flat)
        while stored <= MAX_UNPACKED and rows < MAX_ROWS and (batch := next(batches, None)):
            found.append(batch)
            rows, unpacked = rows + len(batch), unpacked + batch.nbytes
            if unpacked > MAX_UNPACKED:
                break
    except (pa.ArrowException, OSError) as fault:
        why = shortened(str(fault), 90)
        raise ValueError(
            f"The Parquet file can't be read: “{why}”; save it again, or as CSV."
        ) from None
    if max(stored, unpacked) > MAX_UNPACKED:
        limit = MAX_UNPACKED // 1_000_000
        raise ValueError(f"The file unpacks to more than {limit} MB: split it.")
    read = pa.Table.from_batches(found).slice(0, MAX_ROWS).to_pydict() if found else {}
    columns = {name: [_string(value) for value in read.get(name, [])] for name in flat}
    return _table(columns, (), max(0, about.num_rows - MAX_ROWS))


def _string(value: object) -> str:
    """A value as text; numbers and truth values as JSON writes them."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)


def _table(columns: dict[str, list[str]], lines: Sequence[int], left_out: int = 0) -> Table:
    """A table of at most ``MAX_ROWS`` rows.

    Raises:
        ValueError: It has no text.
    """
    columns = {name: values for name, values in columns.items() if any(map(str.strip, values))}
    if not columns:
        raise ValueError("There is no text in it: the file is empty or has only a header.")
    rows = len(next(iter(columns.values())))
    left_out += max(0, rows - MAX_ROWS)
    kept = {name: values[:MAX_ROWS] for name, values in columns.items()}
    return Table(kept, lines[:MAX_ROWS], left_out)


def save(frame: pd.DataFrame, folder: Path) -> tuple[Path, Path]:
    """Write the table as CSV and Parquet; returns both paths."""
    paths = folder / "comparison.csv", folder / "comparison.parquet"
    frame.to_csv(paths[0], index=False)
    frame.to_parquet(paths[1], index=False)
    return paths
