"""Other names and numbers in a pair."""

from __future__ import annotations

import random
import re

import pytest

from train.copying import Copying, is_copied

PAIRS = [
    ("Tom met Anna in Boston.", "Tom a rencontré Anna à Boston."),
    ("Is Boston far from here?", "Boston est-il loin d'ici ?"),
    ("Six men saw the police.", "Six hommes ont vu la police."),
    ("I saw 18 of them.", "J'en ai vu 18."),
    ("Every six hours, something happens there.", "Toutes les six heures, il se passe quoi ?"),
]


def drawn(english: str, french: str, times: int = 300) -> set[tuple[str, str]]:
    copying = Copying(PAIRS)
    return {copying.varied(english, french, random.Random(i)) for i in range(times)}


def test_both_sides_get_the_same_new_name() -> None:
    found = drawn("I know Tom.", "Je connais Tom.")
    assert len(found) > 50
    for english, french in found:
        name = english.removeprefix("I know ").removesuffix(".")
        assert french == f"Je connais {name}."


def test_only_names_are_replaced() -> None:
    assert Copying(PAIRS).names == ["Anna", "Boston", "Tom"]  # "Six" is a word, too
    assert drawn("Six men went home.", "Six hommes rentrèrent.") == {
        ("Six men went home.", "Six hommes rentrèrent.")
    }


def test_a_name_that_french_declines_otherwise_stays() -> None:
    found = drawn("It is Tom's.", "C'est celui de Tom.")
    assert len(found) > 50
    assert not [french for _, french in found if re.search(r"de [aeiouyhAEIOUYH]", french)]
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


def test_what_differs_on_both_sides_stays() -> None:
    pair = ("It is 1500 miles.", "Cela fait 2400 kilomètres.")
    assert drawn(*pair) == {pair}


def test_addresses_occur() -> None:
    found = " ".join(english for english, _ in drawn("Ask Tom.", "Demande à Tom."))
    assert "www." in found
    assert "@" in found


def test_probes_hold_what_should_come_out_again() -> None:
    found = Copying(PAIRS).probes(PAIRS, 20, seed=1)
    assert list(found) == ["names", "invented names", "addresses", "numbers"]
    for kind, rows in found.items():
        assert len(rows) == 20
        assert all(new in english for english, new in rows)
        assert len({new for _, new in rows}) > (1 if kind == "names" else 9)
    assert all(english == f"I saw {new} of them." for english, new in found["numbers"])
    assert found == Copying(PAIRS).probes(PAIRS, 20, seed=1)


def test_what_is_a_part_of_a_word_is_not_copied() -> None:
    assert is_copied("John", "C'est John.")
    assert is_copied("@a_b", "Demande à @a_b !")
    assert not is_copied("John", "C'est Johnson.")
