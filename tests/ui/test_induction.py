"""The table with the induction scores of the language model's heads."""

import numpy as np

from dlnlp.results import Induction
from dlnlp.ui.panels.induction import SHORT, induction_table

STEM = "token_transformer"


def test_the_table_is_computed_when_the_panel_is_opened(page):
    page.ask(STEM, "good film")
    assert not page[f"{STEM}_induction_table"]
    page.trigger(f"{STEM}_induction", "expand")
    assert page[f"{STEM}_induction_table"].count("<td") == 4


def test_a_single_token_is_too_short(page):
    page.trigger(f"{STEM}_induction", "expand").ask(STEM, "a")
    assert SHORT in page[f"{STEM}_induction_table"]


def test_any_text_is_shown(page, bad_text):
    page.trigger(f"{STEM}_induction", "expand").ask(STEM, bad_text)
    assert page[f"{STEM}_induction_table"]
    assert "<script>" not in page[f"{STEM}_induction_table"]


def test_the_best_head_and_both_surprisals_are_named():
    scores = np.array([[0.1, 0.2], [0.75, 0.3]])
    found = Induction((" a", " b"), scores, np.array([9.5]), np.array([1.25]), truncated=True)
    table = induction_table(found)
    assert "layer 2, head 1" in table
    assert "9.5 bits" in table
    assert "1.2 bits" in table
    assert "75.0%" in table
    assert "last 2 tokens" in table
