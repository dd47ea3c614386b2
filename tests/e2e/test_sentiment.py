"""The tabs of the models that classify, and Compare, in a browser."""

import re
import time

import pytest

from dlnlp.models.sentiment_bert.predictor import SentimentBertPredictor
from dlnlp.models.sentiment_lstm.predictor import SentimentLSTMPredictor
from tests.e2e.conftest import expect
from tests.e2e.driver import answer, ask, figure, go

pytestmark = pytest.mark.e2e
SENTIMENT = ("sentiment_lstm", "sentiment_bert")
VERDICT = re.compile("POSITIVE|NEGATIVE|UNSURE")


def test_a_text_is_classified_by_button_and_by_enter(shared_page):
    page = shared_page()
    for stem in SENTIMENT:
        ask(page, stem, "good movie")
        result = page.locator(f"#{stem}_result")
        expect(result).to_contain_text(VERDICT)
        expect(result).to_contain_text("probability of positive")
        go(page, stem, "bad terrible hated it").press("Enter")
        page.locator(f'#{stem}_verdict_panel [data-answers="bad terrible hated it"]').wait_for(
            state="attached"
        )
        expect(result).to_contain_text(VERDICT)


def test_removed_words_change_the_verdict_and_can_be_put_back(shared_page):
    page = shared_page()
    for stem in SENTIMENT:
        ask(page, stem, "the film was not good")
        word = page.locator(f"#{stem}_words .dl-word").nth(3)
        expect(word).to_have_text("not")
        word.click()
        panel = page.locator(f"#{stem}_without")
        expect(panel).to_contain_text("As written")
        expect(panel.locator("del")).to_have_text(["not"])
        page.locator(f"#{stem}_words .dl-word").nth(4).press("Enter")
        expect(panel.locator("del")).to_have_text(["not", "good"])
        for index in (3, 4):
            page.locator(f"#{stem}_words .dl-word").nth(index).click()
        expect(panel).not_to_contain_text("As written")


@pytest.fixture
def slow_texts(monkeypatch):
    """The texts that the sentiment models have classified so far, each in half a second."""
    texts = []
    for predictor in (SentimentBertPredictor, SentimentLSTMPredictor):
        real = predictor.classify

        def classify(self, asked, real=real):
            texts.extend(asked)
            time.sleep(0.5)
            return real(self, asked)

        monkeypatch.setattr(predictor, "classify", classify)
    return texts


def test_typing_while_an_answer_is_computed_dims_it(shared_page, slow_texts):
    page = shared_page()
    for stem in ("sentiment_lstm", "compare"):
        box = go(page, stem, "good")
        box.press("Enter")
        page.wait_for_timeout(100)
        box.press_sequentially(" film")
        expect(answer(page, stem)).to_contain_text(VERDICT)
        expect(page.locator(".dl-stale .dl-note:visible")).to_have_count(1)
        dimmed = page.locator(f"#{stem}_answer .dl-panel[data-stale]").first
        expect(dimmed).to_have_css("opacity", "0.5")
        assert "good film" not in slow_texts


def test_the_last_of_several_examples_is_answered(shared_page, slow_texts):
    page = shared_page()
    for stem in ("sentiment_lstm", "compare"):
        box = go(page, stem)
        examples = page.locator(f"#{stem}_examples button")
        examples.nth(0).click()
        page.wait_for_timeout(700)  # Compare's second model has begun
        for place in (1, 2):
            examples.nth(place).click()
            page.wait_for_timeout(50)
        last = examples.nth(2).inner_text().strip()
        expect(box).to_have_value(last)
        expect(answer(page, stem)).to_contain_text(VERDICT)
        if stem == "compare":
            deadline = time.time() + 20
            while slow_texts[-1] != last and time.time() < deadline:
                page.wait_for_timeout(100)
            assert slow_texts[-1] == last
        else:
            expect(page.locator(f"#{stem}_words .dl-text")).to_have_text(last)


