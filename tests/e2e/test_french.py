"""The page in French: in a browser with tiny models, every visible text is translated.

To translate new texts, run ``test_every_text_is_translated``: its message lists the keys that
``dlnlp/ui/locales/fr.json`` lacks (see ``dlnlp/ui/kit/language.js``); a panel that shows more after
a click needs a selector in ``CLICKED``.
"""

import json

import pytest

from dlnlp import catalog
from dlnlp.ui import theme
from tests.e2e.conftest import expect
from tests.e2e.driver import DRAWN

pytestmark = pytest.mark.e2e
FRENCH = json.loads((theme.LOCALES / "fr.json").read_text(encoding="utf-8"))
STEMS = [entry.stem for entry in catalog.CATALOG]
SCREENS = ("compare", "edits", "batch", "scoreboard")
TEXT = "The film, 12 minutes long, was a good film."
LONG = "one two three four five six seven. " * 3000
# What shows more when it is clicked, and which of them on the page is clicked.
CLICKED = {
    "summary": 0,
    ".dl-unit label": 0,
    "[id$=_method] label": 1,
    ".dl-word": 0,
    ".dl-head": 0,
    ".dl-switch": 0,
    ".dl-candidate": 1,
    "[data-units]": 0,
    "[data-position]": 0,
    "[data-go]": 0,
    "[id$=_own_run]": 0,
    "[id$=_patch_run]": 0,
    "[id$=_continue]": 0,
    ".dl-heatmap-cells": 0,
}
CLICK = """([selector, index]) => {
  const shown = (each) => each.checkVisibility() && !each.disabled;
  const element = [...document.querySelectorAll(selector)].filter(shown)[index];
  const { left, top, width, height } = element?.getBoundingClientRect() ?? {};
  const middle = { clientX: left + width / 2, clientY: top + height / 2 };
  element?.dispatchEvent(new MouseEvent("click", { bubbles: true, ...middle }));
  return Boolean(element);
}"""


def show(page, view):
    """Open the view and all of its panels."""
    if view in SCREENS:
        page.locator("#comparisons_tab-button").click()
    page.locator(f"#{view}_tab-button").click()
    page.locator(f"#{view}_text textarea, #{view}_run").first.wait_for()  # built when first opened
    page.evaluate(DRAWN)
    for closed in page.locator("button.label-wrap:not(.open):visible").all()[::-1]:
        closed.click()
    page.evaluate(DRAWN)


def untranslated(page):
    """The keys of the visible texts that have no entry, when the page has stopped changing."""
    page.locator(".dl-loading, .dl-queued:not(:empty)").first.wait_for(state="detached")
    page.evaluate(DRAWN)
    return set(page.evaluate("dlnlp.untranslated()"))


def ask(page, view, text, clicking=True):
    """Ask, and click what the answers offer."""
    page.locator(f"#{view}_text textarea").fill(text)
    page.locator(f"#{view}_run").click()
    missing = untranslated(page)
    for clicked in CLICKED.items() if clicking else ():
        if page.evaluate(CLICK, clicked):
            missing |= untranslated(page)
    return missing


def learn(page, view):
    """Walk the tour of the Learn panel, unfold all answers, and run the tutorial's listing."""
    missing = set()
    for dot in page.locator(f"#{view}_tour [data-step]").all():
        dot.click()
        missing |= untranslated(page)
    questions = page.locator(f"#{view}_questions")
    for summary in questions.locator("details:not([open]) > summary").all()[::-1]:
        summary.click()
    for box in (None, *questions.locator("[data-repair]").all()):
        if box:
            box.check()
        page.locator(f"#{view}_ran .dl-ran").evaluate_all("found => found.map(x => x.remove())")
        questions.locator("[data-run]").click()
        page.locator(f"#{view}_ran .dl-ran").wait_for()
        missing |= untranslated(page)
    return missing


def check(missing):
    """Fail with the missing keys, one a line."""
    assert not missing, "fr.json lacks:\n" + "\n".join(sorted(missing))


