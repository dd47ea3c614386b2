"""The Learn panels on the page."""

import html
import json
import re

import pytest

from dlnlp import catalog
from dlnlp.learn.corrections import CORRECTIONS
from dlnlp.learn.texts import guide
from dlnlp.ui.panels.learn import NO_PICTURES
from dlnlp.ui.panels.learn_pictures import WAITS, boxes, marked_line, picture, short
from dlnlp.ui.panels.learn_tutorial import outcome
from tests.ui.pages import inside

STEMS = [entry.stem for entry in catalog.CATALOG]
every_chapter = pytest.mark.parametrize("stem", STEMS)


def opened(page, stem):
    return page.trigger(f"{stem}_learn", "expand")


@every_chapter
def test_a_closed_panel_holds_nothing(page, stem):
    page.ask(stem, "good film")
    assert not page[f"{stem}_tour"] and not page[f"{stem}_questions"]


@every_chapter
def test_without_a_text_the_example_is_followed(page, stem):
    shown = opened(page, stem)[f"{stem}_tour"]
    assert "Shown for “" in shown
    assert shown.count("data-page=") == len(guide(stem).steps)
    assert WAITS not in shown and shown.count("dl-boxes") > 3
    assert page[f"{stem}_questions"].count("<details>") == 3


@every_chapter
def test_ones_own_text_is_followed(page, stem):
    shown = opened(page, stem).ask(stem, "good film")[f"{stem}_tour"]
    assert "Shown for “" not in shown
    tokens = re.findall(
        r"<span>(.*?)</span>", shown.split('class="dl-pieces">')[1].split("</p>")[0]
    )
    assert "goodfilm" in re.sub(r"[·\s]", "", "".join(tokens)).lower()
    assert f"({1}, {len(tokens)}" in shown


@every_chapter
def test_the_example_may_be_ones_own_text(page, stem):
    [example] = re.findall("Shown for “(.*?)”", opened(page, stem)[f"{stem}_tour"])
    assert "Shown for “" not in page.ask(stem, html.unescape(example))[f"{stem}_tour"]


@every_chapter
def test_texts_stay_and_pictures_wait_without_a_checkpoint(page_without_checkpoints, stem):
    page = opened(page_without_checkpoints, stem)
    shown = page[f"{stem}_tour"]
    assert WAITS in shown and "dl-boxes" not in shown
    assert guide(stem).steps[0].title in shown
    assert NO_PICTURES in page.shown(f"{stem}_learn_panel").replace("&#39;", "'")
    assert "Shown for “" not in shown


@every_chapter
def test_every_picture_marks_a_box_and_a_line(stem):
    walk = catalog.record(stem).tiny().walk("good film")
    for step in guide(stem).steps:
        if step.picture not in ("flow", "shapes"):
            assert any(box.here for box in boxes(walk, step.picture)), step.title
            traced, line = marked_line(walk, step.picture)
            assert "<mark>" in picture(walk, step.picture)
            name = re.split(r"[.: ]+", step.picture)[-1]
            assert name in traced.lines[line - traced.first], step.title


@every_chapter
def test_the_buttons_name_components_that_exist(page, stem):
    shown = opened(page, stem)[f"{stem}_tour"]
    ids = {getattr(block, "elem_id", None) for block in page.demo.blocks.values()}
    for panel in re.findall(r'data-show="(\w+)"', shown):
        assert {panel, f"{panel}_panel"} & ids, panel
    tried = re.findall(r'data-try="(.*?)"', page[f"{stem}_questions"])
    assert len(tried) >= 3
    for each in tried:
        wanted = json.loads(each.replace("&#34;", '"'))
        named = {*wanted["values"], *wanted["opens"], wanted["press"]}
        assert named <= ids, named - ids
    [tab] = re.findall(r'data-tab="(\w+)"', shown)
    assert f"{tab}_tab" in ids


@every_chapter
def test_any_text_is_drawn_escaped(bad_text, stem):
    walk = catalog.record(stem).tiny().walk(bad_text)
    drawn = "".join(picture(walk, step.picture) for step in guide(stem).steps)
    assert "<script" not in drawn and "<img" not in drawn
    assert "dl-boxes" in drawn


def test_any_text_is_answered_in_the_panel(page):
    stem = STEMS[0]
    for text in ("", " ", "<script>alert(1)</script>", "a\ud83db"):
        shown = opened(page, stem).ask(stem, text)[f"{stem}_tour"]
        assert "data-page" in shown and "<script" not in shown


@every_chapter
def test_the_tutorials_version_runs(page, stem):
    opened(page, stem)
    page.trigger(f"{stem}_questions", "click", {"repairs": []})
    assert "dl-ran" in page[f"{stem}_ran"]
    assert f"none of {len(CORRECTIONS[stem])} errors repaired" in page[f"{stem}_ran"]


@pytest.mark.parametrize("data", [{}, {"repairs": "all"}, {"repairs": [99]}, {"repairs": [True]}])
def test_other_requests_are_answered_with_a_sentence(page, data):
    stem = STEMS[0]
    page.trigger(f"{stem}_questions", "click", data)
    assert "dl-fault" in page.shown(f"{stem}_learn_panel")
    assert not page[f"{stem}_ran"]


def test_an_outcome_says_what_is_still_wrong():
    stem = "token_transformer"
    assert "NameError" in outcome(stem, [])
    assert "still wrong" in outcome(stem, [0])
    repaired = outcome(stem, range(len(CORRECTIONS[stem])))
    assert "No error is left" in repaired and "the cat sat on the mat" in repaired


def test_sizes_are_short():
    assert short("in_features=320, out_features=1, bias=True") == "320, 1"
    assert short("128, 160, batch_first=True, bidirectional=True") == "128, 160, bidirectional"
    assert short("(16,), eps=1e-05, elementwise_affine=True, bias=True") == "16"


def test_the_panel_adds_few_components(page):
    panel = page.component(f"{STEMS[0]}_learn_panel")
    assert len(list(inside(panel))) <= 6
