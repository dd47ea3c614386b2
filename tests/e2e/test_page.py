"""What holds for every tab, in a browser."""

from urllib.parse import urlencode

import pytest

from tests.e2e.conftest import expect
from tests.e2e.driver import TITLES, answer, ask, go

pytestmark = pytest.mark.e2e
# Markup, attributes, templates and an address that would run a script.
ATTACK = (
    "<script>window.hit = 1</script><img src=x onerror='window.hit = 2'>${window.hit = 3}"
    '" onmouseover="window.hit = 4 {{ window.hit = 5 }} <svg onload=window.hit=6> '
    "[a](javascript:window.hit=7) javascript:window.hit=8"
)
ANSWERED = ".dl-verdict, .dl-next, .dl-letters"


def answered(page, stem):
    """Wait until the tab shows an answer."""
    answer(page, stem).locator(ANSWERED).first.wait_for()


def test_results_for_another_text_are_dimmed(open_page, untrained_url):
    page = open_page(untrained_url)
    for stem in TITLES:
        box = go(page, stem)
        stale = page.locator(".dl-stale .dl-note:visible")
        panel = answer(page, stem).locator(".dl-panel:has([data-answers])").first
        box.press_sequentially("good")
        expect(stale).to_have_count(0)  # nothing is answered yet
        box.press("Enter")
        answered(page, stem)
        expect(stale).to_have_count(0)
        box.press_sequentially(" film")
        expect(stale).to_contain_text("The dimmed results are for your previous text.")
        expect(panel).to_have_css("opacity", "0.5")
        for _ in " film":
            box.press("Backspace")
        expect(stale).to_have_count(0)  # the text is the same again
        expect(panel).to_have_css("opacity", "1")
        page.keyboard.press("Control+a")
        page.keyboard.insert_text("pasted")  # one input event, as for a paste
        expect(stale).to_have_count(1)
        box.fill("good")
        expect(stale).to_have_count(0)
        page.keyboard.press("Control+a")
        page.keyboard.press("Delete")
        expect(stale).to_have_count(1)


def test_an_example_is_answered_when_clicked(shared_page):
    page = shared_page()
    for stem in TITLES:
        box = go(page, stem)
        example = page.locator(f"#{stem}_examples button").first
        name = example.inner_text().strip()
        example.click()
        expect(box).to_have_value(name)
        answered(page, stem)


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (853, 480), (390, 844)])
def test_the_answer_is_in_view(shared_page, width, height):
    """853 x 480 is 1280 x 720 at 150 % zoom."""
    page = shared_page(width, height)
    for stem in TITLES:
        page.evaluate("scrollTo(0, 0)")
        ask(page, stem, "good")
        answered(page, stem)
        expect(answer(page, stem).locator(ANSWERED).first).to_be_in_viewport()


def test_a_blank_text_gets_a_note_and_clears_the_results(shared_page):
    page = shared_page()
    for stem in TITLES:
        ask(page, stem, "good")
        answered(page, stem)
        ask(page, stem, "   ")
        expect(answer(page, stem)).to_contain_text("Type ")
        results = answer(page, stem).locator(f".js-plotly-plot:visible, .dl-word, {ANSWERED}")
        expect(results).to_have_count(0)


def test_markup_in_a_text_is_only_text(shared_page):
    page = shared_page()
    for stem in TITLES:
        ask(page, stem, ATTACK)
        answered(page, stem)
    page.wait_for_timeout(500)  # until the other panels have answered
    assert page.evaluate("window.hit") is None


@pytest.mark.parametrize("view", ["token_transformer", ATTACK])
def test_markup_in_a_link_is_only_text(open_page, untrained_url, view):
    names = ("token_transformer_text", "token_transformer_temperature", "present", "__theme", "a")
    query = urlencode({"view": view, **dict.fromkeys(names, ATTACK)})
    page = open_page(untrained_url, query=f"?{query}")
    page.wait_for_timeout(1500)
    assert page.evaluate("window.hit") is None
    if view != ATTACK:
        expect(page.locator("#token_transformer_text textarea")).to_have_value(ATTACK)


def test_without_its_checkpoint_a_tab_says_what_to_run(open_page, missing_url):
    page = open_page(missing_url)
    for stem in TITLES:
        ask(page, stem, "hello")
        expect(answer(page, stem)).to_contain_text("run:pip install")


def test_the_card_opens_and_says_what_is_missing(open_page, missing_url):
    page = open_page(missing_url)
    go(page, "sentiment_lstm")
    button = page.locator("#sentiment_lstm_about button").first
    expect(button).to_have_attribute("aria-expanded", "false")
    button.click()
    expect(button).to_have_attribute("aria-expanded", "true")
    expect(page.locator("#sentiment_lstm_about")).to_contain_text("is missing")


def test_no_tab_is_wider_than_a_phone(shared_page):
    page = shared_page(width=390, height=844)
    for stem in TITLES:
        ask(page, stem, "an unbroken " + "w" * 300)
        answered(page, stem)
        for dark in (True, False):  # the dark theme is a class of the page's body
            page.evaluate("dark => document.body.classList.toggle('dark', dark)", dark)
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, (stem, dark)


def test_arrow_keys_move_between_tabs(open_page, untrained_url):
    page = open_page(untrained_url)
    tabs = page.get_by_role("tab").all()
    tabs[0].focus()
    for key, place in (("ArrowRight", 1), ("End", -1), ("ArrowRight", 0), ("ArrowLeft", -1)):
        page.keyboard.press(key)
        expect(tabs[place]).to_be_focused()
        expect(tabs[place]).to_have_attribute("aria-selected", "true")


GROW_ABOVE = """id => {
    document.addEventListener("scroll", () => {
        const space = document.createElement("div");
        space.style.height = "2000px";
        document.getElementById(id).before(space);
    }, { once: true, capture: true });
    dlnlp.reveal(id);
}"""


def test_a_revealed_element_stays_in_view_when_the_page_grows_above_it(open_page, untrained_url):
    page = open_page(untrained_url, width=390, height=500)
    go(page, "token_transformer")
    revealed = page.locator("#token_transformer_next_tokens_panel")
    expect(revealed).not_to_be_in_viewport()
    page.evaluate(GROW_ABOVE, "token_transformer_next_tokens_panel")
    page.wait_for_timeout(1500)
    expect(revealed).to_be_in_viewport()
