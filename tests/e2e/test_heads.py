"""The attention heads in a browser."""

import re

import pytest

from tests.e2e.conftest import expect
from tests.e2e.driver import ask, go

pytestmark = pytest.mark.e2e
TOKENS = {
    "sentiment_bert": ("good film", ["good", "film"], ["[CLS]", "good", "film", "[SEP]"]),
    "token_transformer": ("abc", ["a", "b", "c"], ["<|endoftext|>", "a", "b", "c"]),
}


@pytest.mark.parametrize("stem", TOKENS)
def test_heads_are_chosen_and_special_tokens_shown(open_page, untrained_url, stem):
    text, plain, all_tokens = TOKENS[stem]
    page = open_page(untrained_url)
    go(page, stem)
    panel = page.locator(f"#{stem}_attention")
    panel.locator("button").first.click()
    expect(panel).to_contain_text("Submit a text")
    expect(page.locator(f"#{stem}_hide")).to_be_hidden()
    ask(page, stem, text)
    heads = page.locator(f"#{stem}_heads .dl-head")
    expect(heads).to_have_count(4)
    expect(panel).not_to_contain_text("Submit a text")
    heads.nth(3).click()
    expect(panel).to_contain_text("Layer 2, head 2.")
    columns = page.locator(f"#{stem}_head .dl-heatmap-columns span")
    expect(columns).to_have_text(plain)
    page.locator(f"#{stem}_hide input").uncheck()
    expect(columns).to_have_count(len(all_tokens))
    expect(panel).to_contain_text("Layer 2, head 2.")


def test_a_heatmap_of_a_longer_text_shows_its_own_weights(open_page, untrained_url):
    page = open_page(untrained_url)
    go(page, "sentiment_bert")
    page.locator("#sentiment_bert_attention button").first.click()
    heatmap = page.locator("#sentiment_bert_head .dl-heatmap")
    for text, size in (("good film", 2), ("good film good film", 4)):
        ask(page, "sentiment_bert", text)
        expect(heatmap.locator(".dl-heatmap-columns span")).to_have_count(size)
        page.mouse.move(0, 0)
        cells = heatmap.locator(".dl-heatmap-cells")
        end = cells.bounding_box()["width"] - 3
        cells.hover(position={"x": end, "y": end})  # the last weight
        expect(heatmap.locator("output")).to_have_text(re.compile(r"attends to .*: (under )?\d+%$"))


@pytest.mark.parametrize("stem", TOKENS)
def test_the_grid_of_heads_fits_a_phone(open_page, untrained_url, stem):
    page = open_page(untrained_url, width=390, height=844)
    go(page, stem)
    page.locator(f"#{stem}_attention button").first.click()
    ask(page, stem, TOKENS[stem][0])
    page.locator(f"#{stem}_heads .dl-head").first.wait_for()
    grid = page.locator(f"#{stem}_heads .dl-heads-grid")
    right = grid.evaluate("e => e.getBoundingClientRect().right")
    last = page.locator(f"#{stem}_heads .dl-head").last
    assert last.evaluate("e => e.getBoundingClientRect().right") <= right <= 390
