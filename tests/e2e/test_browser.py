"""A visitor's way through every tab."""

import re
import time

import pytest

<<<<<<< HEAD
from dlnlp.accelerate import speculative as writer
=======
from dlnlp.accelerate import speculative
from dlnlp.models.sentiment_bert.predictor import SentimentBertPredictor
from dlnlp.models.sentiment_lstm.predictor import SentimentLSTMPredictor
>>>>>>> 41f7f04 (Transformer: rebuild engine copies when weights change; heal prompts that end in a space; draws per prompt; repetition penalty; deadlines)

try:
    from playwright.sync_api import expect
except ImportError:  # then the fixture ``browser`` skips, or in CI fails
    expect = None
else:
    expect.set_options(timeout=30_000)

pytestmark = pytest.mark.e2e

TITLES = {
    "sentiment_lstm": "Sentiment LSTM",
    "char_seq2seq": "Translator",
    "token_transformer": "Next token",
    "sentiment_bert": "BERT sentiment",
    "compare": "Compare",
}
NOTE = {
    "sentiment_lstm": "#sentiment_lstm_result",
    "char_seq2seq": "#char_seq2seq_remarks",
    "token_transformer": "#token_transformer_remarks",
    "sentiment_bert": "#sentiment_bert_result",
    "compare": "#compare_sentiment_bert",
}
SENTIMENT = ("sentiment_lstm", "sentiment_bert")
VERDICT = re.compile("POSITIVE|NEGATIVE|UNSURE")


def go(page, stem, text=None):
    page.get_by_role("tab", name=TITLES[stem], exact=True).click()
    box = page.locator(f"#{stem}_text textarea")
    if text is not None:
        box.fill(text)
    return box


def ask(page, stem, text):
    go(page, stem, text)
    page.locator(f"#{stem}_run").click()


def figure(page, elem_id):
    """The data and layout that Plotly draws there."""
    page.locator(f"#{elem_id} .js-plotly-plot .main-svg").first.wait_for()
    return page.evaluate(
        "id => { const g = document.querySelector(`#${id} .js-plotly-plot`);"
        " return {data: g.data, layout: g.layout}; }",
        elem_id,
    )


def test_a_head_of_attention_is_chosen_and_special_tokens_hidden(open_page, untrained_url):
    page = open_page(untrained_url)
    ask(page, "sentiment_bert", "good film")
    assert len(figure(page, "sentiment_bert_layers_plot")["data"][0]["y"]) == 3
    attention = page.locator("#sentiment_bert_attention")
    attention.get_by_text("Where its heads look").click()
    heads = page.locator("#sentiment_bert_heads .dl-head")
    expect(heads).to_have_count(4)
    heads.nth(3).click()
    expect(attention).to_contain_text("Layer 2, head 2.")
    assert figure(page, "sentiment_bert_head")["layout"]["xaxis"]["ticktext"] == ["good", "film"]
    page.locator("#sentiment_bert_hide input").uncheck()
    expect(attention).not_to_contain_text("which are hidden")
    drawn = figure(page, "sentiment_bert_head")
    assert drawn["layout"]["xaxis"]["ticktext"] == ["[CLS]", "good", "film", "[SEP]"]


def test_the_translator_draws_its_attention(open_page, untrained_url):
    page = open_page(untrained_url)
    ask(page, "char_seq2seq", "a bee")
    expect(page.locator("#char_seq2seq_result textarea")).not_to_have_value("")
    expect(page.locator("#char_seq2seq_remarks")).to_contain_text("nats")
    drawn = figure(page, "char_seq2seq_attention")
    assert drawn["layout"]["xaxis"]["ticktext"] == ["a", "␣", "b", "e", "e"]
    assert len(drawn["data"][0]["z"][0]) == 5
    ticks = page.locator("#char_seq2seq_attention .xtick text")
    assert [tick.text_content() for tick in ticks.all()] == ["a", "␣", "b", "e", "e"]


