"""Saving figures, texts and results, in a browser."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from dlnlp import catalog
from tests.e2e.conftest import expect
from tests.e2e.driver import ask, go

pytestmark = pytest.mark.e2e
STEMS = [entry.stem for entry in catalog.CATALOG]
SVG = "{http://www.w3.org/2000/svg}"


def open_export(page, stem, text):
    """Submit a text and open the panel; returns its rows of buttons."""
    go(page, stem)
    accordion = page.locator(f"#{stem}_export button").first
    if accordion.get_attribute("aria-expanded") != "true":
        accordion.click()
    ask(page, stem, text)
    # Not the rows for the text before: new ones replace them, and what was pressed there.
    answered = page.locator(f'#{stem}_export_panel [data-answers="{text}"]')
    answered.wait_for(state="attached")
    rows = page.locator(f"#{stem}_export_saved .dl-saving tr")
    rows.first.wait_for()
    return rows


def saved(page, button):
    """The name and the bytes of the file that a button saves."""
    with page.expect_download() as waiting:
        button.click()
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


@pytest.mark.parametrize("stem", STEMS)
def test_what_an_open_panel_shows_is_export_saved(shared_page, stem):
    page = shared_page()
    first = open_export(page, stem, "a <b>bee</b> \x01").first
    name, svg = saved(page, first.get_by_text("SVG"))
    assert name.endswith(".svg")
    root = ElementTree.fromstring(svg)
    assert root.findall(f".//{SVG}text") and float(root.get("width")) > 50
    _, png = saved(page, first.get_by_text("PNG"))
    assert png.startswith(b"\x89PNG")
    name, html = saved(page, first.get_by_text("HTML"))
    assert name.endswith(".html") and b"<meta charset" in html and b"<script" not in html
    name, results = saved(page, page.locator(f"#{stem}_export_saved").get_by_text("JSON"))
    assert (name, json.loads(results)["model"]) == (f"{stem}_export_results.json", stem)


def test_the_cells_of_a_heatmap_and_a_plot_are_vectors(shared_page):
    page = shared_page()
    rows = open_export(page, "char_seq2seq", "a bee")
    _, svg = saved(
        page, rows.filter(has_text=re.compile(r"^(?!Without).*ttention")).get_by_text("SVG")
    )
    root = ElementTree.fromstring(svg)
    assert not root.findall(f".//{SVG}image")
    assert len(root.findall(f".//{SVG}rect")) > 20
    rows = open_export(page, "sentiment_lstm", "good film")
    page.locator("#sentiment_lstm_trace .main-svg").first.wait_for()  # Plotly is loaded late
    _, svg = saved(page, rows.filter(has_text="word by word").get_by_text("SVG"))
    assert ElementTree.fromstring(svg).findall(f".//{SVG}svg")  # drawn by Plotly


def test_a_closed_panel_is_not_saved_and_code_shows_the_address(shared_page, untrained_url):
    page = shared_page()
    rows = open_export(page, "sentiment_bert", "good film")
    closed = rows.filter(has_text=re.compile("^Attention heads")).get_by_text("SVG")
    closed.click()
    expect(rows.get_by_text("Nothing is shown there yet")).to_have_count(1)
    code = page.locator("#sentiment_bert_export_saved .dl-code code").nth(1)
    expect(code).to_contain_text(f"Client('{untrained_url.rstrip('/')}')")


def test_figures_of_the_scoreboard_are_saved(shared_page):
    page = shared_page()
    go(page, "compare")
    page.get_by_role("tab", name="Scoreboard", exact=True).click()
    page.get_by_role("button", name="Save figures").last.click()
    row = page.locator(".dl-saving tr", has_text="Table")
    _, svg = saved(page, row.get_by_text("SVG"))
    words = "".join(ElementTree.fromstring(svg).itertext())
    assert all(entry.title.split()[0] in words for entry in catalog.CATALOG)
