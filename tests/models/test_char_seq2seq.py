from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch

from dlnlp.inference.attention import word_attention
from dlnlp.inference.batching import pad_rows
from dlnlp.inference.beam_search import Hypothesis, normalised
from dlnlp.inference.deadline import DeadlineExceeded, deadline
from dlnlp.models.char_seq2seq.length_penalty import LengthPenalty
from dlnlp.models.char_seq2seq.model import EOS_ID, SOS_ID, greedy
from dlnlp.models.char_seq2seq.predictor import CharSeq2SeqPredictor, load, save, tiny
from dlnlp.models.char_seq2seq.source import Sentence, max_length
from dlnlp.results import BlockMatrix
from dlnlp.text.checks import MAX_TRANSLATED
from dlnlp.text.language import LanguageCheck

PREDICTOR = tiny()
TEXTS = ["Hello", "Good morning, Tom!", "", "I see a dog.", "I see. Do you? hm", "a dog. a cat"]


def test_padding_changes_nothing() -> None:
    model, vocabulary = PREDICTOR.model, PREDICTOR.source_vocabulary
    rows = [vocabulary.encode("hello"), vocabulary.encode("good morning")]
    target = torch.tensor([[SOS_ID, 10, 11]])
    with torch.inference_mode():
        padded, attention = model(*pad_rows(rows), target.expand(2, -1))
        alone, _ = model(*pad_rows(rows[:1]), target)
    torch.testing.assert_close(padded[:1], alone)
    assert attention.shape == (2, 3, 12)
    assert attention[0, :, 5:].abs().max() == 0
    torch.testing.assert_close(attention.sum(-1), torch.ones(2, 3))


def test_greedy_stream_and_beam_of_one_agree() -> None:
    greedy = [t.text for t in PREDICTOR.translate(TEXTS, beam_size=1)]
    assert greedy == ["".join(PREDICTOR.stream(text)) for text in TEXTS]


@pytest.mark.parametrize("beam_size", [1, 5])
def test_forcing_a_translation_gives_its_own_score(beam_size: int) -> None:
    for found in PREDICTOR.translate(TEXTS[:4], beam_size):
        if not found.source:
            assert found.text == ""
            continue
        forced = PREDICTOR.force("".join(found.source), found.text)
        if len(found.target) < max_length(Sentence("".join(found.source), "")):
            assert forced.score == pytest.approx(found.score, abs=1e-3)
        np.testing.assert_allclose(forced.log_probs, found.log_probs, atol=1e-4)
        np.testing.assert_allclose(forced.attention, found.attention, atol=1e-4)


def test_every_sentence_is_translated_for_itself() -> None:
    one, other = PREDICTOR.translate(["I see a dog.", "Do you?"])
    both = PREDICTOR.translate(["I see a dog. Do you?"])[0]
    assert both.text == f"{one.text} {other.text}"
    assert both.score == pytest.approx(one.score + other.score, abs=1e-4)
    rows, columns = one.attention.shape
    np.testing.assert_allclose(both.attention[:rows, :columns], one.attention, atol=1e-5)
    np.testing.assert_allclose(
        both.attention[rows + 1 :, columns + 1 :], other.attention, atol=1e-5
    )
    assert both.attention[rows, columns] == 1  # the space between them
    assert both.log_probs[rows] == 0
    assert (one.parts, both.parts) == (1, 2)
    assert not both.attention[:rows, columns:].any()


def test_candidates_of_two_sentences_are_the_best_pairs() -> None:
    one, other = (PREDICTOR.candidates(text) for text in ("I see.", "Do you?"))
    pairs = [
        (normalised(a.score, len(a.target)) + normalised(b.score, len(b.target)), a, b)
        for a in one
        for b in other
    ]
    pairs.sort(key=lambda pair: -pair[0])
    expected = [f"{a.text} {b.text}" for _, a, b in pairs[:5]]
    assert [c.text for c in PREDICTOR.candidates("I see. Do you?")] == expected


