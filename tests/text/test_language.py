from __future__ import annotations

import unicodedata

import pytest

from dlnlp.text.language import LanguageCheck, Trigrams

ENGLISH = [
    "The weather is nice today and we are going to the beach.",
    "She told me that her brother works in the city with their father.",
    "What do you think about this? I don't know what to say.",
    "There is nothing that I would rather do than read another book.",
    "They were waiting for the train when it started raining.",
]
FRENCH = [
    "Il fait beau aujourd'hui et nous allons à la plage.",
    "Elle m'a dit que son frère travaille en ville avec leur père.",
    "Que pensez-vous de cela ? Je ne sais pas quoi dire.",
    "Il n'y a rien que je préfère à la lecture d'un autre livre.",
    "Ils attendaient le train quand il a commencé à pleuvoir.",
]


@pytest.fixture(scope="module")
def check() -> LanguageCheck:
    return LanguageCheck(Trigrams.build(ENGLISH, 1), Trigrams.build(FRENCH, 1))


@pytest.mark.parametrize(
    "text",
    [
        "I think that the weather is nice.",
        "She is with Krzysztof Szczepanski.",
        "What is this: https://qxz.example/jkq or jkq@wxz.example?",
        "THE CITY",
        "",
        "12 + 30?",
    ],
)
def test_english_and_texts_without_letters_pass(check: LanguageCheck, text: str) -> None:
    assert check.looks_english(text)


@pytest.mark.parametrize(
    "text",
    [
        "Je ne sais pas si elle travaille aujourd'hui.",
        " " * 5000 + "Que pensez-vous de cela ?",
        unicodedata.normalize("NFD", "Il a commencé à pleuvoir à la plage."),
        "Я не знаю, что сказать.",
        "jkq wxz vbnq zxkj",
    ],
)
def test_french_other_scripts_and_random_letters_are_flagged(
    check: LanguageCheck, text: str
) -> None:
    assert not check.looks_english(text)


def test_case_digits_and_punctuation_do_not_count(check: LanguageCheck) -> None:
    assert check.evidence("The train!") == check.evidence("the 7 TRAIN")


def test_probabilities_of_all_letters_sum_to_at_most_one(check: LanguageCheck) -> None:
    letters = " '" + "abcdefghijklmnopqrstuvwxyzàéêèç"
    sums = [
        sum(check.french._probability(context + letter) for letter in letters)
        for context in ("", "e", "th", "qz")
    ]
    assert all(0.5 < total <= 1.0 + 1e-9 for total in sums)


def test_rare_trigrams_are_left_out() -> None:
    assert set(Trigrams.build(["ab", "ab", "cd"], fewest=2).counts) == {"  a", " ab", "ab "}


def test_it_is_written_and_read_unchanged(check: LanguageCheck) -> None:
    again = LanguageCheck.loads(check.dumps())
    assert again.english.counts == check.english.counts
    assert again.evidence("bonjour") == check.evidence("bonjour")
