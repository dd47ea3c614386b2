"""The File screen of the Compare tab, in a browser."""

import csv
import io
from pathlib import Path

import pytest
from gradio_client import Client

from tests.e2e.conftest import expect
from tests.e2e.driver import go
from tests.e2e.test_page import ATTACK

pytestmark = pytest.mark.e2e
ROWS = [("a good film", "pos"), ("a bad film", "neg"), ("it lasts two hours, or so", "neg")]


def compare(page, path, rows):
    """Write the rows, the first with the columns' names, to the file and compare it."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows(rows)
    go(page, "compare")
    page.get_by_role("tab", name="File", exact=True).click()
    page.locator("#batch_file input[type=file]").set_input_files(path)
    expect(page.locator("#batch_status")).to_contain_text(f"{len(rows) - 1} rows")
    page.locator("#batch_run").click()


def test_a_labelled_file_is_compared_and_its_csv_has_the_answers_of_the_api(
    open_page, untrained_url, tmp_path
):
    page = open_page(untrained_url)
    compare(page, tmp_path / "texts.csv", [("sentence", "label"), *ROWS])
    expect(page.locator("#batch_summary")).to_contain_text("accuracy")
    for text, _ in ROWS:
        expect(page.locator("#batch_table")).to_contain_text(text)
    with page.expect_download() as waiting:
        page.locator("#batch_csv").click()
    content = Path(waiting.value.path()).read_text(encoding="utf-8")
    rows = {row["text"]: row for row in csv.DictReader(io.StringIO(content))}
    client = Client(untrained_url, verbose=False)
    found = client.predict(
        [text for text, _ in ROWS], [label for _, label in ROWS], api_name="/compare_batch"
    )
    titles = {"sentiment_lstm": "Sentiment LSTM", "sentiment_bert": "BERT sentiment"}
    for stem, title in titles.items():
        for (text, _), positive in zip(ROWS, found["positive"][stem], strict=True):
            assert float(rows[text][f"{title}, P(positive)"]) == pytest.approx(positive, abs=1e-3)


def test_markup_in_a_file_is_only_text(open_page, untrained_url, tmp_path):
    page = open_page(untrained_url)
    path = tmp_path / "<img src=x onerror='window.hit = 1'>.csv"
    compare(page, path, [("text", ATTACK), (ATTACK, "pos"), ("bad", ATTACK)])
    expect(page.locator("#batch_table")).to_contain_text("onerror")
    page.wait_for_timeout(500)
    assert page.evaluate("window.hit") is None
