"""The tab of the language model in a browser."""

import re
import time

import pytest

from dlnlp.models.token_transformer.predictor import TokenTransformerPredictor
from dlnlp.results import Piece
from tests.e2e.conftest import expect
from tests.e2e.driver import ask, go

pytestmark = pytest.mark.e2e
STEM = "token_transformer"
SIZES = [(1280, 720), (1280, 900), (390, 844)]


def at(page, name):
    return page.locator(f"#{STEM}_{name}")


def bars(page):
    """The bars, once they are there."""
    found = at(page, "next").locator(".dl-next")
    found.first.wait_for()
    return found


def set_slider(page, name, value):
    number = at(page, name).locator("input[type=number]")
    number.fill(str(value))
    number.press("Tab")


@pytest.fixture
def slowly(monkeypatch):
    """Continuations of 50 tokens a second, as if the model were large."""

    def stream(self, prompt, max_new_tokens=50, *settings, **more):
        for _ in range(max_new_tokens):
            time.sleep(0.02)
            yield Piece("x ", 1)

    monkeypatch.setattr(TokenTransformerPredictor, "stream", stream)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_continuation_is_in_view_and_becomes_the_prompt(open_page, untrained_url, width, height):
    page = open_page(untrained_url, width=width, height=height)
    for asked in (False, True):
        box = go(page, STEM, "Once upon")
        if asked:
            box.press("Enter")
            bars(page)
        at(page, "continue").click()
        expect(at(page, "progress")).to_contain_text("60 tokens")
        expect(at(page, "result")).to_contain_text("Once upon")
        expect(at(page, "result").locator(".dl-text")).to_be_in_viewport(ratio=0.5)
        at(page, "use_as_prompt").click()
        expect(box).not_to_have_value("Once upon")
        expect(box).to_be_in_viewport()
        expect(at(page, "result").locator(".dl-text")).to_have_count(0)
        words = at(page, "tokens").locator(".dl-word")
        expect(words.first).to_have_text("O")
        expect(page.locator(".dl-stale .dl-note:visible")).to_have_count(0)


def test_the_message_for_an_empty_prompt_is_in_view(shared_page):
    page = shared_page()
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate("scrollTo(0, 0)")
        go(page, STEM, "")
        at(page, "continue").click()
        message = at(page, "continuation_panel").get_by_text("Type the beginning")
        expect(message).to_be_in_viewport()


@pytest.mark.parametrize("character", ["\r", "\0"])
def test_characters_that_the_browser_replaces_do_not_dim_results(
    shared_page, monkeypatch, character
):
    """A box turns carriage returns into line feeds; HTML has no null character."""
    pieces = [Piece(f"{character}!", 2)]
    monkeypatch.setattr(TokenTransformerPredictor, "stream", lambda *a, **b: iter(pieces))
    page = shared_page()
    box = go(page, STEM, "Once")
    at(page, "continue").click()
    at(page, "use_as_prompt").click()
    expect(box).not_to_have_value("Once")
    bars(page)
    expect(page.locator(".dl-stale .dl-note:visible")).to_have_count(0)


def test_filters_change_the_bars_at_once(open_page, untrained_url):
    page = open_page(untrained_url)
    ask(page, STEM, "Once upon")
    expect(bars(page)).to_have_count(10)
    for name, value, count in (("top_k", 4, 4), ("candidates", 3, 3), ("top_k", 2, 2)):
        set_slider(page, name, value)
        expect(bars(page)).to_have_count(count)
    set_slider(page, "temperature", 0)
    expect(at(page, "next").locator(".dl-next span:last-child")).to_have_text(["100%"])


def test_the_sampling_steps_follow_the_arrow_keys(open_page, untrained_url):
    page = open_page(untrained_url)
    ask(page, STEM, "Once upon")
    page.locator(f"#{STEM}_sampling button.label-wrap").click()
    chart = page.locator(f"#{STEM}_sampling_chart")
    expect(chart.locator("li").first).to_be_visible()
    before = chart.inner_html()
    page.locator(f"#{STEM}_temperature input[type=range]").press("ArrowLeft")
    changed = "([id, before]) => document.getElementById(id).innerHTML !== before"
    page.wait_for_function(changed, arg=[f"{STEM}_sampling_chart", before])


def test_a_chosen_token_is_appended_and_the_next_ones_follow(open_page, untrained_url):
    page = open_page(untrained_url)
    box = go(page, STEM, "Once upon")
    box.press("Enter")
    whole = at(page, "next").locator(".dl-next:not(:disabled)")
    whole.first.click()
    expect(box).to_have_value(re.compile("^Once upon.$", re.DOTALL))
    expect(at(page, "tokens").locator(".dl-word")).to_have_count(10)
    before = at(page, "next").locator(".dl-caption").inner_text()
    whole.last.press("Enter")
    expect(box).to_have_value(re.compile("^Once upon..$", re.DOTALL))
    expect(at(page, "next").locator(".dl-caption")).not_to_have_text(before)


def test_a_surprising_token_shows_what_was_expected(shared_page):
    page = shared_page()
    ask(page, STEM, "<b>hi")
    tokens = at(page, "tokens").locator(".dl-word")
    expect(tokens).to_have_text(["<", "b", ">", "h", "i"])
    expected = at(page, "tokens").locator(".dl-expected")
    tokens.nth(1).click()
    expect(expected.locator("li")).to_have_count(3)
    expect(expected).to_contain_text("“b” had")
    tokens.nth(3).press("Enter")
    expect(at(page, "tokens").locator("[aria-pressed=true]")).to_have_text(["h"])
    tokens.nth(3).press(" ")
    expect(expected.locator("li")).to_have_count(0)


def test_stop_is_enabled_while_a_continuation_runs_and_keeps_the_text(
    open_page, untrained_url, slowly
):
    page = open_page(untrained_url)
    go(page, STEM, "Once upon")
    at(page, "settings").locator("button").first.click()
    page.wait_for_timeout(500)  # a page that is still opening the accordion may drop what is typed
    set_slider(page, "length", 1000)
    expect(at(page, "length").locator("input[type=range]")).to_have_value("1000")
    stop = at(page, "stop")
    expect(stop).to_be_disabled()
    at(page, "continue").click()
    expect(at(page, "result")).to_contain_text("Once uponx x")
    expect(at(page, "continue")).to_be_disabled()
    stop.click()
    panel = at(page, "continuation_panel")
    expect(panel).to_contain_text("Stopped")
    expect(stop).to_be_disabled()
    expect(at(page, "continue")).to_be_enabled()
    kept = panel.inner_text()
    page.wait_for_timeout(1000)
    assert panel.inner_text() == kept and "tokens per second" in kept


def test_a_visitor_who_waits_is_told_the_place_in_the_queue(open_page, untrained_url, slowly):
    pages = [open_page(untrained_url) for _ in range(3)]
    for page in pages:
        go(page, STEM, "Once upon")
    at(pages[0], "settings").locator("button").first.click()
    pages[0].wait_for_timeout(500)
    set_slider(pages[0], "length", 1000)
    for page in pages:
        at(page, "continue").click()
        page.wait_for_timeout(500)
    waiting = at(pages[2], "continuation_panel").locator(".dl-queued")
    expect(waiting).to_have_text("Waiting: position 2 of 2 in the queue")
    expect(waiting).to_be_in_viewport()
    at(pages[0], "stop").click()
    expect(waiting).to_have_text(re.compile("position 1 of 1|^$"))
    expect(at(pages[2], "progress")).to_contain_text("60 tokens")
    expect(waiting).to_have_text("")
