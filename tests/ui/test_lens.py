"""The table with the predictions of each layer of the language model."""

import re

import numpy as np

from dlnlp.results import Lens
from dlnlp.ui.panels.lens import MOST_TOKENS, lens_table

STEM = "token_transformer"


def test_the_table_is_computed_when_the_panel_is_opened(page):
    page.ask(STEM, "good")
    assert not page[f"{STEM}_lens_table"]
    page.trigger(f"{STEM}_lens", "expand")
    table = page[f"{STEM}_lens_table"]
    assert re.findall(r'<th scope="row">(.*?)</th>', table) == ["embeddings", "1", "2, the last"]
    assert table.count("<td") == 3 * len(["<|endoftext|>", *"good"])


def test_any_text_is_shown(page, bad_text):
    page.trigger(f"{STEM}_lens", "expand").ask(STEM, bad_text)
    assert "<script>" not in page[f"{STEM}_lens_table"]
    assert page[f"{STEM}_lens_table"].count("<td") <= 3 * MOST_TOKENS


def found(count, predicted=((" cat", " <b>"), (" dog", " <b>"))):
    rows = tuple(row[:1] * (count - 1) + row[1:] for row in predicted)
    final = np.full((2, count), 0.25)
    return Lens((" a",) * count, rows, np.full((2, count), 0.5), final)


def test_a_cell_names_its_prediction_and_what_it_becomes():
    table = lens_table(found(2))
    assert 'data-detail="after “·a”: “·cat” 50.0%; the last layer&#39;s “·dog” 25.0%"' in table
    assert 'data-detail="after “·a”: “·&lt;b&gt;” 50.0%" data-final' in table
    assert table.count("data-final") == 3  # the last row, and a layer that agrees with it


def test_only_the_last_tokens_of_a_long_prompt_are_shown():
    assert "Only the last" not in lens_table(found(MOST_TOKENS))
    table = lens_table(found(MOST_TOKENS + 1))
    assert f"Only the last {MOST_TOKENS} tokens are shown." in table
    assert table.count("<td") == 2 * MOST_TOKENS
