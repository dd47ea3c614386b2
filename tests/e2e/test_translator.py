"""A visitor's way through the translator's tab."""

import re

import pytest

from dlnlp.ui.panels.translation import HINT
from tests.e2e.conftest import expect
from tests.e2e.driver import ask, go

pytestmark = pytest.mark.e2e

STEM = "char_seq2seq"
SIZES = [(1280, 720), (1280, 900), (390, 844)]


def heatmap(page):
    """The heatmap of the chosen unit."""
    return page.locator(f"#{STEM}_attention .dl-heatmap:visible")


def by(page, unit):
    """Choose the unit of the heatmap, "characters" or "words"."""
    page.locator(f"#{STEM}_unit").get_by_text(f"by {unit}").click()


def test_attention_is_drawn_by_characters_and_by_words(shared_page):
    page = shared_page()
    ask(page, STEM, "a bee")
    by(page, "characters")
    columns = heatmap(page).locator(".dl-heatmap-columns span")
    expect(columns).to_have_text(["a", "␣", "b", "e", "e"])
    by(page, "words")
    expect(columns).to_have_text(["a", "bee"])


def test_a_phone_begins_with_words(open_page, untrained_url):
    page = open_page(untrained_url, width=390, height=844)
    ask(page, STEM, "a bee")
    expect(heatmap(page).locator(".dl-heatmap-columns span")).to_have_text(["a", "bee"])


def test_a_cell_says_its_weight_to_mouse_and_keyboard(shared_page):
    page = shared_page()
    ask(page, STEM, "a bee")
    by(page, "characters")
    heatmap(page).locator(".dl-heatmap-cells").hover(position={"x": 50, "y": 5})
    readout = heatmap(page).locator("output")
    expect(readout).to_have_text(re.compile("attention to “b”: .*%"))
    heatmap(page).locator(".dl-heatmap-scroll").focus()
    page.keyboard.press("ArrowRight")
    expect(readout).to_have_text(re.compile("attention to “e”: .*%"))


def test_labels_stay_in_place_while_a_long_heatmap_scrolls(shared_page):
    page = shared_page()
    ask(page, STEM, "I do not know what to say about this. " * 4)
    by(page, "characters")
    heatmap(page).locator(".dl-heatmap-columns span").nth(50).wait_for()  # that of this text
    scroll = heatmap(page).locator(".dl-heatmap-scroll")
    scroll.evaluate("e => e.scrollTo(300, 200)")
    distances = scroll.evaluate(
        """e => { const frame = e.getBoundingClientRect();
        const box = side => e.querySelector('.dl-heatmap-' + side).getBoundingClientRect();
        return [e.scrollLeft, e.scrollTop, box('columns').top - frame.top,
                box('rows').left - frame.left]; }"""
    )
    assert distances == [300, 200, 0, 0]
    assert page.evaluate("document.documentElement.scrollWidth") <= 1200


def test_another_candidate_replaces_the_translation(open_page, untrained_url):
    page = open_page(untrained_url)
    ask(page, STEM, "a bee")
    french = page.locator(f"#{STEM}_result .dl-letters")
    best = french.text_content()
    page.locator(f"#{STEM}_candidates button").first.click()
    candidate = page.locator(f"#{STEM}_candidates .dl-candidate").nth(1)
    other = candidate.locator("[lang=fr]").text_content()
    candidate.click()
    expect(french).to_have_text(other)
    expect(french).not_to_have_text(best)
    expect(candidate).to_have_attribute("aria-pressed", "true")


def test_a_french_word_marks_the_english_letters(shared_page):
    page = shared_page()
    ask(page, STEM, "my bee")
    word = page.locator(f"#{STEM}_reading .dl-word").first
    letters = page.locator(f"#{STEM}_reading [lang=en] span")
    expect(letters).to_have_count(6)  # those of this text
    word.click()
    assert any(letter.get_attribute("style") for letter in letters.all())
    word.click()
    assert not any(letter.get_attribute("style") for letter in letters.all())


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_answer_comes_into_view(shared_page, width, height):
    page = shared_page(width, height)
    for how in ("button", "Enter", "example"):
        page.evaluate("scrollTo(0, 0)")
        box = go(page, STEM, "a bee")
        if how == "Enter":
            box.press("Enter")
        else:
            page.locator(
                f"#{STEM}_run" if how == "button" else f"#{STEM}_examples button"
            ).first.click()
        expect(page.locator(f"#{STEM}_result .dl-letters")).to_be_in_viewport(ratio=1)


def test_ones_own_translation_is_compared_in_view(shared_page):
    go(shared_page(), STEM, "a bee")
    shared_page().locator(f"#{STEM}_own button").first.click()
    for size in SIZES:
        page = shared_page(*size)
        text = page.locator(f"#{STEM}_own_text textarea")
        text.fill("une abeille")
        page.locator(f"#{STEM}_own_run").click()
        own = page.locator(f"#{STEM}_own_result .dl-letters").first
        expect(own).to_have_text("une abeille")
        result = page.locator(f"#{STEM}_own_result")
        expect(result).to_have_css("opacity", "1")
        expect(own).to_be_in_viewport(ratio=1)
        text.fill("un insecte")
        expect(result).to_have_css("opacity", "0.5")


def test_a_character_says_its_probability_when_it_is_touched(open_page, untrained_url):
    page = open_page(untrained_url, width=390, height=844, has_touch=True)
    ask(page, STEM, "a bee")
    character = page.locator(f"#{STEM}_result [data-detail]").nth(2)
    line = page.locator(f"#{STEM}_result [data-details] output")
    expect(line).to_have_text(HINT)
    character.tap()
    expect(line).to_have_text(character.get_attribute("data-detail"))
