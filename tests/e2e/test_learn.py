"""The Learn panel in a browser: its tour by keyboard, its questions, and the tutorial's version."""

import pytest

from dlnlp.learn.texts import guide
from tests.e2e.conftest import expect
from tests.e2e.driver import answer, go

pytestmark = pytest.mark.e2e
STEM = "token_transformer"


def test_a_tour_is_walked_by_keyboard_and_its_step_is_kept(open_page, untrained_url):
    titles = [step.title for step in guide(STEM).steps]
    page = open_page(untrained_url, width=390, height=844)
    go(page, STEM)
    page.locator(f"#{STEM}_learn button.label-wrap").focus()
    page.keyboard.press("Enter")
    tour = page.locator(f"#{STEM}_tour")
    expect(tour.locator("h3:visible")).to_have_text(titles[0])
    tour.locator("[data-step='0']").focus()
    for title in titles[1:]:
        page.keyboard.press("ArrowRight")
        expect(tour.locator("h3:visible")).to_have_text(title)
        expect(tour.locator("[data-step]:focus")).to_have_attribute("aria-current", "step")
    page.keyboard.press("ArrowRight")  # there is no further step
    expect(tour.locator("h3:visible")).to_have_text(titles[-1])
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    tour.get_by_role("button", name="Back").press("Enter")
    expect(tour.locator("h3:visible")).to_have_text(titles[-2])
    # A new text draws the pictures again, but the step stays, as it does when the page is opened
    # again.
    page.locator(f"#{STEM}_text textarea").fill("abc")
    page.locator(f"#{STEM}_run").click()
    expect(tour.locator(".dl-pieces:visible span")).to_have_text(["<|endoftext|>", "a", "b", "c"])
    expect(tour.locator("h3:visible")).to_have_text(titles[-2])
    page.reload()
    go(page, STEM)
    page.locator(f"#{STEM}_learn button.label-wrap").click()
    expect(tour.locator("h3:visible")).to_have_text(titles[-2])
    tour.get_by_role("button", name="Next", exact=True).click()
    tour.locator("[data-tab]:visible").click()
    expect(page.locator("#sentiment_bert_tab-button")).to_have_attribute("aria-selected", "true")


def test_a_question_is_tried_and_a_view_opened(open_page, untrained_url):
    page = open_page(untrained_url)
    go(page, STEM)
    page.locator(f"#{STEM}_learn button.label-wrap").click()
    questions = page.locator(f"#{STEM}_questions")
    details = questions.locator("details").nth(2)
    details.locator("summary").click()
    questions.get_by_role("button", name="Try it: the induction heads").click()
    expect(page.locator(f"#{STEM}_text textarea")).to_have_value(
        "Mrs. Quimby opened the door. Mrs."
    )
    expect(answer(page, STEM)).to_contain_text("Quimby")
    expect(page.locator(f"#{STEM}_induction_table td").first).to_be_visible()
    expect(details).to_have_attribute("open", "")
    questions.get_by_role("button", name="temperature 0.2").click()
    slider = page.locator(f"#{STEM}_temperature input[type=number]")
    expect(slider).to_have_value("0.2")
    expect(page.locator(f"#{STEM}_continuation_panel .dl-text")).to_contain_text("Once upon a time")
    tour = page.locator(f"#{STEM}_tour")
    tour.locator("[data-step='1']").click()
    tour.get_by_role("button", name="See it below: Byte-level BPE").click()
    expect(page.locator(f"#{STEM}_pieces .dl-pieces span").first).to_be_visible()


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (390, 844)])
def test_after_trying_a_question_one_click_leads_back(open_page, untrained_url, width, height):
    page = open_page(untrained_url, width=width, height=height)
    go(page, STEM)
    page.locator(f"#{STEM}_learn button.label-wrap").click()
    question = page.locator(f"#{STEM}_questions article").nth(1)
    back = page.get_by_role("button", name="Back to the question")
    question.get_by_role("button", name="temperature 0.2").click()
    expect(page.locator(f"#{STEM}_continuation_panel .dl-text")).to_be_in_viewport()
    expect(back).to_be_in_viewport(ratio=1)
    back.click()
    summary = question.locator("summary")
    expect(summary).to_be_in_viewport(ratio=1)
    expect(summary).to_be_focused()
    expect(back).to_be_hidden()
    page.evaluate("scrollTo(0, 0)")
    expect(summary).not_to_be_in_viewport()
    expect(back).to_be_hidden()


def test_the_tutorials_version_is_run_and_repaired(open_page, untrained_url):
    page = open_page(untrained_url)
    go(page, STEM)
    page.locator(f"#{STEM}_learn button.label-wrap").click()
    questions, ran = page.locator(f"#{STEM}_questions"), page.locator(f"#{STEM}_ran")
    questions.locator(".dl-tutorial > summary").click()
    wrong = questions.locator("[data-wrong='0']")
    questions.get_by_role("button", name="Run the tutorial").click()
    expect(ran).to_contain_text("NameError: name 'd_model' is not defined")
    expect(wrong).to_be_visible()
    for box in questions.locator("[data-repair]").all():
        box.check()
    expect(wrong).to_be_hidden()
    questions.get_by_role("button", name="Run the tutorial").click()
    expect(ran).to_contain_text("the cat sat on the mat")
    expect(ran).to_contain_text("No error is left")
