"""Interventions and computations in steps, in a browser."""

import re

import pytest

from tests.e2e.conftest import expect
from tests.e2e.driver import ask, go

pytestmark = pytest.mark.e2e


def opened(open_page, url, stem, panel, text, **size):
    page = open_page(url, **size)
    go(page, stem)
    page.locator(f"#{stem}_{panel} button").first.click()
    ask(page, stem, text)
    return page


def test_heads_are_switched_off_one_after_the_other(open_page, untrained_url):
    stem = "sentiment_bert"
    page = opened(open_page, untrained_url, stem, "heads_off", "good film")
    heads = page.locator(f"#{stem}_effects .dl-switch")
    expect(heads).to_have_count(4)
    heads.nth(1).click()
    expect(page.locator(f"#{stem}_heads_changed")).to_contain_text("without head 1.2")
    page.locator(f"#{stem}_effects .dl-switches [data-head='2.1']").click()
    expect(page.locator(f"#{stem}_heads_changed")).to_contain_text("without heads 1.2, 2.1")
    expect(heads.nth(2)).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="All heads on").click()
    expect(page.locator(f"#{stem}_heads_changed")).not_to_contain_text("without")
    expect(heads.nth(2)).to_have_attribute("aria-pressed", "false")


def test_merges_and_sampling_are_followed_step_by_step(open_page, untrained_url):
    page = opened(open_page, untrained_url, "token_transformer", "merges", "ab")
    slider = page.locator("#token_transformer_pieces input")
    expect(page.locator("#token_transformer_pieces .dl-pieces span")).to_have_text(["a", "b"])
    slider.press("Home")
    expect(page.locator("#token_transformer_pieces output")).to_contain_text("no merges: 2 pieces")

    page.locator("#token_transformer_sampling button").first.click()
    chart = page.locator("#token_transformer_sampling_chart .dl-sampling")
    label = chart.locator("li span").first
    expect(label).to_contain_text("%")
    chart.get_by_role("button", name="logits").click()
    expect(label).to_have_text(re.compile(r"^−\d+\.\d\d$"))
    chart.get_by_role("button", name="Play").click()
    expect(chart.get_by_role("button", name="÷ temperature")).to_have_attribute(
        "aria-pressed", "true"
    )


def test_a_unit_is_chosen(open_page, untrained_url):
    page = opened(open_page, untrained_url, "sentiment_lstm", "gates", "good film")
    page.locator("#sentiment_lstm_units [data-units]").nth(2).click()
    chosen = page.locator("#sentiment_lstm_units [aria-pressed='true']")
    number = chosen.get_attribute("data-units")
    expect(page.locator("#sentiment_lstm_gates_table")).to_contain_text(f"Unit {number} reads")


def test_the_panels_fit_a_phone(open_page, untrained_url):
    page = open_page(untrained_url, width=390, height=844)
    panels = {
        "sentiment_bert": ("heads_off", "patching"),
        "sentiment_lstm": ("gates",),
        "token_transformer": ("head_steps", "sampling"),
        "char_seq2seq": ("fixed",),
    }
    for stem, names in panels.items():
        ask(page, stem, "good film")
        for name in names:
            page.locator(f"#{stem}_{name} button").first.click()
            shown = page.locator(f"#{stem}_{name} :is(table, .dl-sampling, .dl-versions)")
            shown.first.wait_for()
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
