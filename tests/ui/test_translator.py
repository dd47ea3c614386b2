"""The translator's tab: its panels, and what a session keeps."""

import pickle
import re
from dataclasses import replace

import gradio as gr
import numpy as np
import pytest

from dlnlp.models.char_seq2seq.predictor import CharSeq2SeqPredictor
from dlnlp.results import Translation
from dlnlp.ui.kit.cache import Cache
from dlnlp.ui.panels.alignment import SHOWN, attention, explanation
from dlnlp.ui.panels.candidates import candidates
from dlnlp.ui.panels.own_translation import comparison, verdict
from dlnlp.ui.panels.reading import reading
from dlnlp.ui.panels.translation import HINT, letters, translation

STEM = "char_seq2seq"
EVIL = "<img src=x onerror=alert(1)>"
SLOT = f"{STEM}_translation_panel"


def test_a_text_that_is_not_english_gets_a_note():
    result = replace(translated(), looks_english=False)
    assert "does not look like English" in translation(result, 1)
    assert "does not look like English" not in translation(translated(), 1)


def translated(text="ab", score=-0.3, source=("x",), truncated=False):
    size = (len(text), len(source))
    weights = np.full(size, 1 / max(1, len(source)))
    return Translation(text, score, source, tuple(text), np.full(size[0], -0.1), weights, truncated)


@pytest.fixture
def searches(monkeypatch):
    """The texts that beam search was asked to translate."""
    asked = []
    real = CharSeq2SeqPredictor._search

    def search(self, texts, beam_size):
        asked.extend(texts)
        return real(self, texts, beam_size)

    monkeypatch.setattr(CharSeq2SeqPredictor, "_search", search)
    return asked


def test_a_text_gets_a_translation_then_its_attention_then_the_explanation(page):
    page.ask(STEM, "a bee")
    assert "log-probability" in page[f"{STEM}_result"] and " nats" in page[f"{STEM}_result"]
    maps = page[f"{STEM}_attention"]
    assert maps.index("dl-heatmap") < maps.index("dl-caption")
    assert 'data-unit="characters"' in maps and 'data-unit="words"' in maps
    assert "dl-word" in page[f"{STEM}_reading"]


@pytest.mark.parametrize("text", ["", " \n", "\x00", None, 5])
def test_a_blank_text_gets_a_note_and_clears_the_results(page, text):
    page.ask(STEM, "a bee").ask(STEM, text)
    assert "Type one or more" in page.shown(SLOT)
    assert not any(page[f"{STEM}_{name}"] for name in ("result", "attention", "reading"))


def test_odd_texts_get_results_and_no_markup_of_their_own(page, bad_text):
    page[f"{STEM}_beam"] = 1
    page.ask(STEM, bad_text[:2000])
    for name in ("translation", "attention", "reading"):
        shown = page.shown(f"{STEM}_{name}_panel")
        assert "dl-fault" not in shown
        assert "<script" not in shown and "<img src=x" not in shown


def test_a_missing_checkpoint_is_one_sentence(page_without_checkpoints):
    page = page_without_checkpoints.ask(STEM, "hello")
    assert "run:<code>pip install" in page.shown(SLOT)
    assert not page[f"{STEM}_attention"]


def test_a_session_keeps_no_attention(page):
    page.ask(STEM, "I do not know what to say about this. " * 5)
    states = [v for block, v in page.values.items() if isinstance(block, gr.State)]
    assert len(pickle.dumps(states)) < 20_000


def test_panels_and_candidates_of_one_text_search_once(page, searches):
    text = "a text of this test only"
    page.ask(STEM, text)
    page.trigger(f"{STEM}_candidates", "expand")
    choose(page, 1)
    page.ask(STEM, text)
    assert searches == [text]


def listing(page):
    """The component that lists the candidates."""
    return next(b for b, v in page.values.items() if "dl-candidates" in str(v))


def choose(page, index):
    target = (listing(page)._id, "click")
    for function in [f for f in page.demo.fns.values() if target in f.targets]:
        page._run(function, {"index": index}, True)


