"""Measure simple baselines on the models' validation sets: ``python -m train.baselines``.

TF-IDF with logistic regression and VADER (Hutto and Gilbert 2014) for sentiment, a 5-gram model
with Kneser-Ney smoothing (Ney et al. 1994) for WikiText-2, and a word-for-word dictionary learnt by
IBM Model 1 (Brown et al. 1993) for translation. The results are in ``checkpoints/baselines.json``,
which the app's scoreboard shows.
"""

from __future__ import annotations

import math
import platform
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from dlnlp.checkpoint import checkpoint_root, write_json
from train.data import sets
from train.data.sets import Labelled, Pairs
from train.evaluation.translation import Translated
from train.run import Parser

FILE = "baselines.json"
ORDER = 5
ITERATIONS = 5
_WORD = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")


def main(argv: list[str] | None = None) -> None:
    """Measure all baselines and write the file."""
    parser = Parser(prog="python -m train.baselines", description=__doc__)
    parser.add_argument("--data-dir", type=Path, help="folder of Parquet files")
    parser.add_argument("--out", type=Path, default=checkpoint_root() / FILE)
    parser.add_argument("--smoke", action="store_true", help="use a few rows of each set")
    args = parser.parse_args(argv)
    limit = 200 if args.smoke else None
    found = [
        *sentiment(args.data_dir, limit),
        language_model(args.data_dir, limit),
        translation(args.data_dir, limit),
    ]
    versions = {"python": platform.python_version(), "numpy": np.__version__}
    write_json(args.out, {"baselines": found, "command": args.command, "versions": versions})
    print(found)


def sentiment(data_dir: Path | None, limit: int | None = None) -> list[dict[str, Any]]:
    """Accuracy in percent of TF-IDF with logistic regression, and of VADER."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    train = sentiment_sets("train", data_dir, limit)
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True, token_pattern=r"\w+|[!?]"),
        LogisticRegression(C=10, max_iter=500),
    )
    rows = [row for each in train.values() for row in zip(each.texts, each.labels, strict=True)]
    model.fit([text for text, _ in rows], [label > 0.5 for _, label in rows])
    vader = SentimentIntensityAnalyzer()
    metrics: dict[str, dict[str, float]] = {"tfidf": {}, "vader": {}}
    for name, each in sentiment_sets("validation", data_dir, limit).items():
        truth = np.array(each.labels) > 0.5
        guesses = {
            "tfidf": np.array(model.predict(each.texts)),
            "vader": np.array([vader.polarity_scores(t)["compound"] >= 0 for t in each.texts]),
        }
        for key, guess in guesses.items():
            metrics[key][f"{name}_validation_accuracy"] = round(
                100 * float((guess == truth).mean()), 2
            )
    described = "unigrams and bigrams, trained on the same labelled texts"
    return [
        entry("TF-IDF + logistic regression", "text-classification", described, metrics["tfidf"]),
        entry("VADER", "text-classification", "lexicon and rules, untrained", metrics["vader"]),
    ]


def sentiment_sets(split: str, data_dir: Path | None, limit: int | None) -> dict[str, Labelled]:
    """SST-2, IMDB and, where the folder has them, opinions."""
    found = {"sst2": sets.sst2(split, data_dir), "imdb": sets.imdb(split, data_dir)}
    found |= {k: v for k, v in sets.opinions(split, data_dir).items() if k == "opinions"}
    return {name: rows.head(limit) for name, rows in found.items()} if limit else found


def language_model(data_dir: Path | None, limit: int | None = None) -> dict[str, Any]:
    """Perplexity per word of a Kneser-Ney model on WikiText-2, over its own tokens."""
    train, validation = (
        wikitext_tokens(split, data_dir)[: limit and 50 * limit]
        for split in ("train", "validation")
    )
    perplexity = KneserNey(train, ORDER).perplexity(validation)
    described = f"interpolated, {ORDER}-grams of WikiText-2's own tokens"
    metrics = {"wikitext2_validation_perplexity": round(perplexity, 2)}
    return entry("Kneser-Ney 5-gram", "text-generation", described, metrics)


def wikitext_tokens(split: str, data_dir: Path | None) -> list[str]:
    """The data set's own tokens, with ``<eos>`` at the end of each line."""
    lines = sets.read("wikitext-2", split, data_dir)["text"]
    return [token for line in lines for token in (*line.split(), "<eos>")]


