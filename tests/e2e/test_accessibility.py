"""Every tab for visitors with a keyboard, a screen reader, a dark page or less motion."""

import pytest

from tests.e2e.conftest import expect
from tests.e2e.driver import DRAWN, ask, open_panels

pytestmark = pytest.mark.e2e
TEXT = "the film was not good but it was not bad"
SCREENS = ("compare", "edits", "batch", "scoreboard")

# What is true of the element with the focus, for everybody who does not use a mouse.
FOCUSED = """selector => {
  const element = document.activeElement, style = getComputedStyle(element);
  const box = element.getBoundingClientRect();
  return {
    found: element.matches(selector),
    tag: element.outerHTML.slice(0, 200),
    elsewhere: element === document.body,
    seen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 1 && box.width > 1,
  };
}"""


class Keyboard:
    """A visitor who only uses the keyboard; each element with the focus must show it."""

    def __init__(self, page):
        self.page = page

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def reach(self, selector, key="Tab", presses=150):
        """Press the key until an element that matches the selector has the focus."""
        for _ in range(presses):
            self.press(key)
            focused = self.page.evaluate(FOCUSED, selector)
            assert focused["seen"] or focused["elsewhere"], f"no visible focus: {focused['tag']}"
            if focused["found"]:
                return
        raise AssertionError(f"{presses} times {key} did not reach {selector}")

    def open_tab(self, view):
        tab = {"compare": "comparisons", **dict.fromkeys(SCREENS, "comparisons")}.get(view, view)
        self.reach('[role="tab"][aria-selected="true"]')
        if view != "start":
            self.press("ArrowRight")
            while not self.page.evaluate(FOCUSED, f"#{tab}_tab-button")["found"]:
                self.press("ArrowRight")
        self.page.evaluate(DRAWN)

    def write(self, box, text):
        self.reach(f"#{box} textarea")
        self.press("Control+a")
        self.page.keyboard.type(text)

    def ask(self, stem, text, answered):
        """Ask in a model's tab, and wait for an element of the answer."""
        self.open_tab(stem)
        self.write(f"{stem}_text", text)
        self.press("Enter")
        self.page.locator(answered).first.wait_for()
        self.page.evaluate(DRAWN)

    def open_panel(self, panel):
        self.reach(f"#{panel} button.label-wrap")
        self.press("Enter")
        expect(self.page.locator(f"#{panel} button.label-wrap")).to_have_attribute(
            "aria-expanded", "true"
        )
        self.page.evaluate(DRAWN)

    def choose(self, component, place, *keys):
        """Reach the pieces with details, and go to one of them with the keys."""
        self.reach(f'{component} [data-details] > [role="group"]')
        group = self.page.locator(f"{component} [data-details]")
        pieces, line = group.locator("[data-detail]"), group.locator("output")
        for chosen in (0, place):
            detail = pieces.nth(chosen).get_attribute("data-detail")
            expect(line).to_have_text(detail)
            expect(pieces.nth(chosen)).to_have_attribute("data-chosen", "")
            self.press(*keys)
            keys = ()

    def has_focus(self, selector):
        """The element keeps the focus when the server's answer replaces it."""
        self.page.evaluate(DRAWN)
        expect(self.page.locator(f"{selector}:focus")).to_have_count(1)


@pytest.fixture
def keyboard(open_page, local_url):
    return Keyboard(open_page(local_url))


def test_start_by_keyboard(keyboard):
    keyboard.open_tab("start")
    keyboard.write("start_text", TEXT)
    keyboard.press("Enter")
    expect(keyboard.page.locator("#start_answer .dl-verdict")).to_have_count(2)
    keyboard.page.evaluate(DRAWN)
    keyboard.reach('[data-open="sentiment_bert"]')
    keyboard.press("Enter")
    expect(keyboard.page.locator("#sentiment_bert_result .dl-verdict")).to_be_visible()


def test_the_lstm_by_keyboard(keyboard):
    page = keyboard.page
    keyboard.ask("sentiment_lstm", TEXT, "#sentiment_lstm_words .dl-word")
    keyboard.reach("#sentiment_lstm_words .dl-word")
    keyboard.press("ArrowRight", "ArrowRight", "Enter")
    expect(page.locator("#sentiment_lstm_without del")).to_have_text(["was"])
    keyboard.press("Home", "Space")
    expect(page.locator("#sentiment_lstm_without del")).to_have_text(["the", "was"])
    keyboard.open_panel("sentiment_lstm_gates")
    keyboard.reach("#sentiment_lstm_units [data-units]")
    chosen = page.locator("#sentiment_lstm_units [data-units]").nth(1)
    keyboard.press("ArrowRight", "Space")
    expect(chosen).to_have_attribute("aria-pressed", "true")
    keyboard.has_focus('#sentiment_lstm_units [aria-pressed="true"]')
    keyboard.reach("#sentiment_lstm_gates .dl-layers")  # the arrows scroll it


def test_the_translator_by_keyboard(keyboard):
    page = keyboard.page
    keyboard.ask("char_seq2seq", "hello", ".dl-heatmap")
    keyboard.choose("#char_seq2seq_result", 1, "ArrowRight")
    keyboard.reach("#char_seq2seq_answer .dl-heatmap-scroll")
    keyboard.press("ArrowDown", "ArrowRight")
    expect(page.locator("#char_seq2seq_answer .dl-heatmap output").first).to_contain_text("%")
    keyboard.open_panel("char_seq2seq_candidates")
    keyboard.reach(".dl-candidate")
    keyboard.press("ArrowDown", "Enter")
    second = page.locator(".dl-candidate").nth(1)
    expect(second).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#char_seq2seq_result .dl-letters")).to_have_text(
        second.locator("span").inner_text()
    )