def test_a_chosen_candidate_replaces_the_best(page):
    page.ask(STEM, "a bee").trigger(f"{STEM}_candidates", "expand")
    names = ("result", "attention", "reading")
    before = [page[f"{STEM}_{name}"] for name in names]
    choose(page, 1)
    after = [page[f"{STEM}_{name}"] for name in names]
    assert all(old != new for old, new in zip(before, after, strict=True))


@pytest.mark.parametrize("index", [99, -1, None, "0", True])
def test_a_forged_choice_becomes_a_sentence(page, index):
    page.ask(STEM, "a bee").trigger(f"{STEM}_candidates", "expand")
    before = page[f"{STEM}_result"]
    choose(page, index)
    assert "dl-fault" in page.shown(f"{STEM}_candidates_panel")
    assert page[f"{STEM}_result"] == before


def test_ones_own_translation_is_compared(page):
    page[f"{STEM}_text"] = "a bee"
    page.trigger(f"{STEM}_own", "expand")
    page[f"{STEM}_own_text"] = "une abeille"
    page.trigger(f"{STEM}_own_run")
    assert "nats" in page[f"{STEM}_own_result"]
    page[f"{STEM}_own_text"] = " "
    page.trigger(f"{STEM}_own_run")
    assert "Type your French translation" in page.shown(f"{STEM}_own_panel")
    assert not page[f"{STEM}_own_result"]


def test_the_end_of_what_was_translated_is_named():
    result = translated(source=tuple("The end."), truncated=True)
    shown = translation(result, 4000)
    assert "first 8 of 4,000 characters" in shown and "The end." in shown
    assert "too long" not in translation(replace(result, truncated=False), 8)


def test_line_breaks_stay_in_both_texts():
    result = translated("a\n\nb", source=tuple("x\n\ny"))
    assert re.sub("<[^>]*>", "", letters(result)).removesuffix(HINT) == "a\n\nb"
    assert "</button>\n\n<button" in reading(result)


def test_unsure_characters_are_tinted_and_escaped():
    probabilities = np.log(np.array([1.0, 0.2]))
    shown = letters(Translation("<b", -1.6, ("x",), ("<", "b"), probabilities, np.ones((2, 1))))
    assert ">&lt;<span" in shown
    assert 'data-detail="“b”, 20.0%"' in shown and " 60%, transparent" in shown


def test_a_part_of_a_long_text_is_shown_and_said():
    long = translated("a" * (SHOWN + 1), source=("x",))
    assert f"Only the first {SHOWN} characters" in attention(long)
    assert "Only the first" not in attention(translated("a" * SHOWN))
    assert "2 parts" in explanation(replace(long, parts=2), 1, 1, "characters")


def test_the_more_likely_translation_is_named():
    good, bad = translated("ab"), translated("ba", -5.3)
    assert "same way" in verdict(good, good)
    assert "model’s translation is more likely, by 5.0 nats" in verdict(bad, good)
    assert "Yours is more likely: beam search" in verdict(good, bad)
    assert "because it is shorter" in verdict(translated("a"), translated("b" * 9, -0.35))


@pytest.mark.parametrize(
    "shown",
    [
        translation(translated(EVIL, truncated=True, source=tuple(EVIL)), 9),
        attention(translated(EVIL, source=tuple(EVIL))),
        reading(translated(EVIL, source=tuple(EVIL))),
        candidates([translated(EVIL)], 0),
        comparison(translated(EVIL), translated("a")),
    ],
)
def test_user_text_is_never_markup(shown):
    assert "<img src=x" not in shown


# The cache


def test_the_cache_drops_what_was_used_longest_ago():
    computed = []

    def get(key):
        return cache.get(key, lambda: computed.append(key) or key)

    cache = Cache(2, len)
    for key in "abacb":
        assert get(key) == key
    assert computed == list("abcb")  # "b" was dropped for "c", "a" had been used since


def test_a_result_larger_than_the_cache_is_returned_but_not_kept():
    cache = Cache(3, len)
    cache.get("other", lambda: "old")
    assert cache.get("k", lambda: "long") == "long"
    assert cache.get("k", lambda: "new") == "new"


def test_a_result_larger_than_the_cache_leaves_the_others():
    cache = Cache(3, len)
    cache.get("other", lambda: "old")
    cache.get("k", lambda: "long")
    assert cache.get("other", lambda: "new") == "old"
