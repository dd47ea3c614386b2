"""The Start tab in a browser."""

import pytest

from tests.e2e.conftest import expect
from tests.e2e.driver import TITLES, answer, ask

pytestmark = pytest.mark.e2e


def test_the_page_opens_with_answers_and_a_card_opens_its_tab(open_page, untrained_url):
    page = open_page(untrained_url)
    cards = page.locator("#start_answer .dl-summary")
    expect(cards.locator(".dl-text")).to_have_count(len(TITLES) - 1)  # one for each model
    ask(page, "start", "a good film")
    expect(cards.first.locator(".dl-text")).to_have_text("a good film")
    expect(page.locator("#start_answer [data-stale]")).to_have_count(0)
    page.locator('[data-open="sentiment_bert"]').click()
    expect(page.locator("#sentiment_bert_text textarea")).to_have_value("a good film")
    words = answer(page, "sentiment_bert").locator("#sentiment_bert_words .dl-word")
    expect(words).to_have_text(["a", "good", "film"])


def test_the_cards_say_what_is_missing(open_page, missing_url):
    page = open_page(missing_url)
    expect(page.locator("#start_answer .dl-fault")).to_have_count(len(TITLES) - 1)