def test_attributions_are_for_the_text_that_was_asked(shared_page):
    page = shared_page()
    for stem in SENTIMENT:
        box = go(page, stem, "good film")
        box.press("Enter")
        words = page.locator(f"#{stem}_words .dl-word")
        expect(words).to_have_text(["good", "film"])
        before = page.locator(f"#{stem}_words").inner_html()
        box.fill("something else")
        page.locator(f"#{stem}_method").get_by_text("leave-one-out", exact=True).click()
        page.wait_for_function(
            "([id, before]) => { const e = document.getElementById(id);"
            " return e.querySelector('.dl-word') && e.innerHTML !== before; }",
            arg=[f"{stem}_words", before],
        )
        expect(words).to_have_text(["good", "film"])


def test_hidden_states_are_drawn_when_opened_and_fill_the_width(open_page, untrained_url):
    page = open_page(untrained_url)
    ask(page, "sentiment_lstm", "good film")
    assert figure(page, "sentiment_lstm_trace")["data"]
    memory = page.locator("#sentiment_lstm_memory")
    assert not memory.locator(".main-svg").count()
    memory.get_by_text("Hidden states").click()
    assert figure(page, "sentiment_lstm_hidden")["layout"]["xaxis"]["ticktext"] == ["good", "film"]
    drawn = memory.locator(".main-svg").first.bounding_box()["width"]
    assert drawn > 0.9 * memory.bounding_box()["width"]
    ask(page, "sentiment_lstm", "bad")  # now that it is open, it follows at once
    expect(memory.locator(".xtick text")).to_have_text(["bad"])


def test_words_are_tinted_and_the_method_can_be_changed(open_page, untrained_url):
    page = open_page(untrained_url)
    for stem in SENTIMENT:
        ask(page, stem, "not bad, <b>great</b>")
        words = page.locator(f"#{stem}_words .dl-text")
        expect(words).to_have_text("not bad, <b>great</b>")
        word = words.locator(".dl-word", has_text="great")
        expect(word).to_have_attribute("title", re.compile(r"\d"))
        before = words.evaluate("e => e.innerHTML")
        page.locator(f"#{stem}_method label").nth(1).click()
        page.wait_for_function(
            "([id, before]) => { const e = document.querySelector(id + ' .dl-text');"
            " return e && e.innerHTML !== before; }",
            arg=[f"#{stem}_words", before],
        )


def test_the_verdict_is_drawn_word_by_word(shared_page):
    page = shared_page()
    ask(page, "sentiment_lstm", "the film was good but bad")
    expect(page.locator("#sentiment_lstm_trace .xtick text")).to_have_count(6)
    drawn = figure(page, "sentiment_lstm_trace")
    assert len(drawn["data"][0]["y"]) == 6
    assert drawn["layout"]["xaxis"]["ticktext"][-2:] == ["but", "bad"]


def test_compare_shows_both_models_and_their_words(shared_page):
    page = shared_page()
    go(page, "compare")
    page.get_by_role("tab", name="Models", exact=True).click()
    ask(page, "compare", "good movie")
    for stem in SENTIMENT:
        expect(page.locator(f"#compare_{stem}")).to_contain_text(VERDICT)
    result = page.locator("#compare_result")
    expect(result).to_contain_text("time (median)")
    expect(result.locator(".dl-words .dl-text")).to_have_text(
        ["good movie"] * 3  # both models and their difference
    )


def test_two_texts_are_compared_and_go_stale_when_either_changes(shared_page):
    page = shared_page()
    go(page, "compare")
    page.get_by_role("tab", name="Two texts", exact=True).click()
    page.locator("#edits_examples button, #edits_examples tr.tr-body").first.click()
    result = page.locator("#sentiment_lstm_edited")
    expect(result.locator("mark")).to_have_count(4)
    page.locator("#edits_model").get_by_text("Next token").click()
    expect(result.locator("mark")).to_have_count(0)
    result = page.locator("#token_transformer_edited")
    expect(result).to_contain_text(re.compile("more likely, by|equally likely"))
    expect(page.locator(".dl-stale .dl-note:visible")).to_have_count(0)
    page.locator("#edits_other textarea").fill("something else")
    expect(page.locator(".dl-stale .dl-note:visible")).to_have_count(1)