def test_attention_by_words_and_another_candidate(open_page, untrained_url):
    page = open_page(untrained_url)
    expect(page.locator("#char_seq2seq_unit")).to_have_count(0)
    ask(page, "char_seq2seq", "a bee")
    figure(page, "char_seq2seq_attention")
    page.locator("#char_seq2seq_unit").get_by_text("words").click()
    ticks = page.locator("#char_seq2seq_attention .xtick text")
    expect(ticks).to_have_text(["a", "bee"])
    french = page.locator("#char_seq2seq_result textarea")
    best = french.input_value()
    page.locator("#char_seq2seq_candidates").get_by_text("Candidates").click()
    candidate = page.locator("#char_seq2seq_candidates .dl-candidate").nth(1)
    other = candidate.locator("[lang=fr]").inner_text()
    candidate.click()
    expect(candidate).to_have_attribute("aria-pressed", "true")
    expect(french).not_to_have_value(best)
    expect(french).to_have_value(other)
    expect(ticks).to_have_text(["a", "bee"])


def test_a_french_word_marks_the_english_letters(open_page, untrained_url):
    page = open_page(untrained_url)
    ask(page, "char_seq2seq", "a bee")
    word = page.locator("#char_seq2seq_reading .dl-word").first
    letters = page.locator("#char_seq2seq_reading [lang=en] span")
    word.click()
    expect(letters).to_have_count(5)
    assert any(letter.get_attribute("style") for letter in letters.all())
    word.click()
    assert not any(letter.get_attribute("style") for letter in letters.all())


def test_a_long_translation_scrolls_in_its_own_box(open_page, untrained_url):
    page = open_page(untrained_url, width=390, height=844)
    ask(page, "char_seq2seq", "I do not know what to say about this. " * 3)
    figure(page, "char_seq2seq_attention")
    plot = page.locator("#char_seq2seq_attention")
    wide, box = plot.evaluate("e => [e.scrollWidth, e.clientWidth]")
    assert wide > 1000 > box
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def bars(page):
    """The candidates of the next-token tab, once they are there."""
    found = page.locator("#token_transformer_next .dl-next")
    found.first.wait_for()
    return found


def test_next_tokens_and_a_continuation(open_page, untrained_url):
    page = open_page(untrained_url)
    go(page, "token_transformer", "Once upon").press("Enter")
    expect(bars(page)).to_have_count(10)
    page.locator("#token_transformer_continue").click()
    written = page.locator("#token_transformer_result textarea")
    expect(written).to_have_value(re.compile("^Once upon.+", re.DOTALL))
    expect(page.locator("#token_transformer_progress")).to_contain_text("tokens per second")


def test_a_continuation_becomes_the_prompt_and_is_tinted(open_page, untrained_url):
    page = open_page(untrained_url)
    box = go(page, "token_transformer", "Once upon")
    adopt = page.locator("#token_transformer_adopt")
    expect(adopt).not_to_be_visible()  # there is nothing yet
    page.locator("#token_transformer_continue").click()
    expect(page.locator("#token_transformer_progress")).to_contain_text("60 tokens")
    adopt.click()  # once it is there, all that was written is, too
    expect(box).not_to_have_value("Once upon")
    assert box.input_value() == page.locator("#token_transformer_result textarea").input_value()
    words = page.locator("#token_transformer_tokens .dl-word")
    expect(words.first).to_have_text("O")
    assert words.count() > len("Once upon")


def test_settings_narrow_the_candidates_at_once(open_page, untrained_url):
    page = open_page(untrained_url)
    ask(page, "token_transformer", "Once upon")
    expect(bars(page)).to_have_count(10)
    shares = page.locator("#token_transformer_next .dl-next span:last-child")
    before = shares.first.inner_text()
    for name, value, count in (("top_k", 4, 4), ("candidates", 3, 3), ("top_k", 2, 2)):
        number = page.locator(f"#token_transformer_{name} input[type=number]")
        number.fill(str(value))
        number.press("Tab")
        expect(bars(page)).to_have_count(count)
    expect(shares.first).not_to_have_text(before)
    number = page.locator("#token_transformer_temperature input[type=number]")
    number.fill("0")
    number.press("Tab")
    expect(shares).to_have_text(["100%"])