def test_a_sentence_without_its_stop_is_read_with_one() -> None:
    with torch.inference_mode():
        open_, stopped = (
            PREDICTOR._memory([Sentence(text, text)]).states for text in ("hello", "Hello.")
        )
    torch.testing.assert_close(open_, stopped)
    for found in PREDICTOR.candidates("hello", n=20):
        assert not found.text.endswith((".", "!", "?", " "))
        assert "".join(found.source) == "hello"


def test_a_stop_is_left_out_whichever_the_model_writes() -> None:
    tokens = PREDICTOR.target_vocabulary.encode("oui !")
    attention = torch.full((5, 6), 1 / 6)
    hypothesis = Hypothesis(tuple(tokens), -1.0, -0.5, torch.zeros(5), attention)
    found = PREDICTOR._translation(Sentence("hello", "hello"), hypothesis)
    assert found.text == "oui"
    np.testing.assert_allclose(found.attention[0], [1 / 6] * 4 + [2 / 6])
    assert PREDICTOR._translation(Sentence("hello!", "hello!"), hypothesis).text == "oui !"


def test_a_forced_target_may_lack_its_stop_as_its_source_does() -> None:
    bare = PREDICTOR.force("hello", "oui")
    stops = ("", *(f"{blank}{stop}" for stop in ".!?" for blank in ("", " ")))
    scores = [PREDICTOR.force("hello.", f"oui{stop}").score for stop in stops]
    rates = [normalised(score, 3 + len(stop)) for score, stop in zip(scores, stops, strict=True)]
    assert bare.score == pytest.approx(scores[int(np.argmax(rates))], abs=1e-4)
    assert bare.log_probs.shape == (3,)


def test_a_forced_target_is_read_sentence_by_sentence() -> None:
    one, other = PREDICTOR.force("I see a dog.", "Oui."), PREDICTOR.force("Do you?", "Non ?")
    both = PREDICTOR.force("I see a dog. Do you?", "Oui. Non ?")
    assert both.score == pytest.approx(one.score + other.score, abs=1e-4)
    assert both.text == "Oui. Non ?"
    whole = PREDICTOR.force("I see a dog. Do you?", "Oui, non ?")
    assert "".join(whole.source) == "I see a dog. Do you?"


def test_nothing_is_never_a_translation() -> None:
    ids = PREDICTOR.target_vocabulary
    for favourite in (".", "a"):
        model = copy.deepcopy(PREDICTOR.model)
        with torch.no_grad():
            model.decoder.output.bias[EOS_ID] = 100.0
            model.decoder.output.bias[ids.encode([favourite])] = 90.0
        silent = CharSeq2SeqPredictor(model, PREDICTOR.source_vocabulary, ids)
        for text in ("no", "No."):
            assert all(found.text for found in silent.candidates(text))
            greedy = silent.translate([text], beam_size=1)[0].text
            assert greedy.lower() == favourite
            assert "".join(silent.stream(text)) == greedy


def test_capitals_are_the_whole_texts() -> None:
    mixed = PREDICTOR.translate(["OK. I see."])[0]
    alone = PREDICTOR.translate(["I see."])[0]
    assert mixed.text.endswith(" " + alone.text)
    assert Sentence("OK.", "OK. I see.").canonical == "OK."
    assert Sentence("I", "OK. I").casing.capitals
    assert Sentence("I SEE.", "Oh. I SEE.").canonical == "I see."


def test_a_long_text_is_read_up_to_a_sentence_end() -> None:
    text = "I see a dog. " * 400
    [found] = PREDICTOR.translate([text], beam_size=1)
    assert found.truncated
    assert MAX_TRANSLATED - 20 < len(found.source) <= MAX_TRANSLATED
    assert "".join(found.source).endswith("dog.")
    assert not PREDICTOR.translate([text[:MAX_TRANSLATED]], beam_size=1)[0].truncated


