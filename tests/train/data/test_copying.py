"""Other names and numbers in a pair."""

from __future__ import annotations

import random
import re
from functools import partial

import pytest

from train.data.copying import Copying
from train.evaluation.copying import is_copied, probes

PAIRS = [
    ("Tom met Anna in Boston.", "Tom a rencontré Anna à Boston."),
    ("Is Boston far from here?", "Boston est-il loin d'ici ?"),
    ("Six men saw the police.", "Des hommes ont vu la police."),
    ("I saw 18 of them.", "J'en ai vu 18."),
    ("Every six hours, something happens there.", "Toutes les six heures, il se passe quoi ?"),
]


def drawn(english: str, french: str, times: int = 300, draw=Copying.varied) -> set[tuple[str, str]]:
    copying = Copying(PAIRS)
    return {draw(copying, english, french, random.Random(i)) for i in range(times)}


framed = partial(drawn, times=400, draw=Copying.framed)


def test_both_sides_get_the_same_new_name() -> None:
    found = drawn("I know Tom.", "Je connais Tom.")
    assert len(found) > 50
    for english, french in found:
        name = english.removeprefix("I know ").removesuffix(".")
        assert french == f"Je connais {name}."


def test_only_names_are_replaced() -> None:
    assert Copying(PAIRS).names == ["Anna", "Boston", "Tom"]  # "Six" is a word, too
    pair = ("Six men went home.", "Six-cents hommes rentrèrent.")
    assert drawn(*pair) == {pair}


def test_de_and_que_are_shortened_before_a_vowel_alone() -> None:
    for old, before in (("Tom", "que Tom est l'ami de Tom"), ("Anna", "qu'Anna est l'ami d'Anna")):
        found = drawn(f"He says {old} is {old}'s friend.", f"Il dit {before}.")
        assert len(found) > 50
        for english, french in found:
            name = english.removeprefix("He says ").split(" is ")[0]
            if name[0].lower() not in "hy":
                short = name[0].lower() in "aeiou"
                que, de = ("qu'", "d'") if short else ("que ", "de ")
                assert french == f"Il dit {que}{name} est l'ami {de}{name}."


def test_a_name_behind_an_article_stays() -> None:
    pair = ("He left Boston.", "Il a quitté le Boston.")
    assert drawn(*pair) == {pair}


def test_numbers_keep_their_digits() -> None:
    found = drawn("It costs 350 euros.", "Cela coûte 350 euros.")
    assert len(found) > 100
    for english, french in found:
        [one], [other] = re.findall(r"\d+", english), re.findall(r"\d+", french)
        assert one == other
        assert len(one) == 3


@pytest.mark.parametrize(
    "pair", [("October 20th", "le 20 octobre"), ("At 2:30.", "À 2h30."), ("The 1960s", "En 1960")]
)
def test_a_number_is_replaced_on_both_sides_or_on_neither(pair: tuple[str, str]) -> None:
    found = drawn(*pair)
    assert len(found) > 50
    for english, french in found:
        assert re.findall(r"\d+", english) == re.findall(r"\d+", french)


def test_a_number_word_becomes_the_same_digits_on_both_sides() -> None:
    found = drawn("Nine men sang.", "Neuf hommes chantèrent.")
    assert len(found) > 100
    for english, french in found:
        assert english.removesuffix(" men sang.") == french.removesuffix(" hommes chantèrent.")


@pytest.mark.parametrize(
    "pair",
    [
        ("I have two dogs and three cats.", "J'ai deux chiens et trois chats."),
        ("I am twenty-one.", "J'ai vingt et un ans."),
        ("He has two hundred of them.", "Il en a deux cents."),
        ("Take six.", "Prends-en sept."),
        ("Ask fifty questions.", "Pose-en beaucoup."),
    ],
)
def test_other_number_words_stay(pair: tuple[str, str]) -> None:
    assert drawn(*pair) == {pair}


def test_a_statement_bears_something_to_copy_on_both_sides() -> None:
    found = framed("Something happens.", "Il se passe quoi.")
    assert len(found) > 300
    for english, french in found:
        assert "omething happens" in english
        assert "l se passe quoi" in french
        assert re.findall(r"\d+", english) == re.findall(r"\d+", french) or "," in english
    assert {e for e, _ in found if e.startswith("In 19")}


def test_months_and_thousands_are_written_as_french_writes_them() -> None:
    found = framed("Something happens.", "Il se passe quoi.", times=1000)
    assert [f for _, f in found if re.search(r"le \d+ (août|mai) \d{4}\.", f)]
    large = [(e, f) for e, f in found if e.endswith("000 dollars.") or " euros." in e]
    assert large
    for english, french in large:
        assert re.findall(r"\d+", english) == re.findall(r"\d+", french)
        assert "," not in french


def test_a_word_within_the_sentence_is_small_and_a_name_is_not() -> None:
    within = [(e, f) for e, f in framed("Something happens.", "Il se passe quoi.") if "In " in e]
    assert within
    assert all("something" in e and ", il se" in f for e, f in within)
    named = [(e, f) for e, f in framed("Tom ran.", "Tom courut.") if "In " in e]
    assert named
    assert all(", Tom ran." in e and ", Tom courut." in f for e, f in named)


@pytest.mark.parametrize(
    "pair", [("Is it far?", "Est-ce loin ?"), ("At 6 he left.", "À 6 heures, il partit.")]
)
def test_questions_and_sentences_with_digits_are_not_framed(pair: tuple[str, str]) -> None:
    assert framed(*pair) == {pair}


def test_what_differs_on_both_sides_stays() -> None:
    pair = ("It is 1500 miles.", "Cela fait 2400 kilomètres.")
    assert drawn(*pair) == {pair}


def test_addresses_occur() -> None:
    found = " ".join(english for english, _ in drawn("Ask Tom.", "Demande à Tom."))
    assert "www." in found
    assert "@" in found


def test_probes_hold_what_should_come_out_again() -> None:
    found = probes(Copying(PAIRS), PAIRS, 20, seed=1)
    assert list(found) == ["names", "invented names", "addresses", "numbers"]
    for kind, rows in found.items():
        assert len(rows) == 20
        assert all(new in english for english, new in rows)
        assert len({new for _, new in rows}) > (1 if kind == "names" else 9)
    numbered = {english.replace(new, "#") for english, new in found["numbers"]}
    assert numbered == {"I saw # of them.", "Every # hours, something happens there."}
    assert found == probes(Copying(PAIRS), PAIRS, 20, seed=1)


def test_what_is_a_part_of_a_word_is_not_copied() -> None:
    assert is_copied("John", "C'est John.")
    assert is_copied("@a_b", "Demande à @a_b !")
    assert not is_copied("John", "C'est Johnson.")