class KneserNey:
    """An n-gram model with interpolated Kneser-Ney smoothing and one discount per order.

    The highest order uses counts; the lower ones use the number of different words that an n-gram
    follows. Below unigrams comes the uniform distribution over the vocabulary.
    """

    def __init__(self, tokens: Sequence[str], order: int) -> None:
        self.order = order
        self.vocabulary = set(tokens)
        self.levels: list[tuple[dict[Any, int], dict[Any, int], dict[Any, int], float]] = []
        counts = Counter(zip(*(tokens[i:] for i in range(order)), strict=False))
        for _ in range(order):
            totals: dict[Any, int] = defaultdict(int)  # by context
            kinds: dict[Any, int] = defaultdict(int)  # different continuations by context
            for ngram, count in counts.items():
                totals[ngram[:-1]] += count
                kinds[ngram[:-1]] += 1
            singles = sum(count == 1 for count in counts.values())
            doubles = sum(count == 2 for count in counts.values())
            discount = singles / max(1, singles + 2 * doubles)
            self.levels.insert(0, (dict(counts), dict(totals), dict(kinds), discount))
            counts = Counter(ngram[1:] for ngram in counts)

    def probability(self, context: tuple[str, ...], word: str) -> float:
        """The probability of a word of the vocabulary after a context."""
        result = 1 / len(self.vocabulary)
        for size, (counts, totals, kinds, discount) in enumerate(self.levels):
            before = context[len(context) - size :]
            total = totals.get(before)
            if not total:
                break
            kept = max(0.0, counts.get((*before, word), 0) - discount)
            result = (kept + discount * kinds[before] * result) / total
        return result

    def perplexity(self, tokens: Sequence[str]) -> float:
        """e to the nats per token; a word outside the vocabulary counts as one of it."""
        nats = 0.0
        for i, word in enumerate(tqdm(tokens, desc="n-grams", mininterval=5)):
            context = tuple(tokens[max(0, i - self.order + 1) : i])
            nats -= math.log(self.probability(context, word))
        return math.exp(nats / len(tokens))


def translation(data_dir: Path | None, limit: int | None = None) -> dict[str, Any]:
    """chrF and BLEU on Tatoeba of translating word by word."""
    train, validation = (sets.tatoeba(split, data_dir) for split in ("train", "validation"))
    if limit:
        train, validation = train.head(limit), validation.head(limit)
    best = dictionary(train)
    sources, references = validation.grouped()
    outputs = [word_for_word(source, best) for source in sources]
    found = Translated(sources, outputs, references)
    metrics = {
        "tatoeba_validation_chrf": round(found.chrf, 2),
        "tatoeba_validation_bleu": round(found.bleu, 2),
    }
    described = f"IBM Model 1 on Tatoeba, {ITERATIONS} iterations"
    return entry("Word-for-word dictionary", "translation", described, metrics)


def dictionary(pairs: Pairs) -> dict[str, str]:
    """The most likely French word of each English one, by IBM Model 1."""
    rows = [
        (_WORD.findall(english.lower()), _WORD.findall(french.lower()))
        for english, french in zip(pairs.english, pairs.french, strict=True)
    ]
    table: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(lambda: 1.0))
    for _ in tqdm(range(ITERATIONS), desc="dictionary"):
        counts: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        for english, french in rows:
            for target in french:
                weights = [table[word][target] for word in english]
                total = sum(weights)
                for word, weight in zip(english, weights, strict=True):
                    counts[word][target] += weight / total
        for word, found in counts.items():
            total = sum(found.values())
            table[word] = {target: count / total for target, count in found.items()}
    return {word: max(found, key=found.__getitem__) for word, found in table.items()}


def word_for_word(text: str, best: dict[str, str]) -> str:
    """Each word replaced by its translation; unknown words stay."""
    words = [best.get(word.lower(), word) for word in _WORD.findall(text)]
    joined = re.sub(r"(?<=[\w'’]) (?=[.,])|(?<=['’]) ", "", " ".join(words))
    return joined[:1].upper() + joined[1:]


def entry(name: str, task: str, description: str, metrics: dict[str, float]) -> dict[str, Any]:
    """A baseline as it is recorded."""
    return {"name": name, "task": task, "description": description, "metrics": metrics}


if __name__ == "__main__":
    main()
