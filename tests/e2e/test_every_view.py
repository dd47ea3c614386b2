"""Every view with all of its panels open, in French: none of its texts is left in English, and
axe finds no violation.

The script that translates the page notes each text that it cannot translate. To translate new
texts, run this file: its messages list the keys that ``dlnlp/ui/locales/fr.json`` lacks (see
``dlnlp/ui/kit/language.js``). A panel that shows more after a click needs a selector in
``CLICKED``.
"""

import pytest

from dlnlp import catalog
from tests.e2e.conftest import expect
from tests.e2e.driver import DRAWN, open_panels, settle

pytestmark = pytest.mark.e2e
STEMS = [entry.stem for entry in catalog.CATALOG]
SCREENS = ("compare", "edits", "batch", "scoreboard")
TEXT = "The film, 12 minutes long, was a good film."
LONG = "one two three four five six seven. " * 100  # beyond what most panels show
TOO_LONG = 30 * LONG  # beyond what is read at all
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
STANDARD = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"],
    "rules": {"heading-order": {"enabled": True}},
}
CONTRAST = {"runOnly": ["color-contrast"]}  # all that depends on the theme
# Plotly's style sheets and drawings repeat their own.
REPEATED_IDS = """() => [...document.querySelectorAll("[id]:not(style, svg *)")]
  .map((each) => each.id).filter((id, place, all) => id && all.indexOf(id) !== place)"""


def show(page, view):
    """Open the tab, or the screen of the Compare tab."""
    if view in SCREENS:
        page.locator("#comparisons_tab-button").click()
    page.locator(f"#{view}_tab-button").click()
    page.locator(f"#{view}_text textarea, #{view}_run").first.wait_for()  # built when first opened
    page.evaluate(DRAWN)


def ask(page, view, text):
    """Fill the box and press the button."""
    page.locator(f"#{view}_text textarea").fill(text)
    page.locator(f"#{view}_run").click()
    settle(page)


def click_what_shows_more(page):
    """Click the first of each kind of control."""
    for clicked in CLICKED.items():
        if page.evaluate(CLICK, clicked):
            settle(page)


def violations(page, options):
    """What axe finds, one line each."""
    from axe_playwright_python.sync_playwright import Axe  # needs Playwright, which may be missing

    found = Axe().run(page, options=options).response["violations"]
    return [
        f"{each['id']}: {node['target'][0]}: {node['failureSummary']}"
        for each in found
        for node in each["nodes"]
    ]


def check_accessibility(page):
    """Check what is on the page, with all details open, in both themes."""
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    assert page.evaluate(REPEATED_IDS) == []
    assert violations(page, STANDARD) == []
    page.evaluate("document.body.classList.add('dark')")
    assert violations(page, CONTRAST) == []


def check_texts(page):
    """Fail with the missing keys, one a line."""
    missing = page.evaluate("[...dlnlp.missed]")
    assert not missing, "fr.json lacks:\n" + "\n".join(sorted(missing))


@pytest.fixture
def french_page(open_page, local_url):
    return open_page(local_url, query="?lang=fr", reduced_motion="reduce")  # colours do not fade


def run_listing(page, view):
    """Run the tutorial's listing of the Learn panel, each time with one more repair."""
    questions, ran = page.locator(f"#{view}_questions"), page.locator(f"#{view}_ran .dl-ran")
    for box in (None, *questions.locator("[data-repair]").all()):
        if box:
            box.check()
        ran.evaluate_all("found => found.map(x => x.remove())")
        questions.locator("[data-run]").click()
        ran.wait_for()


@pytest.mark.parametrize("view", STEMS)
def test_a_model(french_page, view):
    page = french_page
    show(page, view)
    open_panels(page)
    ask(page, view, TEXT)
    click_what_shows_more(page)
    check_accessibility(page)
    run_listing(page, view)
    for text in (LONG, "  "):
        ask(page, view, text)
    check_texts(page)


@pytest.mark.parametrize("view", ["start", "compare"])
def test_all_models(french_page, view):
    page = french_page
    show(page, view)
    ask(page, view, TEXT)
    open_panels(page)
    click_what_shows_more(page)
    check_accessibility(page)
    for text in (TOO_LONG, "  "):
        ask(page, view, text)
    check_texts(page)