SHOWN = {  # English and French
    "85.6%": "85,6\u00a0%",
    "−1,234.5": "−1\u202f234,5",
    "head 5.3, +0.12": "tête 5.3, +0,12",
    "0.1.0": "0.1.0",
    "“Once, 1.5 upon” attends to “a”: under 1%": "«\u00a0Once, 1.5 upon\u00a0» prête attention à "
    "«\u00a0a\u00a0»\u00a0: moins de 1\u00a0%",
    "SST-2 accuracy 92.7 %": "exactitude SST-2 92,7\u00a0%",
    "Layer 2, head 1.": "Couche 2, tête 1.",
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


@pytest.mark.parametrize("view", STEMS)
def test_every_text_of_a_model_is_translated(open_page, untrained_url, view):
    page = open_page(untrained_url, query="?lang=fr")
    missing = untranslated(page)
    show(page, view)
    missing |= untranslated(page)
    for text in (TEXT, LONG, "  "):
        missing |= ask(page, view, text, clicking=text == TEXT)
    check(missing | learn(page, view))


@pytest.mark.parametrize("view", SCREENS)
def test_every_text_of_a_comparison_is_translated(open_page, untrained_url, view, tmp_path):
    page = open_page(untrained_url, query="?lang=fr")
    show(page, view)
    missing = untranslated(page)
    if view == "scoreboard":
        page.locator("#scoreboard_run").click()
        missing |= untranslated(page)  # while it measures
        expect(page.locator("#scoreboard_table")).to_contain_text("ms")
        expect(page.locator("#scoreboard_status .dl-note")).to_have_count(0)
        missing |= untranslated(page)
    elif view == "edits":
        for number in range(len(STEMS)):
            page.locator("#edits_examples tbody tr").nth(number).click()
            missing |= untranslated(page)
    elif view == "batch":
        path = tmp_path / "texts.csv"
        for labels in (("pos", "neg"), ("pos", "good")):
            rows = (f"{text},{label}" for text, label in zip(("fine", "bad"), labels, strict=True))
            path.write_text("\n".join(["text,label", *rows]), encoding="utf-8")
            page.locator("#batch_file input[type=file]").set_input_files(path)
            missing |= untranslated(page)
            page.locator("#batch_run").click()
            missing |= untranslated(page)
            page.locator("#batch_file button[aria-label]").first.click()  # removes the file
    else:
        for text in (TEXT, LONG, "  "):
            missing |= ask(page, view, text, clicking=text == TEXT)
    check(missing)


def test_every_text_of_an_own_model_is_translated(open_page, local_url, folders):
    page = open_page(local_url, query="?lang=fr")
    show(page, "own")
    missing = untranslated(page)
    for model in (*folders.values(), "/no/such/folder", ""):
        page.locator("#own_model textarea").fill(model)
        missing |= ask(page, "own", TEXT)
        show(page, "own")
        missing |= untranslated(page)
    check(missing)


@pytest.mark.parametrize("stem", STEMS)
def test_every_text_of_a_training_is_translated(open_page, untrained_url, stem, tmp_path):
    page = open_page(untrained_url, query="?lang=fr")
    show(page, "training")
    missing = untranslated(page)
    status, words = page.locator("#training_status"), "[...dlnlp.untranslated()]"
    page.locator(f"#training_chapter input[value={stem}]").check()
    for button in ("small", "examples_button", "more"):
        page.locator(f"#training_{button}").click()
        missing |= untranslated(page)
    for name, content in (("rows.csv", "a,b\nhello,0\nworld,1\n"), ("short.csv", "hello\nworld\n")):
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        with page.expect_file_chooser() as chooser:
            page.locator("#training_upload").click()
        chooser.value.set_files(path)
        missing |= untranslated(page)
    page.locator("#training_examples_button").click()

    rate = page.locator("#training_learning_rate input")
    rate.fill("7")
    rate.blur()
    page.locator("#training_train").click()
    status.locator(".dl-fault").wait_for()
    missing |= untranslated(page)
    page.locator("#training_examples_button").click()  # with its learning rate
    for box in ("histogram", "slow"):
        page.locator(f"#training_{box} input").check()
    for epochs in ("900", "901"):
        page.locator("#training_epochs input").fill(epochs)
        page.locator("#training_epochs input").blur()
        page.locator("#training_train").click()
        page.locator("#training_shown path.dl-loss").first.wait_for()
        missing |= set(page.evaluate(words))  # while the page changes
        page.locator("#training_pause").click()
        expect(page.locator("#training_pause")).to_have_text("Reprendre")
        missing |= untranslated(page)
        page.locator("#training_stop").click()
        page.locator("#training_use").wait_for()
        missing |= untranslated(page)
    page.locator("#training_use").click()
    page.locator(f"#{stem}_trained_answers .dl-compared").first.wait_for()
    missing |= untranslated(page)
    check(missing)
