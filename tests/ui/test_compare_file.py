"""The File screen of the Compare tab."""

import json
from pathlib import Path

import pandas as pd
import pytest

from dlnlp.compare.models import MODELS
from dlnlp.ui.compare.batch import KEPT
from tests.ui.conftest import BAD_TEXTS


@pytest.fixture
def labelled(tmp_path):
    path = tmp_path / "texts.csv"
    path.write_text("review,label\na good film,pos\na bad film,neg\nwhat?,\n", encoding="utf-8")
    return str(path)


def compare(page, lines="", file=None):
    page["batch_text"], page["batch_file"] = lines, file
    page.trigger("batch_file", "change")
    return page.trigger("batch_run")


def table(page):
    return page["batch_table"]


def test_pasted_lines_get_the_verdicts_of_all_models(page):
    compare(page, "a good film\n\na bad film")
    assert sorted(table(page)["text"]) == ["a bad film", "a good film"]
    assert "label" not in table(page) and len(table(page).columns) == 3 + 2 * len(MODELS)
    assert "Cohen’s κ" in page["batch_summary"] and "accuracy" not in page["batch_summary"]
    assert "texts/s" in page["batch_summary"]


def test_a_labelled_file_gets_quality_and_downloads(page, labelled):
    compare(page, file=labelled)
    assert page["batch_text_column"] == "review" and page["batch_label_column"] == "label"
    assert page["batch_summary"].count("accuracy") == len(MODELS)
    assert "right" in table(page)
    saved = pd.read_csv(page["batch_csv"], keep_default_na=False)
    assert list(saved["text"]) == list(table(page)["text"])
    assert pd.read_parquet(page["batch_parquet"]).equals(table(page))


def test_downloads_of_earlier_comparisons_are_deleted(page):
    written = []
    for place in range(KEPT + 1):
        compare(page, f"a good film {place}")
        written.append(Path(page["batch_csv"]))
    assert [path.exists() for path in written] == [False] + [True] * KEPT


def test_progress_is_shown_while_it_runs(page):
    compare(page, "\n".join(f"a good film {i}" for i in range(40)))
    said = [str(value) for values in page.history for value in values.values()]
    assert any("32 of 40 texts, about" in each for each in said)


def test_a_damaged_file_is_one_sentence_and_clears_the_last_results(page, labelled, tmp_path):
    compare(page, file=labelled)
    path = tmp_path / "broken.csv"
    path.write_bytes(b"text\n\xff\n")
    compare(page, file=str(path))
    assert "Line 2 is not UTF-8" in page["batch_status"] and "dl-fault" in page["batch_status"]
    assert not page["batch_summary"]


def test_nothing_to_compare_says_so(page):
    assert "nothing to compare" in compare(page, " \n")["batch_status"]


def test_a_file_and_pasted_lines_are_not_confused(page, labelled):
    shown = compare(page, "a film", labelled)["batch_status"]
    assert "a file and pasted texts are given" in shown and not page["batch_summary"]


def test_another_file_clears_the_results_of_the_last_one(page, labelled):
    assert compare(page, file=labelled)["batch_summary"]
    page.trigger("batch_file", "change")
    assert "3 rows" in page["batch_status"] and not page["batch_summary"]


def test_a_file_of_bad_texts_is_compared(page, tmp_path):
    path = tmp_path / "bad.jsonl"
    lines = [json.dumps({"text": text[:5_000]}) for text in BAD_TEXTS.values()]
    path.write_text("\n".join(lines), "utf-8")
    compare(page, file=str(path))
    assert len(table(page)) == len(BAD_TEXTS)
    assert Path(page["batch_csv"]).is_file()


def test_without_checkpoints_it_is_one_sentence(page_without_checkpoints):
    shown = compare(page_without_checkpoints, "good")["batch_status"]
    assert "is missing" in shown and "dl-fault" in shown
