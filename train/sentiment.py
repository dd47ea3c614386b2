"""What the two sentiment models' scripts share: neutral English, accuracy, calibration."""

from __future__ import annotations

import functools
import math
import random
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch.nn import functional as F

from dlnlp.inference.attribution import METHODS
from dlnlp.inference.calibration import TYPICAL, Calibration
from dlnlp.results import Attribution, Sentiment
from dlnlp.text.words import basic_english, without, words
from train import behaviour, data
from train.data import Labelled


class Classifier(Protocol):
    """A sentiment predictor."""

    calibration: Calibration

    def classify(self, texts: list[str]) -> list[Sentiment]:
        """Verdicts."""

    def logits(self, texts: list[str]) -> list[float]:
        """Calibrated logits towards positive."""

    def lengths(self, texts: list[str]) -> list[int]:
        """Tokens of each text, as its calibration counts them."""


class Explainer(Classifier, Protocol):
    """One that explains its verdicts."""

    def explain(self, text: str, method: str) -> Attribution:
        """What each word contributed."""


EXPLAINED = 200  # sentences for which attributions are put to the test


def validation_sets(data_dir: Path | None) -> dict[str, Labelled]:
    """SST-2's validation split and the held-out tenth of IMDB."""
    return {
        "sst2": data.sst2("validation", data_dir),
        "imdb": data.imdb("validation", data_dir),
    }


tokens = functools.cache(basic_english)  # SST-2 and Tatoeba are gone through several times


