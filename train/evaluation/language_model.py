"""Quality of the next-token predictor: perplexity, loops, drift, and continuations to read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from dlnlp.models.token_transformer.predictor import TokenTransformerPredictor
from train.data import sets

# Beginnings of stories and everyday sentences; none of them mentions films.
PROMPTS = (
    "Once upon a time, there was a little girl named",
    "The king had three sons.",
    "One day, a dog and a cat met in the forest.",
    "Tom was very hungry, so he",
    "There was once an old woman who lived in a small house.",
    "The rabbit wanted to find a new friend.",
    "It was raining, and Anna could not go outside.",
    "A fisherman went down to the sea every morning.",
    "The bird had a broken wing.",
    "Long ago, in a village near the mountains,",
    "I went to the market this morning and",
    "My brother lives in a small town.",
    "The train was late again, so we",
    "She opened the door and saw",
    "We had dinner with our neighbours last night.",
    "The children were playing in the garden when",
    "He forgot his keys at home.",
    "Yesterday I bought a new bicycle.",
    "The river flows through the city and",
    "In winter, the lake is frozen.",
)
SEEDS = 3  # sampled continuations per prompt
LENGTH = 100  # tokens of a continuation
TEMPERATURE = 0.8
REPETITION_PENALTY = 1.2  # the value of Keskar et al. 2019
SHOWN = 6  # continuations in training.json
_FILMS = re.compile(
    r"\b(films?|movies?|cinema|actors?|actress(es)?|directors?|directed|screenplay|scripts?|"
    r"plots?|scenes?|acting|viewers?|audiences?|sequels?|dvd|imdb|hollywood|starring)\b",
    re.IGNORECASE,
)


def validation_sets(
    data_dir: Path | None, smoke: bool, whole: bool
) -> dict[str, tuple[list[str], int]]:
    """Validation documents and their number of words, by name.

    On WikiText-2 the words are the data set's own tokens plus one end of line per line; the
    log-likelihood is summed over all tokens of the detokenised text, ``<unk>`` included. On the
    others, words are separated by spaces.

    Args:
        whole: All validation sets; otherwise the part that is measured during training.
    """
    text, words = sets.wikitext("validation", data_dir)
    part = text[: 500 if smoke else None if whole else 60_000]
    result = {"wikitext2": ([part], round(words * len(part) / len(text)))}
    for name, documents in sets.stories("validation", data_dir).items():
        stride = 1 if whole or name == "TinyStories" else 3
        key = name.lower().replace(" ", "_")
        result[key] = counted(documents[::stride][: 2 if smoke else None])
    if whole:
        reviews = sets.imdb_text("validation", data_dir)[: 2 if smoke else 500]
        sentences = list(dict.fromkeys(sets.tatoeba("validation", data_dir).english))
        result["imdb"] = counted(reviews)
        result["tatoeba"] = counted(sentences[: 5 if smoke else None])
    return result


def counted(documents: list[str]) -> tuple[list[str], int]:
    """Documents and their number of words between spaces."""
    return documents, sum(len(document.split()) for document in documents)


def perplexity(predictor: TokenTransformerPredictor, documents: list[str], words: int) -> float:
    """e to the nats per word over documents, each scored on its own."""
    was_training = predictor.model.training
    predictor.model.eval()
    nats = -sum(predictor.total(document) for document in documents)
    predictor.model.train(was_training)
    return round(float(np.exp(nats / words)), 2)


def figures(
    predictor: TokenTransformerPredictor, data_dir: Path | None, smoke: bool = False
) -> dict[str, Any]:
    """The metrics of training.json."""
    metrics: dict[str, Any] = {}
    for name, (documents, words) in validation_sets(data_dir, smoke, whole=True).items():
        metrics[f"{name}_validation_perplexity"] = perplexity(predictor, documents, words)
        if len(documents) > 1:
            metrics[f"{name}_validation_documents"] = len(documents)
    return {**metrics, **generation(predictor, *((2, 1, 8) if smoke else ()))}


def generation(
    predictor: TokenTransformerPredictor,
    prompts: int = len(PROMPTS),
    seeds: int = SEEDS,
    length: int = LENGTH,
) -> dict[str, Any]:
    """Percentages of greedy loops and of film talk, and the first sampled continuations."""
    chosen = PROMPTS[:prompts]
    greedy, penalised = (
        [
            written(predictor, prompt, length, temperature=0.0, repetition_penalty=penalty)
            for prompt in chosen
        ]
        for penalty in (1.0, REPETITION_PENALTY)
    )
    sampled = {
        (prompt, seed): written(predictor, prompt, length, temperature=TEMPERATURE, seed=seed)
        for seed in range(seeds)
        for prompt in chosen
    }
    films = [mentions_films(text) for text in sampled.values()]
    return {
        "greedy_loops": percentage([loops(text) for text in greedy]),
        "greedy_loops_with_repetition_penalty": percentage([loops(text) for text in penalised]),
        "film_talk": percentage(films),
        "continuations": {
            prompt: text for (prompt, seed), text in list(sampled.items())[:SHOWN] if seed == 0
        },
    }


def written(predictor: TokenTransformerPredictor, prompt: str, length: int, **settings: Any) -> str:
    """A continuation without its prompt."""
    return "".join(predictor.generate(prompt, max_new_tokens=length, **settings))


def loops(text: str) -> bool:
    """Whether some four words in a row occur twice."""
    words = text.split()
    grams = [tuple(words[i : i + 4]) for i in range(len(words) - 3)]
    return len(set(grams)) < len(grams)


def mentions_films(text: str) -> bool:
    """Whether the text has a word that is typical of film reviews."""
    return _FILMS.search(text) is not None


def percentage(flags: list[bool]) -> float:
    """The share of true values in percent."""
    return round(100 * sum(flags) / max(1, len(flags)), 1)
