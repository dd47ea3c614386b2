"""The Start tab: one sentence and the answers of all models."""

from dlnlp.catalog import CATALOG
from dlnlp.ui.panels.summary import MOST_CHARACTERS
from dlnlp.ui.tabs.start import EXAMPLES

STEMS = [entry.stem for entry in CATALOG]


def cards(page):
    return {stem: page[f"{stem}_summary"] for stem in STEMS}


def load(page):
    """Open the page, as a browser does."""
    for function in page.demo.fns.values():
        if any(event == "load" for _, event in function.targets):
            for values in page.steps(function):
                page.update(values)
    return page


def test_every_model_answers_in_its_own_queue(page):
    page.ask("start", "I loved the film")
    assert all(cards(page).values())
    functions = page.listeners("start_run")
    assert {function.concurrency_id for function in functions} == set(STEMS)


def test_a_card_has_an_answer_for_each_capability_that_it_summarises(page):
    found = cards(page.ask("start", "I loved the film"))
    for stem in ("sentiment_lstm", "sentiment_bert"):
        assert "dl-verdict" in found[stem]
        assert found[stem].count("title=") >= 4  # words with their contribution
    assert "data-detail=" in found["char_seq2seq"]
    assert found["token_transformer"].count("<li>") == 5
    assert " bits" in found["token_transformer"]


def test_the_page_opens_with_the_answers_to_the_first_example(page):
    opened = cards(load(page))
    assert page["start_text"] == EXAMPLES[0]
    assert all(opened.values())
    assert cards(page.ask("start", EXAMPLES[0])) == opened


def test_a_blank_sentence_clears_the_cards(page):
    page.ask("start", "good").ask("start", "  ")
    assert set(cards(page).values()) == {""}


def test_any_text_is_answered_or_explained(page, bad_text):
    page.ask("start", bad_text)
    for stem, shown in cards(page).items():
        assert shown or page.shown(f"{stem}_summary_panel"), stem
        assert "<script>" not in (shown or "") and "<img" not in (shown or "")


def test_cards_translate_and_tint_only_the_beginning_of_a_long_text(page):
    remark = f"Only the first {MOST_CHARACTERS} characters"
    found = cards(page.ask("start", "I loved the film. " * 40))
    for stem in ("char_seq2seq", "token_transformer"):
        assert remark in found[stem]
    found = cards(page.ask("start", "I loved the film. " * 20))
    assert not any(remark in card for card in found.values())


def test_a_card_says_that_its_checkpoint_is_missing(page_without_checkpoints):
    page_without_checkpoints.ask("start", "good")
    for stem in STEMS:
        assert "is missing" in page_without_checkpoints.shown(f"{stem}_summary_panel")