def test_two_texts(french_page):
    page = french_page
    show(page, "edits")
    for number in range(len(STEMS)):
        page.locator("#edits_examples tbody tr").nth(number).click()
        settle(page)
    check_accessibility(page)
    check_texts(page)


def test_a_file(french_page, tmp_path):
    page = french_page
    show(page, "batch")
    path = tmp_path / "texts.csv"
    for labels in (("pos", "neg"), ("pos", "good")):
        rows = (f"{text},{label}" for text, label in zip(("fine", "bad"), labels, strict=True))
        path.write_text("\n".join(["text,label", *rows]), encoding="utf-8")
        page.locator("#batch_file input[type=file]").set_input_files(path)
        page.locator("#batch_run").click()
        settle(page)
        page.locator("#batch_file button[aria-label]").first.click()  # removes the file
    check_accessibility(page)
    check_texts(page)


def test_the_scoreboard(french_page):
    page = french_page
    show(page, "scoreboard")
    page.locator("#scoreboard_run").click()
    expect(page.locator("#scoreboard_table")).to_contain_text("ms")
    expect(page.locator("#scoreboard_status .dl-note")).to_have_count(0)
    check_accessibility(page)
    check_texts(page)


def test_an_own_model(french_page, folders):
    page = french_page
    show(page, "own")
    for model in (*folders.values(), "/no/such/folder", ""):
        page.locator("#own_model textarea").fill(model)
        ask(page, "own", TEXT)
        if model in folders.values():
            open_panels(page)
            # In a panel drawn later, controls are disabled unless they are told otherwise.
            assert page.locator("[id^=own_] :is(input, textarea):disabled").count() == 0
            click_what_shows_more(page)
            check_accessibility(page)
    check_texts(page)


def upload(page, path, content):
    """Upload rows to train on."""
    path.write_text(content, encoding="utf-8")
    with page.expect_file_chooser() as chooser:
        page.locator("#training_upload").click()
    chooser.value.set_files(path)
    settle(page)


def set_number(page, name, value):
    """Set a number of the training tab."""
    box = page.locator(f"#training_{name} input").first
    box.fill(value)
    box.blur()


def use(page, stem):
    """Use the trained model in its tab."""
    page.locator("#training_use").click()
    page.locator(f"#{stem}_trained_answers .dl-compared").first.wait_for()
    page.evaluate(DRAWN)
    page.locator("#training_tab-button").click()


def test_training(french_page, tmp_path):
    page = french_page
    show(page, "training")
    open_panels(page)  # the settings
    status = page.locator("#training_status")
    for stem in STEMS:
        page.locator(f"#training_chapter input[value={stem}]").check()
        for button in ("small", "examples_button", "more"):
            page.locator(f"#training_{button}").click()
            settle(page)
        upload(page, tmp_path / "rows.csv", "a,b\nhello,0\nworld,1\n")
        upload(page, tmp_path / "short.csv", "hello\nworld\n")
        page.locator("#training_examples_button").click()
        settle(page)
        set_number(page, "learning_rate", "7")
        page.locator("#training_train").click()
        status.locator(".dl-fault").wait_for()
        page.locator("#training_examples_button").click()  # with its learning rate
        settle(page)
        set_number(page, "epochs", "2")
        page.locator("#training_train").click()
        page.locator("#training_use").wait_for(state="hidden")  # that of the run before
        page.locator("#training_use").wait_for()
        use(page, stem)
    check_texts(page)


def test_a_training_that_is_paused_and_stopped(french_page):
    page, stem = french_page, STEMS[0]
    show(page, "training")
    open_panels(page)  # the settings
    for box in ("histogram", "slow"):
        page.locator(f"#training_{box} input").check()
    for epochs in ("900", "901"):
        set_number(page, "epochs", epochs)
        page.locator("#training_train").click()
        page.locator("#training_shown path.dl-loss").first.wait_for()
        page.locator("#training_pause").click()
        expect(page.locator("#training_pause")).to_have_text("Reprendre")
        page.locator("#training_stop").click()
        page.locator("#training_use").wait_for()
    use(page, stem)
    page.evaluate(DRAWN)
    open_panels(page)
    check_accessibility(page)
    check_texts(page)
