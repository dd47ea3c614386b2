"""The tab for the visitor's own model, in a browser."""

import pytest

from tests.e2e.conftest import expect
from tests.e2e.driver import go

pytestmark = pytest.mark.e2e


def run(page, model, text):
    page.locator("#own_model textarea").fill(model)
    page.locator("#own_text textarea").fill(text)
    page.locator("#own_run").click()


def test_own_models_are_looked_into_one_after_the_other(open_page, local_url, folders):
    page = open_page(local_url)
    page.get_by_role("tab", name="Your own model").click()
    run(page, folders["distilbert"], "A wonderful film")
    expect(page.locator("#own_classification_labels")).to_contain_text("POSITIVE")
    page.locator("#own_classification_words .dl-word").nth(1).click()
    expect(page.locator("#own_classification_without")).to_contain_text("Without wonderful")
    page.locator("#own_classification_heads_off button").first.click()
    page.locator("#own_classification_effects .dl-switch").nth(3).click()
    expect(page.locator("#own_classification_heads_changed")).to_contain_text("without head 2.2")
    expect(page.locator("#own_generation_continue")).to_be_hidden()

    run(page, folders["gpt2"], "I wanted to")
    expect(page.locator("#own_generation_next .dl-next").first).to_be_visible()
    expect(page.locator("#own_classification_labels")).to_be_hidden()
    page.locator("#own_generation_continue").click()
    expect(page.locator("#own_generation_result .dl-continuation")).to_contain_text("I wanted to")
    page.locator("#own_generation_next .dl-next:not(:disabled)").first.click()
    expect(page.locator("#own_text textarea")).not_to_have_value("I wanted to")


def test_a_model_that_is_not_there_is_explained(open_page, local_url):
    page = open_page(local_url)
    page.get_by_role("tab", name="Your own model").click()
    run(page, "/no/such/folder", "hello")
    expect(page.locator("#own_loaded_panel")).to_contain_text("There is no folder")


def test_another_tab_opens_it_with_its_text(open_page, local_url):
    page = open_page(local_url)
    go(page, "sentiment_bert", "My own sentence")
    page.get_by_role("button", name="Look inside your own model").click()
    expect(page.locator("#own_text textarea")).to_have_value("My own sentence")
