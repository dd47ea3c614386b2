"""The behavioural set: its cases, its training rows, and that it tells classifiers apart."""

from __future__ import annotations

import math
import random
import re

import pytest

from dlnlp.results import Sentiment
from train.data import templates
from train.data.generated import training_rows
from train.data.templates import CAPABILITIES, SENTIMENT, Writer
from train.evaluation import behaviour
from train.evaluation.behaviour import CASES, Case


def sentiment_words(held_out: bool) -> dict[bool, set[str]]:
    """By polarity, every word that a writer may say to take sides."""
    writer = Writer(random.Random(0), held_out)
    return {
        side: {
            *writer.adjectives[side],
            *writer.verbs[side],
            *map(templates.past_tense, writer.verbs[side]),
            *(word.split()[-1] for word in writer.comparatives[side]),  # "more useful"
            *(word.split()[-1] for word in writer.superlatives[side]),
        }
        for side in (True, False)
    }


def tokens(text: str) -> set[str]:
    return set(re.findall(r"[a-z]+(?:-[a-z]+)?", text.lower()))


class Undecided:
    def classify(self, texts: list[str]) -> list[Sentiment]:
        return [Sentiment(text, 0.5) for text in texts]


class Keywords:
    """Counts the words of either side; grammar means nothing to it."""

    words = sentiment_words(held_out=True)

    def classify(self, texts: list[str]) -> list[Sentiment]:
        return [Sentiment(text, self.positive(tokens(text))) for text in texts]

    def positive(self, found: set[str]) -> float:
        lead = len(found & self.words[True]) - len(found & self.words[False])
        return 1 / (1 + math.exp(-2 * lead))


def test_every_capability_has_as_many_different_cases() -> None:
    cases = behaviour.cases()
    assert len(cases) >= 12
    for name, group in cases.items():
        assert len({case.texts for case in group}) == len(group) == CASES == 50, name
    for name in behaviour.CHANGES:
        assert all(len(case.texts) == 2 for case in cases[name])


def test_the_cases_are_always_the_same() -> None:
    first = behaviour.cases()
    random.seed(5)
    assert behaviour.cases() == first


def test_training_and_cases_share_no_template_and_no_sentiment_word() -> None:
    trained, checked = sentiment_words(held_out=False), sentiment_words(held_out=True)
    for group in (trained, checked):
        assert not group[True] & group[False]
    assert not (trained[True] | trained[False]) & (checked[True] | checked[False])
    listed = {word.split()[-1] for words in SENTIMENT.values() for word in words}
    assert listed <= trained[True] | trained[False] | checked[True] | checked[False]
    templates = [c.training for c in CAPABILITIES.values()]
    assert not {line for lines in templates for line in lines} & {
        line for c in CAPABILITIES.values() for line in c.cases
    }


def test_the_news_and_idioms_of_training_and_cases_share_no_content_word() -> None:
    function_words = """
        a after again all an and at back been but can't could couldn't did didn't do does
        doesn't don't down for from get got had has have he her his i i'd i'm i've if in into is
        it it's its me my never no nobody not of off on our out over own say she should someone
        than that the their them they this to too two up us was we went were what when which who
        will with won't would wouldn't you your
    """
    for halves in templates.PHRASES.values():
        trained, checked = (
            {
                word
                for lines in halves[half].values()
                for line in lines
                for word in re.findall(r"[a-z']+", line.lower())
            }
            for half in ("training", "cases")
        )
        assert trained & checked <= set(function_words.split())


def test_no_case_is_trained_on() -> None:
    rows, _ = training_rows(3000, seed=0)
    cases = {text for group in behaviour.cases().values() for c in group for text in c.texts}
    plain = [{" ".join(re.findall(r"\w+", text.lower())) for text in s} for s in (rows, cases)]
    assert not plain[0] & plain[1]
    taught = sentiment_words(held_out=False)
    for text in cases:
        assert not tokens(text) & (taught[True] | taught[False]), text


def test_alternatives_are_chosen_in_templates_and_phrases() -> None:
    writer = Writer(random.Random(0), held_out=False)
    writer.phrases["news"] = {True: ["(Tom|Ann) won"], False: ["(Tom|Ann) lost"]}
    found = {writer.write("(So|Well), {news}.", positive=True) for _ in range(60)}
    assert found == {"So, Tom won.", "So, Ann won.", "Well, Tom won.", "Well, Ann won."}


def test_half_of_the_comparatives_and_superlatives_are_single_words() -> None:
    writer = Writer(random.Random(0), held_out=False)
    for words in (writer.comparatives, writer.superlatives):
        for side in (True, False):
            assert 0.35 < sum(" " not in word for word in words[side]) / len(words[side]) < 0.65


