"""Saving a tab's results, and the code for them."""

import html
import json
import re

import pytest

from dlnlp import catalog
from dlnlp.service.code import ADDRESS, EXAMPLES
from dlnlp.ui.panels import export

STEMS = [entry.stem for entry in catalog.CATALOG]


def opened(page, stem, text):
    """What the panel shows once it is open."""
    page.trigger(f"{stem}_export", "expand")
    page.ask(stem, text)
    return page[f"{stem}_export_saved"]


def document(shown, stem):
    [text] = re.findall(
        rf'<pre hidden id="{stem}_export_results"[^>]*>(.*?)</pre>', shown, re.DOTALL
    )
    return json.loads(html.unescape(text))


@pytest.mark.parametrize("stem", STEMS)
def test_all_results_are_saved_with_model_version_and_settings(page, stem):
    shown = opened(page, stem, "a <b>good</b> film")
    assert "<b>" not in shown
    found = document(shown, stem)
    assert found["model"] == stem and found["dlnlp"] and found["weights_sha256"] is None
    assert [call["verb"] for call in found["calls"]]
    for call in found["calls"]:
        assert call["result"] is not None
        assert "a <b>good</b> film" in str(call["arguments"])


def test_the_settings_of_the_tab_are_in_the_code(page):
    page["char_seq2seq_beam"] = 3
    shown = opened(page, "char_seq2seq", "a bee")
    assert shown.count("beam_size=3") == 3
    assert document(shown, "char_seq2seq")["calls"][0]["arguments"]["beam_size"] == 3


@pytest.mark.parametrize("stem", ["sentiment_lstm", "sentiment_bert"])
def test_the_method_of_attribution_is_saved_and_follows_the_page(page, stem):
    assert "method=" not in opened(page, stem, "good film")
    page[f"{stem}_method"] = "leave_one_out"
    shown = page.trigger(f"{stem}_method", "change")[f"{stem}_export_saved"]
    assert "explain(text=text, method='leave_one_out')" in html.unescape(shown)
    [explained] = [each for each in document(shown, stem)["calls"] if each["verb"] == "explain"]
    assert explained["result"]["method"] == "leave_one_out"


def test_the_code_follows_a_setting(page):
    opened(page, "char_seq2seq", "a bee")
    page["char_seq2seq_beam"] = 2
    page.trigger("char_seq2seq_beam", "change")
    assert page["char_seq2seq_export_saved"].count("beam_size=2") == 3


def test_a_large_result_is_left_out(page, monkeypatch):
    monkeypatch.setattr(export, "MOST_JSON", 100)
    calls = document(opened(page, "sentiment_bert", "good film"), "sentiment_bert")["calls"]
    [attention] = [call for call in calls if call["verb"] == "attention"]
    assert attention["result"] is None and attention["note"] == export.TOO_LARGE


def test_comparisons_are_saved_with_their_code(page):
    page.trigger("compare_export", "expand").ask("compare", "good film")
    shown = page["compare_export_saved"]
    found = document(shown, "compare")
    assert found["text"] == "good film" and len(found["models"]) >= 2 and found["words"]
    assert "/compare_texts" in shown
    page["edits_other"] = "bad film"
    page.trigger("edits_export", "expand").ask("edits", "good film")
    shown = page["edits_export_saved"]
    found = document(shown, "edits")
    assert (found["first"], found["second"]) == ("good film", "bad film")
    assert found["classify"] and "/compare_edits" in shown
    page["edits_other"] = " "
    page.ask("edits", "good film")
    assert not page["edits_export_saved"]


def test_only_the_address_of_the_client_is_replaced(page):
    shown = opened(page, "sentiment_lstm", f"good {ADDRESS} film")
    assert shown.count("data-address") == 2
    assert f"URL=<span data-address>{ADDRESS}</span>" in shown
    assert f"client = Client(&#39;<span data-address>{ADDRESS}</span>&#39;)" in shown


def test_the_other_text_of_a_panel_is_an_argument(page):
    page["sentiment_lstm_patch_text"] = "a dull film"
    page.ask("sentiment_lstm", "a good film").trigger("sentiment_lstm_export", "expand")
    shown = html.unescape(page["sentiment_lstm_export_saved"])
    assert "model.patch(text=text, other='a dull film')" in shown
    assert "model.units_off(" in shown.split(EXAMPLES)[1]
