"""Reading texts and labels from files."""

import json

import pandas as pd
import pytest

from dlnlp.compare import files
from dlnlp.compare.files import MAX_BYTES, MAX_ROWS, Table


@pytest.fixture
def written(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return path

    return write


ROWS = {"review": ["good, really", "bad"], "label": ["pos", "neg"]}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", 'review,label\n"good, really",pos\nbad,neg\n'),
        ("a.csv", '\ufeffreview;label\r\n"good, really";pos\r\nbad;neg\r\n'),
        ("a.tsv", "review\tlabel\ngood, really\tpos\n\nbad\tneg"),
        (
            "a.jsonl",
            '{"review": "good, really", "label": "pos"}\n\n{"label": "neg", "review": "bad"}',
        ),
        ("a.CSV", 'review,label\n"good, really",pos\nbad,neg\n'.encode("utf-16")),
    ],
)
def test_files_of_each_kind_have_the_same_rows(written, name, content):
    table = files.read(written(name, content))
    assert table.columns == ROWS
    assert (table.text_column, table.label_column) == ("review", "label")
    assert table.labels("label") == [True, False]


def test_parquet_is_read(tmp_path):
    path = tmp_path / "a.parquet"
    pd.DataFrame({**ROWS, "number": [1, None]}).to_parquet(path)
    table = files.read(path)
    assert {name: table.columns[name] for name in ROWS} == ROWS
    assert table.columns["number"] == ["1.0", ""]


def test_lines_of_plain_text_are_texts(written):
    assert files.read(written("a.txt", "one\n\ntwo\r\n")).columns == {"text": ["one", "two"]}
    assert files.pasted("one\n \ntwo").columns == {"text": ["one", "two"]}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"text\nfine\ncaf\xe9\n", "Line 3 is not UTF-8"),
        ("a.csv", "text,label\nfine,1\na,b,c\n", "Line 3 has 3 columns, but the first line has 2"),
        ("a.csv", 'text\n"never closed\n', "Line 2 can't be read"),
        ("a.csv", "text,text\na,b\n", "same name"),
        ("a.csv", b"PK\x03\x04\0\0\0\0\0", "binary"),
        ("a.csv", "", "no text"),
        ("a.csv", "text,label\n", "no text"),
        ("a.csv", "text\n" + "x" * 200_000, "Line 2 can't be read"),
        ("a.jsonl", '{"text": "a"}\n[1]\n', "Line 2 is not a JSON object"),
        ("a.jsonl", "[" * 100_000, "Line 1 is not a JSON object"),
        ("a.parquet", b"PAR1 not really", "Parquet file can't be read"),
        ("a.xlsx", b"PK", "must end in"),
        ("a.txt", " \n\n", "no text"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_sentence(written, name, content, message):
    with pytest.raises(ValueError, match=message) as caught:
        files.read(written(name, content))
    assert "\n" not in str(caught.value)


def test_a_large_file_names_the_limit(written):
    path = written("a.csv", b"text\n")
    with path.open("ab") as stream:
        stream.truncate(MAX_BYTES + 1)
    with pytest.raises(ValueError, match="the limit is 20 MB"):
        files.read(path)


def test_a_small_parquet_file_that_unpacks_to_much_names_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MAX_UNPACKED", 1_000)
    path = tmp_path / "a.parquet"
    pd.DataFrame({"text": [f"text {i}" for i in range(1_000)]}).to_parquet(path)
    with pytest.raises(ValueError, match="unpacks to more than"):
        files.read(path)


def test_a_parquet_file_that_repeats_a_long_value_names_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MAX_UNPACKED", 1_000_000)
    path = tmp_path / "a.parquet"
    pd.DataFrame({"text": ["x" * 100_000] * 1_000}).to_parquet(path)
    assert path.stat().st_size < 20_000
    with pytest.raises(ValueError, match="more than 1 MB"):
        files.read(path)


def test_columns_of_lists_in_a_parquet_file_are_left_out(tmp_path):
    path = tmp_path / "a.parquet"
    pd.DataFrame({**ROWS, "words": [["good"], ["bad"]]}).to_parquet(path)
    assert files.read(path).columns == ROWS


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("a.csv", 'text,label\n"two\nlines",1\n\nb,maybe\n', 5),
        ("a.jsonl", '\n{"text": "a", "label": "1"}\n\n{"text": "b", "label": "maybe"}\n', 4),
    ],
)
def test_a_wrong_label_is_named_with_its_line(written, name, content, line):
    table = files.read(written(name, content))
    with pytest.raises(ValueError, match=f"'maybe' in line {line} is"):
        table.labels("label")


@pytest.mark.parametrize("kind", ["csv", "txt", "jsonl", "parquet"])
def test_rows_beyond_the_limit_are_counted(tmp_path, kind):
    texts = [f"text {i}" for i in range(MAX_ROWS + 5)]
    path = tmp_path / f"a.{kind}"
    if kind == "parquet":
        pd.DataFrame({"text": texts}).to_parquet(path)
    else:
        lines = [json.dumps({"text": text}) for text in texts] if kind == "jsonl" else texts
        path.write_text("\n".join(["text"] * (kind == "csv") + lines), encoding="utf-8")
    table = files.read(path)
    assert len(table) == MAX_ROWS and table.left_out == 5
    assert table.columns["text"][-1] == texts[MAX_ROWS - 1]


def test_a_text_column_is_known_by_its_values_if_not_by_its_name():
    table = Table({"id": ["1", "2"], "what": ["a long text", "another"]})
    assert table.text_column == "what" and table.label_column is None


def test_a_wrong_label_names_its_line(written):
    table = files.read(written("a.csv", "text,label\na,1\nb,maybe\n"))
    with pytest.raises(ValueError, match="'maybe' in line 3"):
        table.labels("label")
    assert Table({"label": ["", "0", "Positive"]}).labels("label") == [None, False, True]
