"""The panels that change something inside a model, and those that show a computation in steps."""

import json
import re

import numpy as np
import pytest

from dlnlp.models.char_seq2seq import predictor as char_seq2seq
from dlnlp.ui.panels import fixed_attention
from dlnlp.ui.panels.changed import UNFILTERED, changed
from dlnlp.ui.panels.deletion import SHORT
from dlnlp.ui.panels.gates import telling_units
from dlnlp.ui.panels.head_steps import steps_table
from dlnlp.ui.panels.heads_off import effects
from dlnlp.ui.panels.patching import NO_COUNTERPART, OTHER_BLANK, SAME, patches
from dlnlp.ui.panels.sampling_steps import steps_chart
from dlnlp.views import HeadEffects, HeadSteps, Intervention, Patches, SamplingSteps
from tests.ui.conftest import BAD_TEXTS

BERT, LSTM, TRANSFORMER = "sentiment_bert", "sentiment_lstm", "token_transformer"
PANELS = [
    (BERT, "heads_off", "effects"),
    (BERT, "patching", "patches"),
    (BERT, "deletion", "deletion_plot"),
    (LSTM, "gates", "gates_table"),
    (LSTM, "patching", "patches"),
    (LSTM, "deletion", "deletion_plot"),
    ("char_seq2seq", "fixed", "fixed_translations"),
    (TRANSFORMER, "sampling", "sampling_chart"),
    (TRANSFORMER, "head_steps", "steps_table"),
    (TRANSFORMER, "heads_off", "effects"),
    (TRANSFORMER, "patching", "patches"),
    (TRANSFORMER, "merges", "pieces"),
]
each_panel = pytest.mark.parametrize(("stem", "panel", "shown"), PANELS)


@each_panel
def test_a_closed_panel_computes_when_it_is_opened(page, stem, panel, shown):
    page.ask(stem, "the good film")
    assert not page[f"{stem}_{shown}"]
    page.trigger(f"{stem}_{panel}", "expand")
    assert page[f"{stem}_{shown}"]


@each_panel
@pytest.mark.parametrize("kind", ["unknown letters", "script", "lone surrogate", "one long word"])
def test_any_text_is_shown_or_explained(page, stem, panel, shown, kind):
    page.trigger(f"{stem}_{panel}", "expand").ask(stem, BAD_TEXTS[kind])
    text = page.shown(f"{stem}_{panel}_panel")
    assert "<script>" not in text
    assert "the details are in its log" not in text


# Attention heads


@pytest.mark.parametrize("stem", [BERT, TRANSFORMER])
def test_heads_are_switched_off_and_on(page, stem):
    page.ask(stem, "good film").trigger(f"{stem}_heads_off", "expand")
    assert page[f"{stem}_effects"].count('class="dl-switch"') == 4
    page.trigger(f"{stem}_effects", data={"heads": ["1.2", "2.1"]})
    answer = page[f"{stem}_heads_changed"]
    assert "1.2, 2.1</span>" in answer
    assert (UNFILTERED in answer) == (stem == TRANSFORMER)
    page.trigger(f"{stem}_effects", data={"heads": []})
    assert not page[f"{stem}_heads_changed"]


@pytest.mark.parametrize("heads", [["9.1"], ["x"], "1.1", None, [1]])
def test_an_unknown_head_is_explained(page, heads):
    page.ask(BERT, "good film").trigger(f"{BERT}_heads_off", "expand")
    page.trigger(f"{BERT}_effects", data={"heads": heads})
    assert "dl-fault" in page.shown(f"{BERT}_heads_off_panel")


def test_the_largest_effects_come_first():
    found = HeadEffects("the logit", np.array([[0.1, -0.9], [0.001, 0.3]]))
    names = re.findall(r"head (\d\.\d) ([^<]+)</button>", effects(found))
    assert names == [("1.2", "−0.90"), ("2.2", "+0.30"), ("1.1", "+0.10"), ("2.1", "0")]


def test_answers_are_shown_before_and_after():
    found = Intervention(
        (" a", " b"), np.array([0.75, 0.25]), np.array([0.5, 0.125]), "the logit", -0.4
    )
    shown = changed(found, "without head 1.1")
    for text in ("75.0%", "25.0%", "50.0%", "12.5%", "−0.40 nats", "·a", "without head 1.1"):
        assert text in shown


# Patching


@pytest.mark.parametrize("stem", [BERT, LSTM, TRANSFORMER])
def test_another_text_is_patched_in(page, stem):
    page.trigger(f"{stem}_patching", "expand").ask(stem, "the good film")
    page[f"{stem}_patch_text"] = "the bad film"
    page.trigger(f"{stem}_patch_run")
    assert "←" in page[f"{stem}_patches"]
    page[f"{stem}_patch_text"] = " "
    page.trigger(f"{stem}_patch_run")
    assert OTHER_BLANK in page.shown(f"{stem}_patching_panel")
    page[f"{stem}_patch_text"] = "the good film"
    page.trigger(f"{stem}_patch_run")
    assert SAME in page[f"{stem}_patches"]


