from __future__ import annotations

import pytest

from dlnlp.text.casing import Casing
from dlnlp.text.checks import check_text, check_texts
from dlnlp.text.sentences import sentences
from dlnlp.text.vocabulary import Vocabulary
from dlnlp.text.words import basic_english, clean, natural, without, words


@pytest.mark.parametrize(
    ("treebank", "written"),
    [
        (
            "it 's not what you 'd call fun , i 'm afraid",
            "it's not what you'd call fun , i'm afraid",
        ),
        ("do n't , ca n't , wo n't", "don't , can't , won't"),
        ("-lrb- sic -rrb-", "( sic )"),
        ("`` great ''", '" great "'),
        ("one<br /><br />two", "one two"),
        ("it’s “fine”", 'it\'s "fine"'),
    ],
)
def test_natural_undoes_the_treebank(treebank: str, written: str) -> None:
    assert natural(treebank) == written
    assert natural(written) == written


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Great Movie!!!", "great movie ! ! !"),
        ("I don't like it.", "i do n't like it ."),
        ("It's not (that) bad", "it 's not -lrb- that -rrb- bad"),
        ("You can't, won't", "you ca n't , wo n't"),
    ],
)
def test_both_spellings_give_the_same_words(one: str, other: str) -> None:
    assert basic_english(one) == basic_english(other)


def test_clean_removes_what_no_model_can_read() -> None:
    assert clean(" a\x00b\n\tc\ud800 ") == "a b c"
    assert clean("e\u0301") == "é"


def test_a_bare_string_is_refused() -> None:
    with pytest.raises(TypeError, match="put it in a list"):
        check_texts("hello")
    with pytest.raises(TypeError, match="item 1 of texts"):
        check_texts(["hello", 3])  # type: ignore[list-item]


def test_unknown_is_not_padding() -> None:
    vocabulary = Vocabulary.build([["a", "b", "a"]], specials=("<sos>",))
    assert vocabulary.tokens == ("<pad>", "<unk>", "<sos>", "a", "b")
    assert vocabulary.encode(["b", "never seen"]) == [4, 1]
    assert Vocabulary.loads(vocabulary.dumps()).tokens == vocabulary.tokens


@pytest.mark.parametrize(
    ("chosen", "left"),
    [
        ([], ["I", "don't", "hate", "it", "-", "not", "at", "all", "!"]),
        ([1, 2], ["I", "it", "-", "not", "at", "all", "!"]),
        ([2, 0], ["don't", "it", "-", "not", "at", "all", "!"]),
        ([4], ["I", "don't", "hate", "it", "not", "at", "all", "!"]),
        (range(9), []),
    ],
)
def test_words_that_are_left_out_leave_the_others_whole(chosen: list[int], left: list[str]) -> None:
    text = "I don't hate it-not at all!"
    assert [word for word, _ in words(without(text, chosen))] == left


def test_leaving_out_nothing_changes_nothing() -> None:
    assert without("  a\tfilm \n", []) == "  a\tfilm \n"
    assert without("", []) == ""


@pytest.mark.parametrize(
    ("typed", "canonical", "french", "restored"),
    [
        ("Hello!", "Hello!", "Salut !", "Salut !"),
        ("hello!", "Hello!", "Salut !", "salut !"),
        ("HELLO!", "Hello!", "Salut !", "SALUT !"),
        ("i think i know it", "I think I know it", "Je crois", "je crois"),
        ("I LOVE PARIS", "I love paris", "J'aime Paris", "J'AIME PARIS"),
        ("I", "I", "Je", "Je"),
        ("A3", "A3", "A3", "A3"),
        ("123", "123", "123", "123"),
        ("", "", "", ""),
        ("'tis late", "'Tis late", "Il est tard", "il est tard"),
        ("STRASSE", "Strasse", "Straße", "STRAßE"),
        ("@anna_b is here", "@anna_b is here", "@anna_b est là", "@anna_b est là"),
        (
            "10 people came",
            "10 people came",
            "10 personnes sont venues",
            "10 personnes sont venues",
        ),
        ("www.a.com is down", "Www.a.com is down", "Www.a.com est hs", "www.a.com est hs"),
        ("3PM IS LATE", "3pm is late", "3 h, c'est tard", "3 H, C'EST TARD"),
        ('"hi," she said', '"Hi," she said', "« Salut »", "« salut »"),
    ],
)
def test_casing_goes_and_comes_back(typed: str, canonical: str, french: str, restored: str) -> None:
    casing = Casing(typed)
    assert casing.canonical(typed) == canonical
    assert casing.restored(french) == restored
    assert len(casing.canonical(typed)) == len(typed)
    assert casing.restored(casing.written(restored)) == restored


@pytest.mark.parametrize(
    "parts",
    [
        ["I see. ", "Do you? ", "Yes!"],
        ['He said "No." ', "She left... ", "(He stayed.) ", "12 came."],
        ["Mr. Smith met Dr. No at 5 p.m. Monday."],
        ["J. K. Rowling wrote it. ", "The U.S. Army read it."],
        ["12. I love you."],
        ["No. ", "It is No. 5 here. ", "Yes."],
        ["Wait... what? ", "Really?! ", "«Oui.»"],
        ["Is it 2.5 or www.example.com? ", "Ask."],
        ["i see. ", "do you?"],
        ["Yahoo! is a firm."],
        ["I was born in 1990. ", "He is 20. ", "So do I. ", "You too."],
        ["no stop"],
        [""],
    ],
)
def test_sentences_end_at_their_stops(parts: list[str]) -> None:
    assert sentences("".join(parts), 150) == [part.rstrip() for part in parts]


def test_a_long_sentence_comes_in_parts() -> None:
    text = "one two three, four five six seven, eight nine ten"
    assert sentences(text, 25) == ["one two three,", "four five six seven,", "eight nine ten"]
    assert sentences("one two three four", 9) == ["one two", "three", "four"]
    assert sentences("x" * 40, 9) == ["x" * 40]
    assert " ".join(sentences(text, 7)) == text
    assert sentences("! ! ! ! !", 3) == ["! !", "! !", "!"]
    assert sentences("x" * 20 + " one two", 9) == ["x" * 20, "one two"]


def test_a_missing_text_is_named_without_the_words_of_python():
    with pytest.raises(TypeError, match="No model was given; it must be a string"):
        check_text(None, "model")
