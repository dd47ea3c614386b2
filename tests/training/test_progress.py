"""Settings and rows are checked, and progress survives JSON."""

import dataclasses
import json
import re

import pytest

from dlnlp.training.exercises import EXERCISES, exercise, uploaded
from dlnlp.training.progress import (
    LONGEST,
    MOST_ROWS,
    Answer,
    Histogram,
    Progress,
    Settings,
    checked_rows,
    split,
)

LSTM = exercise("sentiment_lstm")


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("learning_rate", 0, "learning rate"),
        ("learning_rate", float("nan"), "learning rate"),
        ("learning_rate", "fast", "learning rate"),
        ("epochs", 0, "epochs"),
        ("epochs", 10**6, "epochs"),
        ("epochs", 2.5, "epochs"),
        ("width", 512, "width"),
        ("width", 20, "multiple of 8"),
        ("seed", -1, "seed"),
        ("seed", True, "seed"),
        ("patience", None, "early stopping"),
    ],
)
def test_a_setting_out_of_range_is_named(field, value, named):
    with pytest.raises(ValueError, match=named) as raised:
        Settings(**{field: value})
    assert str(raised.value).endswith(".") and "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("table", "named"),
    [
        ([], "at least two rows"),
        ([["a", "1"], [None, ""]], "at least two rows"),
        ([["a", "1"], ["b", None]], "Row 2 is incomplete"),
        ([["a", "1"], ["b"]], "Row 2 is incomplete"),
        ([["x" * (LONGEST + 1), "1"], ["b", "0"]], "Row 1 has"),
        ([["a", "1"]] * (MOST_ROWS + 1), "the limit is"),
        ([["a" * LONGEST, "1"]] * 300, "characters in all"),
        ([["a", "1"], ["b", "maybe"]], "'maybe' in row 2"),
        ([["a", "1"], ["", ""], ["b", "maybe"]], "'maybe' in row 3"),
        ([["a", "1"], ["b", "1"]], "same label"),
    ],
)
def test_a_fault_in_the_rows_is_named(table, named):
    with pytest.raises(ValueError, match=named):
        LSTM.checked(table)


def test_rows_are_cleaned_and_labels_are_numbers():
    table = [["  a \n b\0", 1.0], ["", None], ["c", "NEG"], ["d\ud83d", "positive"]]
    assert LSTM.checked(table).rows == (("a b\ufffd", "1"), ("c", "0"), ("d?", "1"))


def test_equal_rows_have_equal_fingerprints():
    one, same, other = (checked_rows([[x], ["b"]], 1).fingerprint() for x in ("a", " a", "c"))
    assert one == same != other and one["rows"] == 2


def test_held_out_rows_are_not_trained_on_and_depend_on_the_seed():
    rows = [(str(i),) for i in range(100)]
    training, held = split(rows, 1)
    assert len(held) == 10 and sorted(training + held) == list(range(100))
    assert split(rows, 1) == (training, held) != split(rows, 2)
    assert split(rows[:19], 0)[1] == []


def test_equal_rows_are_not_on_both_sides():
    rows = [(str(i // 4),) for i in range(100)]
    training, held = split(rows, 0)
    assert held and not {rows[i] for i in training} & {rows[i] for i in held}
    assert sorted(training + held) == list(range(100))


def test_progress_survives_json():
    found = Progress(
        3, 9, 1, 0.5, (0.25, 0.125), ((3, 0.5, 1.0),), "é", Answer("positive", 0.75),
        (Histogram("linear.weight", -1.0, 1.0, (1, 2)),), "stopped",
    )  # fmt: skip
    assert Progress.from_json(json.loads(json.dumps(dataclasses.asdict(found)))) == found
    bare = Progress(0, 9, 1, 0.0)
    assert Progress.from_json(json.loads(json.dumps(dataclasses.asdict(bare)))) == bare


@pytest.mark.parametrize("each", EXERCISES, ids=lambda each: each.stem)
def test_examples_and_small_sets_can_be_trained_on(each):
    assert len(each.checked(each.examples)) == len(each.examples)
    rows = each.checked(each.small())
    assert each.set_name.startswith(f"{len(rows)} ") and each.small() == each.small()
    assert len(set(rows.rows)) > 0.9 * len(rows)


def test_french_pairs_elide_and_agree():
    pairs = dict(exercise("char_seq2seq").small())
    assert pairs["hello"] == "bonjour" and pairs["thanks"] == "merci"
    sentences = [french for english, french in pairs.items() if english.endswith(".")]
    assert any(french.startswith("J'") for french in sentences)
    wrong = r"\b(je|le|la) [aeiou]|\bun (maison|voiture|fleur|table)|\bune (chat|chien|livre)"
    assert [french for french in sentences if re.search(wrong, french, re.I)] == []


@pytest.mark.parametrize(
    ("name", "content", "rows"),
    [
        ("a.csv", "label,review\n1,good\n0,bad\n", [["good", "1"], ["bad", "0"]]),
        ("a.tsv", "text\tlabel\ngood\t1\nbad\t0\n", [["good", "1"], ["bad", "0"]]),
        ("a.txt", "good film\t1\nbad film\t0\n", [["good film", "1"], ["bad film", "0"]]),
    ],
)
def test_uploads_have_the_columns_of_the_exercise(tmp_path, name, content, rows):
    (tmp_path / name).write_text(content)
    assert uploaded(LSTM, tmp_path / name) == rows


@pytest.mark.parametrize(
    ("stem", "content", "row"),
    [
        ("token_transformer", "id,text\n1,a fox\n2,a bear\n", ["a fox"]),
        ("char_seq2seq", "id,English,French\n1,hello,bonjour\n", ["hello", "bonjour"]),
        ("char_seq2seq", "French,English\nbonjour,hello\n", ["hello", "bonjour"]),
        ("char_seq2seq", "source,target,x\nhello,bonjour,y\n", ["hello", "bonjour"]),
        ("char_seq2seq", "id,source,target\n1,hello,bonjour\n", ["hello", "bonjour"]),
        ("char_seq2seq", "id,other,English\n1,bonjour,hello\n", ["hello", "bonjour"]),
    ],
)
def test_an_upload_may_have_other_columns(tmp_path, stem, content, row):
    (tmp_path / "a.csv").write_text(content)
    assert uploaded(exercise(stem), tmp_path / "a.csv")[0] == row


def test_an_upload_with_too_few_columns_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text("only texts\nand no labels\n")
    with pytest.raises(ValueError, match="it needs 2: text, label"):
        uploaded(LSTM, tmp_path / "a.txt")
