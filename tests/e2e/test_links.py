"""Links to what a visitor sees, in a browser."""

import pytest

from tests.e2e.conftest import expect
from tests.e2e.driver import TITLES, ask, go

pytestmark = pytest.mark.e2e
# An element that shows the answer. One model's tab stands for all: they share their code.
RESULTS = {
    "start": "#sentiment_lstm_summary",
    "char_seq2seq": "#char_seq2seq_result",
    "compare": "#compare_result",
}


def address(page, text):
    """The address, once it holds the text."""
    page.wait_for_function(
        "text => new URLSearchParams(location.search).toString().includes(text)", arg=text
    )
    return page.url


def followed(open_page, untrained_url, link):
    """A fresh browser that follows the link."""
    return open_page(untrained_url, query=link.removeprefix(untrained_url))


def test_a_link_shows_the_same_view_in_a_fresh_browser(open_page, untrained_url):
    page = open_page(untrained_url)
    for number, (stem, result) in enumerate(RESULTS.items()):
        text = f"good film {number} & <b>50%</b>"
        ask(page, stem, text)
        expect(page.locator(result)).not_to_be_empty()
        link = address(page, f"film+{number}")
        fresh = followed(open_page, untrained_url, link)
        expect(fresh.locator(f"#{stem}_text textarea")).to_have_value(text)
        expect(fresh.locator(result)).not_to_be_empty()
        tab = fresh.get_by_role("tab", name=TITLES.get(stem, "Start"), exact=True)
        expect(tab).to_have_attribute("aria-selected", "true")
        fresh.close()


def test_settings_and_both_texts_are_in_the_link(open_page, untrained_url):
    page = open_page(untrained_url)
    go(page, "compare")
    page.get_by_role("tab", name="Two texts", exact=True).click()
    page.locator("#edits_text textarea").fill("one text")
    page.locator("#edits_other textarea").fill("another text")
    page.locator("#edits_model").get_by_text("BERT sentiment").click()
    page.locator("#edits_run").click()
    expect(page.locator("#sentiment_bert_edited mark").first).to_be_visible()
    fresh = followed(open_page, untrained_url, address(page, "another"))
    expect(fresh.locator("#sentiment_bert_edited mark").first).to_be_visible()
    expect(fresh.locator("#edits_other textarea")).to_have_value("another text")
    page.get_by_role("tab", name="Next token", exact=True).click()
    page.locator("#token_transformer_text textarea").fill("Once upon")
    page.locator("#token_transformer_run").click()
    page.locator("#token_transformer_temperature input[type=number]").fill("0.5")
    fresh = followed(open_page, untrained_url, address(page, "temperature=0.5"))
    number = fresh.locator("#token_transformer_temperature input[type=number]")
    expect(number).to_have_value("0.5")


def test_back_and_reload_keep_the_text_and_its_answer(open_page, untrained_url):
    page = open_page(untrained_url)
    ask(page, "sentiment_lstm", "the first film")
    words = page.locator("#sentiment_lstm_words")
    expect(words).to_contain_text("first")
    address(page, "first")
    ask(page, "sentiment_lstm", "the second film")
    expect(words).to_contain_text("second")
    address(page, "second")
    page.reload()
    expect(page.locator("#sentiment_lstm_text textarea")).to_have_value("the second film")
    expect(words).to_contain_text("second")
    page.go_back()
    expect(page.locator("#sentiment_lstm_text textarea")).to_have_value("the first film")
    expect(words).to_contain_text("first")
    page.go_forward()
    expect(words).to_contain_text("second")


def test_back_to_the_first_address_shows_the_first_tab(open_page, untrained_url):
    page = open_page(untrained_url)
    go(page, "sentiment_lstm")
    page.wait_for_url("**/?view=sentiment_lstm")
    page.go_back()
    tab = page.get_by_role("tab", name="Start", exact=True)
    expect(tab).to_have_attribute("aria-selected", "true")


def test_a_line_break_in_a_box_of_several_lines_is_not_a_question(open_page, untrained_url):
    page = open_page(untrained_url)
    go(page, "compare")
    page.get_by_role("tab", name="File", exact=True).click()
    page.wait_for_url("**/?view=batch")
    page.locator("#batch_text textarea").press_sequentially("one")
    page.keyboard.press("Enter")
    page.keyboard.type("two")
    page.wait_for_timeout(600)  # the address is updated every 250 ms
    assert page.url.endswith("view=batch")
    expect(page.locator("#batch_text textarea")).to_have_value("one\ntwo")


def test_the_seed_is_in_the_link(open_page, untrained_url):
    page = open_page(untrained_url)
    ask(page, "token_transformer", "Once upon")
    page.locator("#token_transformer_settings button").first.click()
    page.locator("#token_transformer_seed textarea").fill("42")
    page.locator("#token_transformer_run").click()
    fresh = followed(open_page, untrained_url, address(page, "seed=42"))
    expect(fresh.locator("#token_transformer_seed textarea")).to_have_value("42")


def test_without_a_clipboard_the_address_is_shown_to_be_copied(open_page, untrained_url):
    page = open_page(untrained_url)
    page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    ask(page, "sentiment_lstm", "a good film")
    address(page, "good")
    button = page.locator("[data-copy-link]")
    button.click()
    expect(button).to_have_text(page.url)
    expect(button).to_have_text("Copy link")


def test_a_text_that_is_too_long_for_a_link_is_said(open_page, untrained_url):
    page = open_page(untrained_url)
    go(page, "sentiment_lstm", "long " * 1_000)
    button = page.locator("[data-copy-link]")
    page.wait_for_timeout(400)
    button.click()
    expect(button).to_contain_text("too long")
    assert len(page.url) < 200
    expect(button).to_have_text("Copy link")


def test_presenting_hides_all_but_question_and_answer(open_page, untrained_url):
    page = open_page(untrained_url)
    ask(page, "sentiment_lstm", "a good film")
    page.locator("[data-present]").last.click()
    expect(page.locator(".dl-intro:visible")).to_have_count(0)
    expect(page.get_by_role("tab").first).to_be_hidden()
    expect(page.locator("#sentiment_lstm_result")).to_be_visible()
    fresh = followed(open_page, untrained_url, address(page, "present=1"))
    expect(fresh.locator("#sentiment_lstm_result")).not_to_be_empty()
    expect(fresh.locator(".dl-intro:visible")).to_have_count(0)
    fresh.keyboard.press("Escape")
    expect(fresh.get_by_role("tab").first).to_be_visible()