def test_a_chosen_candidate_is_appended_and_the_next_ones_follow(open_page, untrained_url):
    page = open_page(untrained_url)
    box = go(page, "token_transformer", "Once upon")
    box.press("Enter")
    whole = page.locator("#token_transformer_next .dl-next:not(:disabled)")
    whole.first.wait_for()
    whole.first.click()
    expect(box).to_have_value(re.compile("^Once upon.$", re.DOTALL))
    expect(page.locator("#token_transformer_next")).to_contain_text("After “Once upon")
    expect(page.locator("#token_transformer_tokens .dl-word")).to_have_count(10)
    before = page.locator("#token_transformer_next .dl-caption").inner_text()
    whole.last.press("Enter")
    expect(box).to_have_value(re.compile("^Once upon..$", re.DOTALL))
    expect(page.locator("#token_transformer_next .dl-caption")).not_to_have_text(before)


def test_a_surprising_token_shows_what_was_expected(open_page, untrained_url):
    page = open_page(untrained_url)
    ask(page, "token_transformer", "<b>hi")
    tokens = page.locator("#token_transformer_tokens .dl-word")
    expect(tokens).to_have_text(["<", "b", ">", "h", "i"])
    expected = page.locator("#token_transformer_tokens .dl-expected")
    tokens.nth(1).click()
    expect(expected.locator("li")).to_have_count(3)
    expect(expected).to_contain_text("“b” had")
    tokens.nth(3).press("Enter")
    expect(expected).to_contain_text("“h” had")
    expect(page.locator("#token_transformer_tokens [aria-pressed=true]")).to_have_text(["h"])
    tokens.nth(3).press(" ")
    expect(expected.locator("li")).to_have_count(0)


def test_attention_of_the_next_token_tab_looks_back_only(open_page, untrained_url):
    page = open_page(untrained_url)
    ask(page, "token_transformer", "abc")
    attention = page.locator("#token_transformer_attention")
    attention.get_by_text("Where its heads look").click()
    expect(page.locator("#token_transformer_heads .dl-head")).to_have_count(4)
    expect(attention).to_contain_text("causal mask")
    drawn = figure(page, "token_transformer_head")
    assert drawn["layout"]["xaxis"]["ticktext"] == ["a", "b", "c"]
    rows = drawn["data"][0]["z"]
    assert not any(rows[i][j] for i in range(3) for j in range(i + 1, 3))
    page.locator("#token_transformer_hide input").uncheck()
    expect(attention.locator(".xtick text")).to_have_count(4)


def test_stop_keeps_the_partial_text(open_page, untrained_url, monkeypatch):
    real = speculative.Reader.logits

    def slowly(*given):  # as slow as a big model, so that there is something to stop
        time.sleep(0.02)
        return real(*given)

    monkeypatch.setattr(speculative.Reader, "logits", slowly)
    page = open_page(untrained_url)
    go(page, "token_transformer", "Once upon")
    page.locator("#token_transformer_settings button").first.click()
    length = page.locator("#token_transformer_length input[type=number]")
    slider = page.locator("#token_transformer_length input[type=range]")
    for _ in range(3):  # a page that is still opening the accordion may drop what is typed
        length.fill("1000")
        length.press("Tab")
        page.wait_for_timeout(300)
        if slider.input_value() == "1000":
            break
    expect(slider).to_have_value("1000")  # else the page may still hold the old length
    page.locator("#token_transformer_continue").click()
    written = page.locator("#token_transformer_result textarea")
    expect(written).to_have_value(re.compile("^Once upon.+", re.DOTALL))
    page.locator("#token_transformer_stop").click()
    progress = page.locator("#token_transformer_progress")
    expect(progress).to_contain_text("Stopped")
    kept, said = written.input_value(), progress.inner_text()
    assert "tokens per second" in said
    page.wait_for_timeout(1500)
    assert (written.input_value(), progress.inner_text()) == (kept, said)
    assert page.locator(".error").count() == 0
    page.locator("#token_transformer_run").click()  # the model is free again
    bars(page)


def test_ones_own_french_is_judged(open_page, untrained_url):
    page = open_page(untrained_url)
    go(page, "char_seq2seq", "a bee")
    page.locator("#char_seq2seq_own button").first.click()
    own = page.locator("#char_seq2seq_own_text textarea")
    own.fill("une abeille")
    own.press("Enter")
    judged = page.locator("#char_seq2seq_own_result")
    expect(judged.locator(".dl-letters").first).to_have_text("une abeille")
    expect(judged).to_contain_text("nats")