def everyday(count: int, sst2: Labelled, data_dir: Path | None, seed: int) -> Labelled:
    """Plain English that reviews lack: ``count`` rows with soft labels.

    Two thirds are generated, to teach what ``train.behaviour`` checks; the rest are sentences
    of Tatoeba in which no word leans to a side, with the label 0.5.
    """
    texts, targets = behaviour.training_rows(2 * count // 3, seed, leaning_adjectives(sst2))
    neutral = neutral_sentences(sst2, data.tatoeba("train", data_dir).english)
    chosen = random.Random(seed).sample(neutral, min(len(neutral), count - len(texts)))
    return Labelled(texts + chosen, targets + [0.5] * len(chosen))


def neutral_sentences(sst2: Labelled, sentences: list[str], most: float = 0.7) -> list[str]:
    """The sentences of 2 to 14 words that all have log-odds of at most ``most`` in SST-2."""
    odds = log_odds([tokens(text) for text in sst2.texts], sst2.labels, prior=5)
    return [
        sentence
        for sentence in sorted(set(sentences))
        if 2 <= len(found := tokens(sentence)) <= 14
        and all(abs(odds.get(word, 0.0)) <= most for word in found)
    ]


def leaning_sentences(sst2: Labelled, sentences: list[str]) -> list[str]:
    """The sentences of 2 to 14 words one of which carries sentiment."""
    telling = {word for words in leaning_adjectives(sst2).values() for word in words}
    telling |= {word for words in behaviour.SENTIMENT.values() for word in words} - {"like"}
    return [
        sentence
        for sentence in sorted(set(sentences))
        if 2 <= len(found := tokens(sentence)) <= 14 and not telling.isdisjoint(found)
    ]


def leaning_adjectives(sst2: Labelled, least: float = 1.5) -> dict[bool, list[str]]:
    """Words of SST-2 that lean to a side, stand alone somewhere and follow "very" or the like."""
    rows = [tokens(text) for text in sst2.texts]
    odds = log_odds(rows, sst2.labels, prior=1)
    counts = Counter(word for row in rows for word in set(row))
    alone = {row[0] for row in rows if len(row) == 1}
    graded = {
        word
        for row in rows
        for before, word in pairwise(row)
        if before in behaviour.WORDS["degree"]
    }
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
    """How much likelier a word is in positive texts than in negative ones, in nats."""
    counts: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    for row, label in zip(rows, labels, strict=True):
        counts[label > 0.5].update(set(row))
    praised = sum(label > 0.5 for label in labels)
    totals = {True: praised, False: len(labels) - praised}

    def share(word: str, side: bool) -> float:
        return (counts[side][word] + prior) / (totals[side] + 2 * prior)

    return {
        word: math.log(share(word, True) / share(word, False))
        for word in counts[True].keys() | counts[False].keys()
    }


def figures(predictor: Explainer, validation: dict[str, Labelled]) -> dict[str, Any]:
    """The figures of training.json: accuracy, calibration, behaviour, faithfulness."""
    return {
        **evaluate(predictor, validation),
        "behaviour_failure_rate": behaviour.measure(predictor),
        "logit_fall_without_a_fifth": faithfulness(predictor, validation["sst2"].texts[:EXPLAINED]),
    }


def evaluate(predictor: Classifier, validation: dict[str, Labelled]) -> dict[str, float]:
    """Accuracy on each set in percent, and the expected calibration error on SST-2 in points.

    Both are cross-fitted: each half of the rows is calibrated on the other half, so no row is
    judged by a calibration that was fitted on it.
    """
    metrics: dict[str, float] = {}
    read = {name: answers(predictor, rows) for name, rows in validation.items()}
    for name, (_, labels, _) in read.items():
        logits = cross_fitted(read, name)
        right = float(np.mean((logits >= 0) == labels))
        metrics[f"{name}_validation_accuracy"] = round(100 * right, 2)
        metrics[f"{name}_validation_rows"] = len(labels)
        if name == "sst2":
            error = calibration_error(probability(logits), labels)
            metrics["sst2_calibration_error"] = round(100 * error, 2)
    return metrics


def answers(predictor: Classifier, rows: Labelled) -> tuple[np.ndarray, ...]:
    """The raw logits (N,) of the rows, their labels (N,) and lengths (N,)."""
    tokens = np.array(predictor.lengths(rows.texts))
    logits = np.array(predictor.logits(rows.texts))
    return predictor.calibration.undone(logits, tokens), np.array(rows.labels), tokens


def faithfulness(predictor: Explainer, texts: list[str], seed: int = 0) -> dict[str, float]:
    """How far the logit of the verdict falls when a fifth of the words is removed, on average.

    Those are the words that speak most for the verdict by either attribution, or for comparison
    random ones (DeYoung et al. 2020 call it comprehensiveness).
    """
    chance = random.Random(seed)
    texts = [text for text in texts if len(words(text)) >= 5]
    whole = predictor.logits(texts)
    falls = {}
    for method in (*METHODS, "random"):
        left = []
        for text, logit in zip(texts, whole, strict=True):
            found = words(text)
            if method == "random":
                order = chance.sample(range(len(found)), len(found))
            else:
                scores = predictor.explain(text, method).scores * np.sign(logit)
                order = np.argsort(-scores, kind="stable").tolist()
            left.append(without(text, order[: round(len(found) / 5)]))
        after = predictor.logits(left)
        gaps = [(a - b) * np.sign(a) for a, b in zip(whole, after, strict=True)]
        falls[method] = round(float(sum(gaps)) / max(1, len(gaps)), 3)
    return falls


def calibration_error(positive: np.ndarray, labels: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error of P(positive) over bins of equal mass (Guo et al. 2017)."""
    order = np.argsort(positive, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    gaps = [abs(positive[part].mean() - labels[part].mean()) * len(part) for part in parts]
    return float(sum(gaps) / len(order))


# Of each set raw logits (N,), labels (N,) and, where calibration counts them, tokens (N,).
Read = Mapping[str, tuple[np.ndarray, ...]]


def cross_fitted(read: Read, name: str) -> np.ndarray:
    """A set's logits (N,), each half of it calibrated on the other halves of all sets.

    So all rows count: on half of SST-2's 872, even perfect calibration would measure an error
    of 3 points.
    """
    logits, _, *tokens = read[name]
    result = np.empty(len(logits))
    for half in (0, 1):
        others = {key: tuple(x[1 - half :: 2] for x in each) for key, each in read.items()}
        calibration = best_calibration(others)
        result[half::2] = calibration(logits[half::2], *(x[half::2] for x in tokens))
    return result


def cross_fitted_error(read: Read, name: str) -> float:
    """The expected calibration error of a set's cross-fitted logits."""
    return calibration_error(probability(cross_fitted(read, name)), read[name][1])


def probability(logits: np.ndarray) -> np.ndarray:
    """P(positive) of calibrated logits."""
    return np.asarray(1 / (1 + np.exp(-logits)))


def calibrate(predictor: Classifier, validation: dict[str, Labelled]) -> None:
    """Give the predictor the calibration that suits all of validation.

    It needs a shift beside the temperature because 56 % of SST-2's training phrases are
    positive, but half of the texts to come.
    """
    read = {name: answers(predictor, rows) for name, rows in validation.items()}
    predictor.calibration = best_calibration(read)


def best_calibration(read: Read) -> Calibration:
    """The one with which the logits make the labels most likely.

    Each set has the same say, whatever its size.
    """
    x, y = (torch.cat([torch.tensor(each[k]) for each in read.values()]).double() for k in (0, 1))
    tokens = [
        each[2] if len(each) > 2 else np.full_like(each[0], TYPICAL) for each in read.values()
    ]
    length = torch.tensor(np.concatenate(tokens) / TYPICAL).double()
    weight = torch.cat([torch.full((len(each[1]),), 1 / len(each[1])) for each in read.values()])
    start = torch.tensor([1.0, 0.0, 0.0], dtype=torch.double)  # slope, height and growth
    line = start.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([line], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        logits = (line[0] * x + line[1]) * length ** -line[2]
        fit = F.binary_cross_entropy_with_logits(logits, y, weight, reduction="sum")
        # A trace of ridge, without which logits that part the labels have no best slope.
        total: torch.Tensor = fit + 1e-4 * (line - start).square().sum()
        total.backward()
        return total

    optimizer.step(loss)
    slope, height, growth = line.tolist()
    slope = max(slope, 0.05)  # whatever the few rows say, a higher logit shall not mean less
    return Calibration(round(1 / slope, 4), round(height / slope, 4), round(growth, 4))