def test_the_text_is_copied_to_be_edited(page):
    page.ask(BERT, "good film").trigger(f"{BERT}_patch_copy")
    assert page[f"{BERT}_patch_text"] == "good film"


def test_places_without_a_counterpart_are_blank():
    moved = np.array([[0.0, 1.0, 0.5]])
    found = Patches("x", 0.0, 2.0, ("layer 1",), ("a", "b", "c"), ("a", "d", None), moved)
    shown = patches(found)
    assert "100%" in shown and "50%" not in shown
    assert "← d" in shown and "none" in shown


def test_without_any_counterpart_a_sentence_replaces_the_table():
    moved = np.zeros((1, 2))
    shown = patches(Patches("x", 0.0, 2.0, ("layer 1",), ("a", "b"), (None, None), moved))
    assert NO_COUNTERPART in shown and "<table" not in shown


# LSTM


def test_a_unit_is_chosen_and_groups_are_held_at_zero(page):
    page.ask(LSTM, "good film").trigger(f"{LSTM}_gates", "expand")
    assert "with unit" in page[f"{LSTM}_units_changed"]
    page.trigger(f"{LSTM}_units", data={"units": ["3"]})
    assert "Unit 3 reads forwards" in page[f"{LSTM}_gates_table"]
    assert "with unit 3 held at zero" in page[f"{LSTM}_units_changed"]
    page.trigger(f"{LSTM}_units", data={"units": ["3", "9"]})
    assert "with 2 units held at zero" in page[f"{LSTM}_units_changed"]
    page.trigger(f"{LSTM}_units", data={"units": ["99"]})
    assert "write a number from 1 to 16" in page.shown(f"{LSTM}_gates_panel")


def test_telling_units_have_both_signs_and_the_closest_come_first():
    leanings = np.linspace(-0.5, 0.6, 40)
    found = telling_units(leanings)
    assert found[0] == 39
    assert len(found) == 12
    assert sum(leanings[unit] > 0 for unit in found) == 6


# Translator


def test_translations_with_fixed_attention_are_listed(page):
    page.trigger("char_seq2seq_fixed", "expand").ask("char_seq2seq", "hello")
    shown = page["char_seq2seq_fixed_translations"]
    assert shown.count("<li>") == 4
    expected = char_seq2seq.tiny().fixed_attention("hello", "diagonal").text
    assert expected in shown


def test_quality_by_length_is_read_from_the_training():
    values = {name: {"1-15": 61.234} for name in ("own", "last")}
    shown = fixed_attention.chrf_by_length(values)
    assert shown.count("61.2") == 2
    assert "no measurements" in fixed_attention.chrf_by_length({})


# Steps


def test_the_chart_has_each_step_of_each_token():
    half, none = np.array([0.5, 0.5]), np.array([1.0, 0.0])
    logits = np.log(half)
    found = SamplingSteps((" a", " b"), logits, logits / 1e-6, half, half, none, 1)
    shown = str(steps_chart(found))
    steps = [
        json.loads(each.replace("&#34;", '"')) for each in re.findall('data-steps="(.*?)"', shown)
    ]
    assert [text for _, text in steps[1]] == ["−0.69", "−∞", "50.0%", "50.0%", "excluded"]
    assert steps[1][-1][0] == 0
    assert "1 token remains" in shown


def test_a_slider_changes_the_steps_of_an_open_panel(page):
    page.ask(TRANSFORMER, "good").trigger(f"{TRANSFORMER}_sampling", "expand")
    before = page[f"{TRANSFORMER}_sampling_chart"]
    page[f"{TRANSFORMER}_temperature"] = 0.2
    page.trigger(f"{TRANSFORMER}_temperature", "change")
    assert page[f"{TRANSFORMER}_sampling_chart"] != before


def test_the_token_that_attends_is_chosen(page):
    page.ask(TRANSFORMER, "good").trigger(f"{TRANSFORMER}_head_steps", "expand")
    assert "hidden by the causal mask" not in page[f"{TRANSFORMER}_steps_table"]
    page.trigger(f"{TRANSFORMER}_steps_tokens", data={"token": 3})
    assert page[f"{TRANSFORMER}_steps_table"].count("hidden by the causal mask") == 2
    page[f"{TRANSFORMER}_steps_Layer"] = 7
    page.trigger(f"{TRANSFORMER}_steps_Layer", "change")
    assert "layer must be a whole number from 1 to 2" in page.shown(
        f"{TRANSFORMER}_head_steps_panel"
    )


def test_the_table_has_the_numbers_of_each_token():
    eye = np.eye(2)
    found = HeadSteps(("a", "b"), np.array([4.0, 2.0]), eye, eye, np.array([4.0, 2.0]),
                      np.array([2.8, 1.4]), np.array([0.8, 0.2]), np.array([0.8, 0.2]))  # fmt: skip
    shown = steps_table(found)
    for text in ("4.00", "2.80", "80.0%", "20.0%", "÷ √2"):
        assert text in shown


def test_one_word_is_too_short_to_delete(page):
    page.trigger(f"{LSTM}_deletion", "expand").ask(LSTM, "good")
    assert SHORT in page.shown(f"{LSTM}_deletion_panel")