def test_the_transformer_by_keyboard(keyboard):
    page = keyboard.page
    keyboard.ask("token_transformer", "abc", ".dl-next")
    keyboard.reach(".dl-next:not(:disabled)")
    keyboard.press("Enter")
    expect(page.locator("#token_transformer_text textarea")).not_to_have_value("abc")
    keyboard.has_focus(".dl-next")
    keyboard.open_panel("token_transformer_lens")
    tokens = page.locator("#token_transformer_lens thead th").count() - 1
    keyboard.choose("#token_transformer_lens", tokens + 2, "ArrowDown", "ArrowRight", "ArrowRight")
    keyboard.open_panel("token_transformer_attention")
    keyboard.reach(".dl-head")
    keyboard.press("ArrowDown", "ArrowRight", "Enter")
    expect(page.locator("#token_transformer_attention")).to_contain_text("Layer 2, head 2.")
    keyboard.has_focus('.dl-head[aria-pressed="true"]')


def test_bert_by_keyboard(keyboard):
    page = keyboard.page
    keyboard.ask("sentiment_bert", TEXT, "#sentiment_bert_words .dl-word")
    keyboard.reach("#sentiment_bert_words .dl-word")
    keyboard.press("End", "Enter")
    expect(page.locator("#sentiment_bert_without del")).to_have_text(["bad"])
    keyboard.open_panel("sentiment_bert_heads_off")
    keyboard.reach(".dl-switch")
    keyboard.press("ArrowDown", "Space")
    expect(page.locator("#sentiment_bert_heads_changed")).to_contain_text("without head 2.1")


def test_compare_by_keyboard(keyboard):
    page = keyboard.page
    keyboard.open_tab("compare")
    keyboard.write("compare_text", TEXT)
    keyboard.press("Enter")
    page.locator("#compare_result summary").wait_for()
    page.evaluate(DRAWN)
    keyboard.reach("#compare_result summary")
    keyboard.press("Enter")
    expect(page.locator("#compare_result details")).to_have_attribute("open", "")
    keyboard.reach("#compare_tab-button", "Shift+Tab")
    keyboard.press("ArrowRight")
    keyboard.write("edits_text", "a good film")
    keyboard.write("edits_other", "a bad film")
    keyboard.press("Enter")
    expect(page.locator("#edits_answer .dl-compared")).to_have_count(2)
    keyboard.reach("#edits_tab-button", "Shift+Tab")
    keyboard.press("ArrowRight")
    keyboard.write("batch_text", "a good film")
    keyboard.reach("#batch_run")
    keyboard.press("Enter")
    expect(page.locator("#batch_table")).to_contain_text("a good film")
    keyboard.reach("#batch_tab-button", "Shift+Tab")
    keyboard.press("ArrowRight")
    keyboard.reach("#scoreboard_run")
    keyboard.press("Enter")
    expect(page.locator("#scoreboard_table")).to_contain_text("ms")


def test_an_own_model_by_keyboard(keyboard, folders):
    page = keyboard.page
    keyboard.open_tab("own")
    page.locator("#own_model textarea").wait_for()
    keyboard.write("own_model", folders["distilbert"])
    keyboard.write("own_text", TEXT)
    keyboard.press("Enter")
    page.locator("#own_classification_words .dl-word").first.wait_for()
    page.evaluate(DRAWN)
    keyboard.reach("#own_classification_words .dl-word")
    keyboard.press("Enter")
    expect(page.locator("#own_classification_without")).to_contain_text("Without the")


# Remembers every smooth scroll that the page asks for.
SCROLLS = """
window.smooth = [];
for (const name of ["scrollIntoView", "scrollTo", "scrollBy", "scroll"])
  for (const owner of [Element.prototype, window]) {
    const real = owner[name];
    if (real) owner[name] = function (...given) {
      if (given[0]?.behavior === "smooth") window.smooth.push(name);
      return real.apply(this, given);
    };
  }
"""
MOVING = """() => [...document.querySelectorAll("*")].flatMap((element) =>
  [null, "::before", "::after"].flatMap((pseudo) => {
    const style = getComputedStyle(element, pseudo);
    const still = style.animationName === "none" && style.scrollBehavior !== "smooth"
      && style.transitionDuration.split(", ").every((each) => parseFloat(each) === 0);
    return still ? [] : [element.outerHTML.slice(0, 120)];
  }))"""


@pytest.mark.parametrize("reduced", [True, False])
def test_nothing_moves_for_visitors_who_ask_for_less_motion(open_page, untrained_url, reduced):
    motion = "reduce" if reduced else "no-preference"
    page = open_page(untrained_url, width=390, height=700, reduced_motion=motion)
    page.evaluate(SCROLLS)
    ask(page, "token_transformer", TEXT)
    page.locator(".dl-next").first.wait_for()
    page.wait_for_timeout(300)
    assert (page.evaluate("window.smooth") == []) == reduced
    open_panels(page)
    assert (page.evaluate(MOVING) == []) == reduced