def test_training_rows_have_soft_targets() -> None:
    texts, targets = training_rows(3000, seed=0)
    assert len(texts) == len(targets) == 3000
    assert all(0 <= target <= 1 for target in targets)
    assert {0.03, 0.5, 0.97} <= set(targets)
    assert all(text.strip() and "{" not in text for text in texts)
    assert (texts, targets) == training_rows(3000, seed=0)
    assert texts != training_rows(3000, seed=1)[0]


@pytest.mark.parametrize(
    ("expected", "passing", "failing"),
    [
        ("positive", [(0.9,), (0.7,)], [(0.5,), (0.1,)]),
        ("negative", [(0.1,), (0.3,)], [(0.5,), (0.9,)]),
        ("unsure", [(0.5,), (0.4,), (0.6,)], [(0.1,), (0.9,)]),
        ("not negative", [(0.9,), (0.5,)], [(0.1,)]),
        # The same verdict, or nearly the same probability.
        ("same", [(0.7, 0.99), (0.64, 0.7), (0.5, 0.5)], [(0.5, 0.7), (0.9, 0.1), (0.1, 0.9)]),
        ("not lower", [(0.5, 0.9), (0.5, 0.45)], [(0.5, 0.3)]),
        ("not higher", [(0.5, 0.1), (0.5, 0.55)], [(0.5, 0.7)]),
    ],
)
def test_a_case_fails_when_it_should(
    expected: str, passing: list[tuple[float, ...]], failing: list[tuple[float, ...]]
) -> None:
    for positive in passing:
        assert not Case(("a", "b")[: len(positive)], expected).fails(positive), positive
    for positive in failing:
        assert Case(("a", "b")[: len(positive)], expected).fails(positive), positive


def test_who_never_decides_fails_where_a_side_must_be_taken() -> None:
    rates = behaviour.measure(Undecided())
    cases = behaviour.cases()
    for name, group in cases.items():
        sided = sum(case.expected in ("positive", "negative") for case in group)
        assert rates[name] == 100 * sided / CASES, name
    assert rates["sentiment words"] == rates["contrast"] == 100
    assert not any(rates[name] for name in ("neutral sentences", "protected groups"))
    assert not any(rates[name] for name in behaviour.CHANGES)


def test_who_only_counts_words_fails_at_grammar() -> None:
    rates = behaviour.measure(Keywords())
    right = {"sentiment words", "question and yes", "neutral sentences", "contractions"}
    right |= {"negated neutral sentences", "protected groups", "capitals and punctuation"}
    right |= {"other names", "other places", "other numbers", "handles and links"}
    right |= {"intensifiers", "praise or blame added", "mixed feelings", "negated comparatives"}
    wrong = {"negation", "negation at a distance", "question and no", "contrast"}
    wrong |= {"expectation denied", "now, not then", "my opinion, not others'", "litotes"}
    wrong |= {"good and bad news", "idioms"}
    assert {name for name in rates if rates[name] == 0} == right
    assert {name for name in rates if rates[name] == 100} == wrong


@pytest.mark.parametrize(
    ("written", "right"),
    [
        ("a awful film", "an awful film"),
        ("A awful film", "An awful film"),
        ("a useless film", "a useless film"),
        ("a European film", "a European film"),
        ("an first-rate film", "a first-rate film"),
        ("a unhappy, a ugly and a good film", "an unhappy, an ugly and a good film"),
        ("Anna ate in Oslo", "Anna ate in Oslo"),
    ],
)
def test_articles_fit_their_word(written: str, right: str) -> None:
    assert templates.with_articles(written) == right


def test_a_typo_swaps_two_letters() -> None:
    chance = random.Random(0)
    for text in ("What a wonderful film!", "We saw it in London.", "I enjoyed every minute"):
        changed = templates.typo(chance, text)
        assert sorted(changed) == sorted(text)
        assert [w[0] for w in changed.split()] == [w[0] for w in text.split()]
        assert sum(a != b for a, b in zip(text, changed, strict=True)) in (0, 2)
    assert templates.typo(chance, "ok") == "ok"


def test_changed_spelling_keeps_the_words() -> None:
    chance = random.Random(0)
    text = "The film was good."
    linked = {templates.link(chance, text) for _ in range(20)}
    assert all(text in changed and changed != text for changed in linked)
    assert {changed[0] for changed in linked} == {"@", "T"}
    recased = {templates.recased(chance, text) for _ in range(60)}
    assert len(recased) == 6 and text not in recased
    assert {re.sub(r"[^a-z ]", "", changed.lower()).strip() for changed in recased} == {
        "the film was good"
    }
