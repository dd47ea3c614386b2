"""How a text is read in sentences."""

from __future__ import annotations

import time

import pytest

from dlnlp.models.char_seq2seq.source import Sentence, normalise, read
from dlnlp.text.checks import MAX_TRANSLATED
from dlnlp.text.sentences import cut, split


@pytest.mark.parametrize(
    ("text", "limit", "kept"),
    [
        ("I see. Do you? Yes.", 19, "I see. Do you? Yes."),
        ("I see. Do you? Yes.", 18, "I see. Do you?"),
        ("I see. Do you? Yes.", 14, "I see. Do you?"),
        ("I see. Do you? Yes.", 13, "I see."),
        ("I see.\n\nDo you? Yes.", 17, "I see.\n\nDo you?"),
        ("I see.\n\nDo you? Yes.", 8, "I see."),
        ("I saw Mr. Smith today.", 16, "I saw Mr. Smith"),  # no sentence ends: after a word
        ("I saw Mr. Smith today.", 12, "I saw Mr."),
        ("x" * 40, 7, "x" * 7),  # not even a word ends
    ],
)
def test_a_long_text_is_cut_after_a_sentence_or_else_a_word(
    text: str, limit: int, kept: str
) -> None:
    assert cut(text, limit) == kept


@pytest.mark.parametrize("limit", range(1, 30))
def test_a_text_in_lower_case_is_cut_anywhere(limit: int) -> None:
    assert 0 < len(cut("one two. " * 200, limit)) <= limit


@pytest.mark.parametrize(
    "text",
    [
        "Hello",
        "I see a dog. Do you? Yes!\nOh.\n\nWell, it is one.",
        "one two three four five six seven eight",
        "x" * 45 + " and " + "y" * 12,
        "",
    ],
)
def test_parts_and_separators_are_the_text(text: str) -> None:
    found = split(text, 10)
    assert "".join(part + separator for part, separator in found) == text
    assert all(0 < len(part) <= 10 for part, _ in found)


def test_lines_are_cleaned_and_empty_ones_reduced_to_one() -> None:
    assert normalise("\n a\x00b \r\n\n\n c \u2028d\n") == "a b\n\nc\nd"


def test_huge_texts_are_read_quickly() -> None:
    begin = time.process_time()
    for text in ("x" * 100_000, "I see. " * 15_000, "a\n" * 50_000, "." * 100_000):
        sentences, truncated = read(text)
        assert truncated
        assert sum(len(each.text + each.separator) for each in sentences) <= MAX_TRANSLATED
    assert time.process_time() - begin < 5


def test_streaming_restores_what_restoring_the_whole_does() -> None:
    for typed in ("hello", "Hello", "HELLO THERE", "hello!"):
        sentence = Sentence(typed, typed)
        for written in ("Salut.", "Salut !", "« Ça va ? »", ".", "Oui. Non ?"):
            assert "".join(sentence.streamed(written)) == sentence.restored(written)
