"""A visitor's way through every tab."""

import re
import time

import pytest

from dlnlp.accelerate import speculative as writer
from dlnlp.models.sentiment_bert.predictor import SentimentBertPredictor
from dlnlp.models.sentiment_lstm.predictor import SentimentLSTMPredictor

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


@pytest.mark.parametrize("stem", SENTIMENT)
def test_sentiment_by_button_and_by_enter(open_page, untrained_url, stem):
    page = open_page(untrained_url)
    ask(page, stem, "good movie")
    result = page.locator(f"#{stem}_result")
    expect(result).to_contain_text(VERDICT)
    expect(result).to_contain_text("probability of positive")
    before = result.inner_text()
    go(page, stem, "bad terrible hated it").press("Enter")
    expect(result).not_to_have_text(before, use_inner_text=True)
    expect(result).to_contain_text(VERDICT)


@pytest.mark.parametrize("stem", SENTIMENT)
def test_words_struck_out_change_the_verdict_and_come_back(open_page, untrained_url, stem):
    page = open_page(untrained_url)
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


@pytest.mark.parametrize("stem", [*SENTIMENT, "char_seq2seq", "token_transformer", "compare"])
def test_answers_of_another_text_than_the_typed_one_are_dimmed(open_page, untrained_url, stem):
    page = open_page(untrained_url)
    box = go(page, stem)
    changed = page.locator(".dl-changed:visible")
    box.press_sequentially("good")
    expect(changed).to_have_count(0)  # nothing is answered yet
    box.press("Enter")
    result = page.locator("#token_transformer_next" if stem == "token_transformer" else NOTE[stem])
    expect(result).to_contain_text(re.compile("UNSURE|TIVE|nats|After|likely"))
    page.wait_for_timeout(300)
    box.press_sequentially(" film")
    expect(changed).to_contain_text("The text has changed")
    expect(result).to_have_css("opacity", "0.5")
    if stem == "char_seq2seq":
        expect(page.locator("#char_seq2seq_result")).to_have_css("opacity", "0.5")
    box.press("Enter")
    expect(changed).to_have_count(0)
    expect(result).to_have_css("opacity", "1")
    box.fill(" ")
    box.press("Enter")
    expect(result).to_contain_text(re.compile("Type |once there is a prompt"))
    box.press_sequentially("good")
    page.wait_for_timeout(300)
    expect(changed).to_have_count(0)  # nothing stands below


@pytest.fixture
def slowly_read(monkeypatch):
    """The texts that the sentiment models have been asked so far, each for half a second."""
    texts = []
    for predictor in (SentimentBertPredictor, SentimentLSTMPredictor):
        real = predictor.classify

        def classify(self, asked, real=real):
            texts.extend(asked)
            time.sleep(0.5)
            return real(self, asked)

        monkeypatch.setattr(predictor, "classify", classify)
    return texts


@pytest.mark.parametrize("stem", [*SENTIMENT, "compare"])
def test_what_is_typed_while_an_answer_is_computed_dims_it(
    open_page, untrained_url, slowly_read, stem
):
    page = open_page(untrained_url)
    box = go(page, stem, "good")
    box.press("Enter")
    page.wait_for_timeout(100)
    box.press_sequentially(" film")
    assert "good film" not in slowly_read
    expect(page.locator(NOTE[stem])).to_contain_text(VERDICT)
    expect(page.locator(".dl-changed:visible")).to_contain_text("The text has changed")
    expect(page.locator(NOTE[stem])).to_have_css("opacity", "0.5")
    assert "good film" not in slowly_read


@pytest.mark.parametrize("stem", [*SENTIMENT, "compare"])
def test_the_last_of_several_examples_is_answered(open_page, untrained_url, slowly_read, stem):
    page = open_page(untrained_url)
    box = go(page, stem)
    examples = page.locator(f"#{stem}_examples button")
    examples.nth(0).click()
    page.wait_for_timeout(700)  # Compare's second model has begun to read
    for place in (1, 2):
        examples.nth(place).click()
        page.wait_for_timeout(50)
    last = examples.nth(2).inner_text().strip()
    expect(box).to_have_value(last)
    expect(page.locator(NOTE[stem])).to_contain_text(VERDICT)
    if stem == "compare":
        deadline = time.time() + 20
        while slowly_read[-1] != last and time.time() < deadline:
            page.wait_for_timeout(100)
        assert slowly_read[-1] == last
    else:
        expect(page.locator(f"#{stem}_words .dl-text")).to_have_text(last)


@pytest.mark.parametrize("stem", SENTIMENT)
def test_words_are_those_of_the_verdict_whatever_is_typed_since(open_page, untrained_url, stem):
    page = open_page(untrained_url)
    box = go(page, stem, "good film")
    box.press("Enter")
    words = page.locator(f"#{stem}_words .dl-word")
    expect(words).to_have_text(["good", "film"])
    before = page.locator(f"#{stem}_words").inner_html()
    box.fill("something else")
    page.locator(f"#{stem}_method").get_by_text("leaving it out").click()
    page.wait_for_function(
        "([id, before]) => { const e = document.getElementById(id);"
        " return e.querySelector('.dl-word') && e.innerHTML !== before; }",
        arg=[f"{stem}_words", before],
    )
    expect(words).to_have_text(["good", "film"])


