"""The Compare tab: all sentiment models on one text, and one model on two texts."""

import numpy as np
import pytest

from dlnlp.catalog import CATALOG
from dlnlp.compare.models import MODELS, Cost
from dlnlp.results import Attribution, Sentiment
from dlnlp.ui.compare.edits import EXAMPLES, RECORDS
from dlnlp.ui.panels import comparison, edits

POSITIVE, UNSURE = Sentiment("t", 0.9), Sentiment("t", 0.5)


def verdicts(*found):
    return dict(zip(MODELS, found, strict=False))


def ask_edits(page, stem, first, second):
    page["edits_model"], page["edits_other"] = stem, second
    return page.ask("edits", first)


def shown_edits(page):
    return {entry.stem: page[f"{entry.stem}_edited"] for entry in RECORDS}


# Models


def test_compare_shows_verdicts_words_and_costs_of_all_models(page):
    page.ask("compare", "a good film")
    shown = page["compare_result"]
    for stem in MODELS:
        assert f'id="compare_{stem}"' in shown
    assert shown.count("dl-verdict-head") == len(MODELS)
    assert shown.count(" ms<") == len(MODELS) and "parameters" in shown
    assert "agree" in shown and "Words on which the models differ most" in shown


def test_a_disagreement_is_said_with_each_verdict():
    shown = comparison.agreement(verdicts(POSITIVE, UNSURE))
    assert "disagree" in shown and "90.0%" in shown and "50.0%" in shown
    assert "The models agree: positive." in comparison.agreement(verdicts(POSITIVE, POSITIVE))
    assert not comparison.agreement(verdicts(POSITIVE))


def test_an_error_of_one_model_leaves_the_others_verdict():
    shown = comparison.comparison(verdicts(POSITIVE), {MODELS[1]: "<b>no</b> file"})
    assert "POSITIVE" in shown and "&lt;b&gt;no" in shown


def test_costs_say_what_is_unknown():
    shown = comparison.facts({MODELS[0]: Cost(12.34, 1.5, 1_000, None)}, {})
    assert "12.3 ms" in shown and "1.5 s" in shown and "1,000" in shown and "unknown" in shown


def test_words_of_two_models_have_one_scale_and_a_difference():
    def attribution(*scores):
        return Attribution("so good", ("so", "good"), (0, 3), np.array(scores), "any")

    shown = comparison.attributions(
        dict(zip(MODELS, (attribution(0.0, 4.0), attribution(0.0, 1.0)), strict=True))
    )
    assert 'title="+3.00"' in shown and " minus " in shown
    assert shown.index("good</span></td>") < shown.index(
        "so</span></td>"
    )  # the largest difference comes first
    assert "62%" in shown and "16%" in shown  # a quarter of the contribution, a quarter of the tint


# Two texts


@pytest.mark.parametrize("entry", RECORDS, ids=lambda entry: entry.stem)
def test_the_chosen_model_compares_both_texts(page, entry):
    ask_edits(page, entry.stem, "a good film", "a bad film")
    shown = shown_edits(page)
    assert shown.pop(entry.stem).count("<mark>") >= 2
    assert not any(shown.values())


def test_an_example_fills_both_boxes_and_is_answered(page):
    [function] = page.listeners("edits_examples")
    stem, first, second = EXAMPLES[1]
    assert tuple(function.fn(1)) == EXAMPLES[1]
    ask_edits(page, stem, first, second)
    assert shown_edits(page)[stem]


def test_examples_are_of_models_of_the_catalog():
    assert {stem for stem, *_ in EXAMPLES} <= {entry.stem for entry in CATALOG}


def test_one_blank_text_gets_a_note(page):
    ask_edits(page, RECORDS[0].stem, "good", " ")
    assert "two versions" in page.shown(f"{RECORDS[0].stem}_edits_panel")
    assert not any(shown_edits(page).values())


def test_any_two_texts_are_compared_or_explained(page, bad_text):
    stem = RECORDS[-1].stem
    ask_edits(page, stem, bad_text, "good")
    shown = page.shown(f"{stem}_edits_panel")
    assert shown and "<script>" not in shown and "<img src=x" not in shown


def test_a_missing_checkpoint_is_one_sentence_of_the_chosen_model(page_without_checkpoints):
    ask_edits(page_without_checkpoints, RECORDS[0].stem, "good", "bad")
    for entry in RECORDS:
        shown = page_without_checkpoints.shown(f"{entry.stem}_edits_panel")
        assert ("is missing" in shown) == (entry is RECORDS[0])


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (10.0, 10.0, "equally"),
        (10.0, 11.0, "A is more likely, by 1.0 bits: 2.0 times"),
        (60.0, 20.0, "B is more likely, by 40.0 bits: over a million times"),
    ],
)
def test_the_more_likely_text_is_named(first, second, said):
    assert said in edits.likelier(first, second)
