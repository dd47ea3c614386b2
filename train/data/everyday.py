"""Everyday English for the sentiment models: generated sentences and neutral ones of Tatoeba."""

from __future__ import annotations

import functools
import math
import random
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

from dlnlp.text.words import basic_english
from train.data import sets
from train.data.generated import training_rows
from train.data.sets import Labelled
from train.data.templates import SENTIMENT, WORDS, typo

tokens = functools.cache(basic_english)  # the same sentences are tokenised several times


def everyday(count: int, sst2: Labelled, data_dir: Path | None, seed: int) -> Labelled:
    """``count`` rows of plain English, which reviews lack, with soft labels.

    Two thirds are generated for the capabilities of ``train.evaluation.behaviour``; the rest are
    Tatoeba sentences without sentiment words, labelled 0.5.
    """
    texts, targets = training_rows(2 * count // 3, seed, leaning_adjectives(sst2))
    neutral = neutral_sentences(sst2, sets.tatoeba("train", data_dir).english)
    chosen = random.Random(seed).sample(neutral, min(len(neutral), count - len(texts)))
    return Labelled(texts + chosen, targets + [0.5] * len(chosen))


def with_typos(rows: Labelled, share: float, seed: int) -> Labelled:
    """The same rows, of which a share of the texts has a typo."""
    chance = random.Random(f"typos {seed}")
    texts = [typo(chance, text) if chance.random() < share else text for text in rows.texts]
    return Labelled(texts, rows.labels)


def neutral_sentences(sst2: Labelled, sentences: list[str], most: float = 0.7) -> list[str]:
    """Sentences of 2 to 14 words whose log-odds in SST-2 are all at most ``most`` in size."""
    odds = log_odds([tokens(text) for text in sst2.texts], sst2.labels, prior=5)
    return [
        sentence
        for sentence in sorted(set(sentences))
        if 2 <= len(found := tokens(sentence)) <= 14
        and all(abs(odds.get(word, 0.0)) <= most for word in found)
    ]


def leaning_sentences(sst2: Labelled, sentences: list[str]) -> list[str]:
    """Sentences of 2 to 14 words that have a sentiment word."""
    telling = {word for words in leaning_adjectives(sst2).values() for word in words}
    telling |= {word for words in SENTIMENT.values() for word in words} - {"like"}
    return [
        sentence
        for sentence in sorted(set(sentences))
        if 2 <= len(found := tokens(sentence)) <= 14 and not telling.isdisjoint(found)
    ]


def review_sentences(reviews: list[str], count: int) -> list[str]:
    """Sentences of 3 to 40 words, evenly spread over the reviews."""
    found = []
    for review in reviews:
        parts = re.split(r"(?<=[.!?])\s+", review)
        found += [part for part in parts if 3 <= len(part.split()) <= 40][:4]
    step = max(1, len(found) // max(1, count))
    return found[::step][:count]


def leaning_adjectives(sst2: Labelled, least: float = 1.5) -> dict[bool, list[str]]:
    """Adjectives with a polarity in SST-2, positive (True) and negative (False).

    They are words that occur alone as a phrase and after "very" or another degree word, with
    log-odds of at least ``least`` in size.
    """
    rows = [tokens(text) for text in sst2.texts]
    odds = log_odds(rows, sst2.labels, prior=1)
    counts = Counter(word for row in rows for word in set(row))
    alone = {row[0] for row in rows if len(row) == 1}
    graded = {word for row in rows for before, word in pairwise(row) if before in WORDS["degree"]}
    found = {
        word
        for word in alone & graded
        if word.isalpha() and not word.endswith("ly") and counts[word] >= 8
    }
    return {
        side: sorted(word for word in found if odds[word] * (1 if side else -1) > least)
        for side in (True, False)
    }


def log_odds(rows: list[list[str]], labels: list[float], prior: float) -> dict[str, float]:
    """Each word's log-odds of occurring in positive rather than negative texts, in nats."""
    counts: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    for row, label in zip(rows, labels, strict=True):
        counts[label > 0.5].update(set(row))
    positives = sum(label > 0.5 for label in labels)
    totals = {True: positives, False: len(labels) - positives}

    def share(word: str, side: bool) -> float:
        return (counts[side][word] + prior) / (totals[side] + 2 * prior)

    return {
        word: math.log(share(word, True) / share(word, False))
        for word in counts[True].keys() | counts[False].keys()
    }