def test_the_memory_is_drawn_when_it_is_opened_and_fills_its_place(open_page, untrained_url):
    page = open_page(untrained_url)
    ask(page, "sentiment_lstm", "good film")
    assert figure(page, "sentiment_lstm_trace")["data"]
    memory = page.locator("#sentiment_lstm_memory")
    assert not memory.locator(".main-svg").count()
    memory.get_by_text("Its memory").click()
    assert figure(page, "sentiment_lstm_hidden")["layout"]["xaxis"]["ticktext"] == ["good", "film"]
    drawn = memory.locator(".main-svg").first.bounding_box()["width"]
    assert drawn > 0.9 * memory.bounding_box()["width"]
    ask(page, "sentiment_lstm", "bad")  # and now that it is open, at once
    expect(memory.locator(".xtick text")).to_have_text(["bad"])


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


@pytest.mark.parametrize("stem", ("sentiment_lstm", "char_seq2seq", "compare"))
def test_an_example_runs_when_clicked(open_page, untrained_url, stem):
    page = open_page(untrained_url)
    box = go(page, stem)
    example = page.locator(f"#{stem}_examples button").first
    name = example.inner_text().strip()
    example.click()
    expect(box).to_have_value(name)
    shown = "#char_seq2seq_remarks" if stem == "char_seq2seq" else NOTE[stem]
    expect(page.locator(shown)).to_contain_text(re.compile("UNSURE|TIVE|nats"))


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
    real = writer.predictable

    def slowly(logits):  # as slow as a big model, so that there is something to stop
        time.sleep(0.02)
        return real(logits)

    monkeypatch.setattr(writer, "predictable", slowly)
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


def test_compare_shows_both_models(open_page, untrained_url):
    page = open_page(untrained_url)
    ask(page, "compare", "good movie")
    for stem in SENTIMENT:
        column = page.locator(f"#compare_{stem}")
        expect(column).to_contain_text(VERDICT)
        expect(column).to_contain_text("ms")


@pytest.mark.parametrize("stem", TITLES)
def test_empty_input_gets_a_note_and_clears_what_was_there(open_page, untrained_url, stem):
    page = open_page(untrained_url)
    ask(page, stem, "good")
    shown = page.locator(NOTE[stem])
    if stem == "token_transformer":
        bars(page)
    else:
        expect(shown).to_contain_text(re.compile("UNSURE|TIVE|nats"))
    ask(page, stem, "   ")
    expect(shown).to_contain_text("Type ")
    expect(page.locator(".js-plotly-plot:visible, .dl-next, .dl-word")).to_have_count(0)
    expect(shown).not_to_contain_text(VERDICT)


@pytest.mark.parametrize("stem", TITLES)
@pytest.mark.parametrize(
    "text", ["<script>window.hit = 1</script>", "<img src=x onerror='window.hit = 1'>"]
)
def test_markup_is_only_text(open_page, untrained_url, stem, text):
    page = open_page(untrained_url)
    ask(page, stem, text)
    if stem == "char_seq2seq":
        figure(page, f"{stem}_attention")
    elif stem == "token_transformer":
        tokens = page.locator("#token_transformer_tokens .dl-text")
        expect(tokens).to_have_text(text.replace(" ", "·"))  # each is a token of its own
        tokens.locator(".dl-word").first.click()
    else:
        expect(page.locator(NOTE[stem])).to_contain_text(VERDICT)
    if stem == "token_transformer":
        page.locator("#token_transformer_continue").click()
        written = page.locator("#token_transformer_result textarea")
        expect(written).to_have_value(re.compile(re.escape(text) + ".+", re.DOTALL))
    assert page.evaluate("window.hit") is None


@pytest.mark.parametrize("stem", TITLES)
def test_without_its_checkpoint_a_tab_says_what_to_run(open_page, missing_url, stem):
    page = open_page(missing_url)
    ask(page, stem, "hello")
    expect(page.locator(NOTE[stem])).to_contain_text("to make it good, run:pip install")
    if stem == "token_transformer":
        page.locator("#token_transformer_continue").click()
        expect(page.locator("#token_transformer_progress")).to_contain_text("python -m train.")


def test_the_card_opens_and_says_what_is_missing(open_page, missing_url):
    page = open_page(missing_url)
    page.locator("#sentiment_lstm_about button").first.click()
    expect(page.locator("#sentiment_lstm_about")).to_contain_text("is missing")


@pytest.mark.parametrize("query", ["?__theme=light", "?__theme=dark"])
def test_no_tab_is_wider_than_a_phone(open_page, untrained_url, query):
    page = open_page(untrained_url, width=390, height=844, query=query)
    for stem in TITLES:
        ask(page, stem, "an unbroken " + "w" * 300)
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, stem


@pytest.mark.parametrize("stem", SENTIMENT)
def test_the_words_that_decided_are_tinted(open_page, untrained_url, stem):
    page = open_page(untrained_url)
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


def test_the_lstm_is_watched_while_it_reads(open_page, untrained_url):
    page = open_page(untrained_url)
    ask(page, "sentiment_lstm", "the film was good but bad")
    drawn = figure(page, "sentiment_lstm_trace")
    assert len(drawn["data"][0]["y"]) == 6
    assert drawn["layout"]["xaxis"]["ticktext"][-2:] == ["but", "bad"]


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