def test_line_breaks_are_kept() -> None:
    one, other = PREDICTOR.translate(["I see a dog.", "Do you?"])
    [found] = PREDICTOR.translate(["\nI see a dog.\r\n\n\n\n  Do you? \n"])
    assert "".join(found.source) == "I see a dog.\n\nDo you?"
    assert found.text == f"{one.text}\n\n{other.text}"
    rows, columns = one.attention.shape
    attention = np.asarray(found.attention)
    np.testing.assert_array_equal(
        attention[rows : rows + 2, columns : columns + 2], np.eye(2, dtype=np.float32)
    )
    np.testing.assert_allclose(attention[rows + 2 :, columns + 2 :], other.attention, atol=1e-5)
    greedy = PREDICTOR.translate(["Hello\nGood morning"], beam_size=1)[0].text
    assert "".join(PREDICTOR.stream("Hello\nGood morning")) == greedy
    by_words = word_attention(found)
    np.testing.assert_allclose(by_words.weights.sum(axis=1), 1, atol=1e-3)
    assert by_words.source == ("I", "see", "a", "dog", ".", "Do", "you", "?")


def test_a_forced_target_may_have_other_line_breaks() -> None:
    one, other = PREDICTOR.force("I see a dog.", "Oui."), PREDICTOR.force("Do you?", "Non ?")
    found = PREDICTOR.force("I see a dog. Do you?", "Oui.\n\nNon ?")
    assert found.text == "Oui.\n\nNon ?"
    assert found.score == pytest.approx(one.score + other.score, abs=1e-4)
    assert found.attention[4, 12] == found.attention[5, 12] == 1


def test_a_target_with_other_sentences_is_forced_line_by_line() -> None:
    one, other = PREDICTOR.force("I see. A dog.", "Oui."), PREDICTOR.force("Do you?", "Non ?")
    found = PREDICTOR.force("I see. A dog.\nDo you?", "Oui.\nNon ?")
    assert found.score == pytest.approx(one.score + other.score, abs=1e-4)
    assert found.parts == 2


def test_the_attention_of_a_long_text_takes_little_memory() -> None:
    [found] = PREDICTOR.translate(["I see a dog. " * 200], beam_size=1)
    assert isinstance(found.attention, BlockMatrix)
    stored = sum(values.nbytes for _, _, values in found.attention.blocks)
    assert stored < 4 * len(found.source) * len(found.target) / 50


def test_the_greedy_loop_is_what_stream_and_a_beam_of_one_return() -> None:
    for text in ["Hello!", "Good morning, Tom!", "I see a dog.", "Do you?", "A cat is here."]:
        ids = PREDICTOR.source_vocabulary.encode(text)
        written = list(greedy(PREDICTOR.model, ids, 2 * len(text) + 20))
        expected = "".join(PREDICTOR.target_vocabulary.decode(written))
        assert "".join(PREDICTOR.stream(text)) == expected
        assert PREDICTOR.translate([text], beam_size=1)[0].text == expected


def with_penalty(penalty: LengthPenalty, end_bias: float = 0.0) -> CharSeq2SeqPredictor:
    model = copy.deepcopy(PREDICTOR.model)
    with torch.no_grad():
        model.decoder.output.bias[EOS_ID] += end_bias
    return CharSeq2SeqPredictor(
        model, PREDICTOR.source_vocabulary, PREDICTOR.target_vocabulary, penalty
    )


def test_candidates_are_ranked_by_the_length_penalty_of_their_source() -> None:
    short, long = "Hello.", "Good morning, Tom!"
    predictor = with_penalty(LengthPenalty(((10, 0.0),), otherwise=8.0), end_bias=0.2)
    for text, alpha in ((short, 0.0), (long, 8.0)):
        found = predictor.candidates(text, n=5)
        rates = [normalised(each.score, len(each.target), alpha) for each in found]
        assert rates == sorted(rates, reverse=True)
    shortest, longest = predictor.candidates(short)[0], predictor.candidates(long)[0]
    assert len(shortest.target) == min(len(each.target) for each in predictor.candidates(short))
    assert len(longest.target) == max(len(each.target) for each in predictor.candidates(long))
    assert len(shortest.target) < len(longest.target)


