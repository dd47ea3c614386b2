"""The page in French, with tiny models; ``test_every_view`` finds texts left in English."""

import pytest

from tests.e2e.conftest import expect

pytestmark = pytest.mark.e2e
SHOWN = {  # English and French
    "85.6%": "85,6\u00a0%",
    "−1,234.5": "−1\u202f234,5",
    "head 5.3, +0.12": "tête 5.3, +0,12",
    "0.1.0": "0.1.0",
    "“Once, 1.5 upon” attends to “a”: under 1%": "«\u00a0Once, 1.5 upon\u00a0» prête attention à "
    "«\u00a0a\u00a0»\u00a0: moins de 1\u00a0%",
    "SST-2 accuracy 92.7 %": "exactitude SST-2 92,7\u00a0%",
    "Layer 2, head 1.": "Couche 2, tête 1.",
    "The text has 120,000 characters; only the end (100,000) is used.": (
        "Le texte compte 120\u202f000 caractères\u00a0; seule la fin (100\u202f000) est utilisée."
    ),
    "There is no such entry.": None,
}


def test_numbers_and_quotes_are_french(open_page, untrained_url):
    page = open_page(untrained_url, query="?lang=fr")
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    for english, french in SHOWN.items():
        assert page.evaluate("dlnlp.french", english) == french


def test_english_costs_nothing_and_a_visitor_switches(open_page, untrained_url):
    page = open_page(untrained_url)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    copy, language = page.locator("[data-copy-link]"), page.locator("[data-language]")
    expect(copy).to_have_text("Copy link")
    assert page.evaluate("navigator.language") == "en-US"
    assert not any("locales" in url for url in asked)
    language.click()
    expect(copy).to_have_text("Copier le lien")
    expect(page.locator("#sentiment_lstm_tab-button")).to_have_text("Sentiment (LSTM)")
    expect(language).to_have_text("English")
    page.reload()
    expect(copy).to_have_text("Copier le lien")  # it is remembered
    language.click()
    expect(copy).to_have_text("Copy link")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("#sentiment_lstm_tab-button")).to_have_text("Sentiment LSTM")


def test_a_link_keeps_its_language_and_words_of_the_visitor_stay(open_page, untrained_url):
    page = open_page(untrained_url, query="?lang=fr")
    page.locator("#sentiment_lstm_tab-button").click()
    page.locator("#sentiment_lstm_text textarea").fill("positive negative words")
    page.locator("#sentiment_lstm_run").click()
    words = page.locator("#sentiment_lstm_words .dl-word")
    expect(words).to_have_text(["positive", "negative", "words"])
    figure = page.locator("#sentiment_lstm_trace .js-plotly-plot")
    expect(figure.locator(".ytick").last).to_have_text("positif")
    expect(figure.locator(".xtick").first).to_have_text("positive")
    page.wait_for_function("location.search.includes('words')")
    assert "lang=fr" in page.url
    page.locator("[data-language]").click()
    expect(figure.locator(".ytick").last).to_have_text("positive")
    assert "lang=en" in page.url


def test_a_french_browser_begins_in_french(browser, untrained_url):
    context = browser.new_context(locale="fr-CA")
    page = context.new_page()
    page.goto(untrained_url)
    expect(page.locator("[data-copy-link]")).to_have_text("Copier le lien")
    context.close()
