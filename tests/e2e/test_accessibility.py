"""Every tab for visitors with a keyboard, a screen reader, a dark page or less motion."""

import pytest

from tests.e2e.conftest import expect
from tests.e2e.driver import DRAWN, TITLES

pytestmark = pytest.mark.e2e
TEXT = "the film was not good but it was not bad"
SCREENS = {
    "compare": "Models",
    "edits": "Two texts",
    "batch": "File",
    "scoreboard": "Scoreboard",
}
OWN = {"own distilbert": "distilbert", "own gpt2": "gpt2"}
VIEWS = ("start", *(stem for stem in TITLES if stem != "compare"), *SCREENS, *OWN)
STANDARD = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"],
    "rules": {"heading-order": {"enabled": True}},
}
CONTRAST = {"runOnly": ["color-contrast"]}  # all that depends on the theme


def show(page, view):
    """Open the tab, or the screen of the Compare tab."""
    title = "Compare" if view in SCREENS else TITLES.get(view, "Start")
    page.get_by_role("tab", name="Your own model" if view in OWN else title, exact=True).click()
    if view in SCREENS:
        page.get_by_role("tab", name=SCREENS[view], exact=True).click()
    page.evaluate(DRAWN)


def fill(page, view, folders):
    """Fill the view's boxes and press its button."""
    stem = "own" if view in OWN else view
    if view in OWN:
        page.locator("#own_model textarea").fill(folders[OWN[view]])
    if view != "scoreboard":
        page.locator(f"#{stem}_text textarea").fill(TEXT)
    if view == "edits":
        page.locator("#edits_other textarea").fill(TEXT.replace("good", "bad"))
    page.locator(f"#{stem}_run").click()
    page.evaluate(DRAWN)


def open_all(page):
    """Open all panels and details of the view."""
    closed = page.locator("button.label-wrap:not(.open):visible")
    while closed.count():
        closed.first.click()
    for details in page.locator("details:not([open]):visible").all():
        details.evaluate("details => { details.open = true; }")
    page.evaluate(DRAWN)


def violations(page, options):
    """What axe finds, one line each."""
    axe_playwright = pytest.importorskip("axe_playwright_python.sync_playwright")
    found = axe_playwright.Axe().run(page, options=options).response["violations"]
    return [
        f"{each['id']}: {node['target'][0]}: {node['failureSummary']}"
        for each in found
        for node in each["nodes"]
    ]


@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_no_violation(open_page, local_url, folders, view):
    page = open_page(local_url, reduced_motion="reduce")  # colours do not fade
    show(page, view)
    fill(page, view, folders)
    open_all(page)
    expect(page.locator(".dl-loading:visible")).to_have_count(0)
    assert violations(page, STANDARD) == []
    page.evaluate("document.body.classList.add('dark')")
    assert violations(page, CONTRAST) == []