def test_the_length_penalty_is_saved_with_the_model(tmp_path: Path) -> None:
    penalty = LengthPenalty(((8, 0.2), (15, 0.9)), otherwise=1.1)
    save(tmp_path / "char_seq2seq", with_penalty(penalty), {})
    assert load(tmp_path / "char_seq2seq", "cpu").length_penalty == penalty
    assert [penalty.alpha(n) for n in (1, 8, 9, 15, 16)] == [0.2, 0.2, 0.9, 0.9, 1.1]


def test_texts_that_are_not_english_are_flagged_also_after_loading(tmp_path: Path) -> None:
    predictor = tiny()
    predictor.language = LanguageCheck.build(["the cat sat", "the dog"] * 3, ["le chat", "un"] * 3)
    save(tmp_path / "char_seq2seq", predictor, {})
    loaded = load(tmp_path / "char_seq2seq", "cpu")
    english, french = loaded.translate(["the cat", "le chat un le chat"], 1)
    assert english.looks_english and not french.looks_english
    assert not loaded.force("le chat un le chat", "a").looks_english
    assert tiny().translate(["le chat un le chat"], 1)[0].looks_english


def test_a_checkpoint_without_a_length_penalty_has_alpha_1() -> None:
    assert LengthPenalty.from_json({}).alpha(5) == 1.0
    with pytest.raises(ValueError, match="ascend"):
        LengthPenalty.from_json({"15": 1.0, "8": 0.5})


@pytest.mark.parametrize("verb", ["translate", "candidates", "stream", "force"])
def test_a_deadline_stops_every_verb(verb: str) -> None:
    calls = {
        "translate": lambda: PREDICTOR.translate(TEXTS),
        "candidates": lambda: PREDICTOR.candidates("hello"),
        "stream": lambda: list(PREDICTOR.stream("hello")),
        "force": lambda: PREDICTOR.force("hello", "salut"),
    }
    with deadline(0), pytest.raises(DeadlineExceeded):
        calls[verb]()


def test_batching_does_not_change_translations() -> None:
    together = [t.text for t in PREDICTOR.translate(TEXTS)]
    assert together == [PREDICTOR.translate([text])[0].text for text in TEXTS]


def test_candidates_come_best_first_and_differ() -> None:
    found = PREDICTOR.candidates("hello", n=4)
    rates = [normalised(c.score, len(c.target)) for c in found]
    assert rates == sorted(rates, reverse=True)
    assert len({c.text for c in found}) == 4


@pytest.mark.parametrize("beam", [0, 21, True, 2.5])
def test_an_impossible_beam_is_refused(beam: int) -> None:
    with pytest.raises(ValueError, match="beam"):
        PREDICTOR.translate(["hello"], beam_size=beam)


def test_ids_match_the_vocabulary() -> None:
    assert PREDICTOR.target_vocabulary.encode(["<sos>", "<eos>"]) == [SOS_ID, EOS_ID]


def test_casing_does_not_change_the_translation() -> None:
    usual, small, capitals = (
        PREDICTOR.translate([text])[0] for text in ("Hello there!", "hello there!", "HELLO THERE!")
    )
    assert small.text[:1] == usual.text[:1].lower() and small.text[1:] == usual.text[1:]
    assert capitals.text == usual.text.upper()
    assert "".join(capitals.source) == "HELLO THERE!"
    assert small.score == capitals.score == usual.score
    np.testing.assert_array_equal(small.attention, usual.attention)
    greedy = PREDICTOR.translate(["HELLO THERE!"], beam_size=1)[0].text
    assert "".join(PREDICTOR.stream("HELLO THERE!")) == greedy


def test_a_forced_target_in_the_sources_casing_is_read_as_usual() -> None:
    usual = PREDICTOR.force("Hello", "Salut")
    assert PREDICTOR.force("hello", "salut").score == pytest.approx(usual.score, abs=1e-5)
    assert PREDICTOR.force("HELLO", "SALUT").score == pytest.approx(usual.score, abs=1e-5)
    assert PREDICTOR.force("HELLO", "SALUT").text == "SALUT"
