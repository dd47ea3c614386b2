"""The attention heads panel of both Transformers, and which head it opens on."""

import numpy as np
import pytest

from dlnlp.inference.attention import AttentionWindow
from dlnlp.inference.attention_heads import informative_head
from dlnlp.models.sentiment_bert.predictor import SentimentBertPredictor
from dlnlp.results import AttentionMaps
from dlnlp.ui.panels import heads
from dlnlp.ui.panels.heads import description, thumbnails

STEMS = ("sentiment_bert", "token_transformer")


def opened(page, stem, text="abc def ghi"):
    return page.ask(stem, text).trigger(f"{stem}_attention", "expand")


@pytest.mark.parametrize("stem", STEMS)
def test_before_a_text_was_asked_the_panel_says_so_and_shows_no_controls(page, stem):
    page.trigger(f"{stem}_attention", "expand")
    assert "Submit a text" in page.shown(f"{stem}_attention_panel")
    assert not page.component(f"{stem}_hide").visible
    assert page[f"{stem}_heads"] in ("", None)


@pytest.mark.parametrize("stem", STEMS)
def test_heads_are_computed_when_the_panel_is_opened(page, stem):
    page.ask(stem, "good film")
    assert not page[f"{stem}_heads"]
    page.trigger(f"{stem}_attention", "expand")
    assert page[f"{stem}_heads"].count('class="dl-head"') == 4
    assert "dl-heatmap" in page[f"{stem}_head"]


@pytest.mark.parametrize("stem", STEMS)
def test_a_chosen_head_is_enlarged_and_stays_chosen(page, stem):
    opened(page, stem).trigger(f"{stem}_heads", data={"layer": 1, "head": 0})
    assert "Layer 2, head 1." in page.shown(f"{stem}_attention_panel")
    page.ask(stem, "another text")
    assert "Layer 2, head 1." in page.shown(f"{stem}_attention_panel")


@pytest.mark.parametrize("stem", STEMS)
def test_special_tokens_can_be_shown(page, stem):
    opened(page, stem)
    hidden = page[f"{stem}_head"].count("<span>")
    assert "hidden special tokens" in page.shown(f"{stem}_attention_panel")
    page[f"{stem}_hide"] = False
    page.trigger(f"{stem}_hide", "input")
    assert page[f"{stem}_head"].count("<span>") > hidden
    assert "hidden special tokens" not in page.shown(f"{stem}_attention_panel")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"layer": 9, "head": 0}, "2 layers of 2 heads"),
        ({"layer": -1, "head": 0}, "2 layers of 2 heads"),
        ({"layer": "<b>1", "head": 0}, "must be a whole number"),
        ({}, "must be a whole number"),
    ],
)
def test_forged_heads_become_a_sentence(page, data, message):
    opened(page, "token_transformer").trigger("token_transformer_heads", data=data)
    shown = page.shown("token_transformer_attention_panel")
    assert message in shown and "<b>1" not in shown


@pytest.mark.parametrize("stem", STEMS)
def test_odd_texts_get_heads(page, stem, bad_text):
    opened(page, stem, bad_text)
    shown = page.shown(f"{stem}_attention_panel")
    assert "dl-heads" in shown and "dl-fault" not in shown
    assert "<script" not in shown and "onerror=alert(1)>" not in shown


def test_a_visitors_state_holds_no_attention_weights(page):
    opened(page, "sentiment_bert").trigger("sentiment_bert_heads", data={"layer": 0, "head": 1})
    states = [v for b, v in page.values.items() if type(b).__name__ == "State"]
    assert (0, 1) in states
    assert not any(
        isinstance(value, (np.ndarray, AttentionMaps, AttentionWindow)) for value in states
    )


def rows(*targets):
    """Attention (N, N) in which token i looks at token ``targets[i]`` only."""
    return np.eye(len(targets))[list(targets)]


def maps(*heads, tokens="abcdef"):
    return AttentionMaps(tuple(tokens), np.stack(heads)[None])


SELECTIVE = rows(3, 4, 5, 0, 1, 2)


@pytest.mark.parametrize(
    "dull",
    {
        "itself": rows(0, 1, 2, 3, 4, 5),
        "the token before": rows(0, 0, 1, 2, 3, 4),
        "the token after": rows(1, 2, 3, 4, 5, 5),
        "one token from everywhere": rows(0, 0, 0, 0, 0, 0),
        "all tokens alike": np.full((6, 6), 1 / 6),
    }.values(),
)
def test_the_first_head_shown_is_not_a_dull_one(dull):
    assert informative_head(maps(dull, SELECTIVE)) == (0, 1)
    assert informative_head(maps(SELECTIVE, dull)) == (0, 0)


def test_attention_to_special_tokens_is_not_informative():
    to_special = rows(5, 5, 0, 5, 0, 0)
    found = maps(to_special, SELECTIVE, tokens=["[S]", "b", "c", "d", "e", "[S]"])
    assert informative_head(found, frozenset(["[S]"])) == (0, 1)
    assert informative_head(AttentionMaps((), np.zeros((1, 2, 0, 0)))) == (0, 0)


def test_thumbnails_name_their_heads_and_mark_the_chosen_one():
    look = AttentionWindow(("a", "b"), np.zeros((2, 2, 2, 2)), np.zeros((2, 2)), begin=0, total=2)
    shown = thumbnails(look, (1, 0))
    assert shown.count('aria-pressed="true"') == 1 and shown.count("<img") == 4
    assert 'aria-pressed="true" aria-label="layer 2, head 1"' in shown


def test_the_description_says_what_is_left_out():
    weights = np.zeros((1, 1, 2, 2))
    look = AttentionWindow(("a", "b"), weights, np.full((1, 1), 0.4), begin=3, total=9)
    shown = description(look, (0, 0), hide=True, about="<i>")
    assert "Layer 1, head 1" in shown and "40.0%" in shown and "Tokens 4 to 5 of 9" in shown
    assert "<i>" not in shown
    assert "40.0%" not in description(look, (0, 0), hide=False, about="")


# Long and blank texts, errors


@pytest.mark.parametrize("stem", STEMS)
def test_a_long_text_is_shown_a_window_at_a_time(page, monkeypatch, stem):
    monkeypatch.setattr(heads, "WINDOW", 4)  # the tiny models read few tokens
    page.ask(stem, "a good film " * 3).trigger(f"{stem}_attention", "expand")
    assert "Tokens 1 to 4 of" in page.shown(f"{stem}_attention_panel")
    page[f"{stem}_begin"] = 3
    page.trigger(f"{stem}_begin", "input")
    assert "Tokens 3 to 6 of" in page.shown(f"{stem}_attention_panel")


@pytest.mark.parametrize("stem", STEMS)
def test_a_blank_text_clears_the_heads(page, stem):
    page.ask(stem, "good film").trigger(f"{stem}_attention", "expand").ask(stem, " \n")
    assert not page[f"{stem}_heads"] and not page[f"{stem}_head"]


def test_heads_that_fail_say_so_and_show_nothing_old(page, monkeypatch):
    stem = "sentiment_bert"
    page.ask(stem, "good").trigger(f"{stem}_attention", "expand")
    monkeypatch.setattr(SentimentBertPredictor, "attention", lambda *given, **named: 1 / 0)
    page.ask(stem, "good film")
    assert "Something went wrong" in page.shown(f"{stem}_attention_panel")
    assert not page[f"{stem}_heads"] and not page[f"{stem}_head"]
