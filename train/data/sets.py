"""The data sets, read from Parquet files in a folder or fetched from the Hugging Face Hub.

A folder holds ``sst2/{train,validation}.parquet``, ``imdb/{train,unsupervised}.parquet``,
``wikitext-2/{train,validation}.parquet`` and ``tatoeba-en-fr/{train,validation}.parquet``,
with the Hub's columns. It may also hold ``opinions``, ``stories`` and ``pairs-en-fr``, which the
Hub does not have; without them the scripts train on a smaller mixture. All validation data come
from here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from dlnlp.catalog import IMDB, SST2, TATOEBA, WIKITEXT
from dlnlp.text.words import clean, natural

HUB = {data.folder: data for data in (SST2, IMDB, WIKITEXT, TATOEBA)}


def has(name: str, data_dir: Path | None) -> bool:
    """Whether an optional data set, one that the Hub does not have, is in the folder."""
    return data_dir is not None and (Path(data_dir) / name).is_dir()


def read(name: str, split: str, data_dir: Path | None) -> pd.DataFrame:
    """One split of a data set, with the Hub's columns.

    Raises:
        FileNotFoundError: ``data_dir`` lacks the file.
        RuntimeError: ``data_dir`` is None and the Hub cannot be read.
    """
    if data_dir is not None:
        path = Path(data_dir) / name / f"{split}.parquet"
        if not path.is_file():
            raise FileNotFoundError(f"No {path}: --data-dir must hold {name}/{split}.parquet.")
        return pd.read_parquet(path)
    source = HUB.get(name)
    if source is None or source.hub is None:
        raise RuntimeError(
            f"{name} is not on the Hugging Face Hub: name a folder that holds it with --data-dir."
        )
    try:
        import datasets
    except ImportError:
        raise RuntimeError(
            "The package datasets is missing: pip install -r requirements-train.txt, "
            "or name a folder of Parquet files with --data-dir."
        ) from None
    try:
        if name == "tatoeba-en-fr":  # the Hub has no validation split
            frame = datasets.load_dataset(source.hub, source.config, split="train").to_pandas()
            held = frame["english"].map(lambda text: _bucket(_letters(text), 50) == 0)
            return frame[held if split == "validation" else ~held].reset_index(drop=True)
        return datasets.load_dataset(source.hub, source.config, split=split).to_pandas()
    except (OSError, ValueError) as fault:
        raise RuntimeError(
            f"{source.hub} could not be downloaded from the Hugging Face Hub ({fault}): check the "
            "connection, or name a folder of Parquet files with --data-dir."
        ) from None


def _bucket(text: str, count: int) -> int:
    return int(hashlib.sha256(text.encode()).hexdigest(), 16) % count


def _letters(text: str) -> str:
    return re.sub(r"\W+", " ", text.lower()).strip()


def is_held_out(review: str) -> bool:
    """Whether an IMDB review belongs to the tenth that is kept for validation."""
    return _bucket(review, 10) == 0


@dataclass(frozen=True)
class Labelled:
    """Texts in natural spelling and labels: 1 is positive, 0 negative, 0.5 neutral."""

    texts: list[str]
    labels: list[float]

    def __len__(self) -> int:
        return len(self.texts)

    def head(self, count: int) -> Labelled:
        """The first ``count`` rows."""
        return Labelled(self.texts[:count], self.labels[:count])

    def __add__(self, other: Labelled) -> Labelled:
        return Labelled(self.texts + other.texts, self.labels + other.labels)


def sst2(split: str, data_dir: Path | None) -> Labelled:
    """The ``train`` split of SST-2 (sentences and phrases) or ``validation``."""
    frame = read("sst2", split, data_dir)
    return Labelled([natural(t) for t in frame["sentence"]], frame["label"].astype(float).tolist())


def imdb(split: str, data_dir: Path | None) -> Labelled:
    """Labelled IMDB reviews: ``validation`` is the held-out tenth, ``train`` the rest."""
    frame = read("imdb", "train", data_dir)
    frame = frame[frame["text"].map(is_held_out) == (split == "validation")]
    # The file is sorted by label; after a fixed shuffle, any first part is balanced.
    frame = frame.sample(frac=1.0, random_state=0)
    return Labelled([natural(t) for t in frame["text"]], frame["label"].astype(float).tolist())


def imdb_unlabelled(data_dir: Path | None) -> list[str]:
    """Unlabelled IMDB reviews as written, without copies of held-out ones."""
    held_out = {text for text in read("imdb", "train", data_dir)["text"] if is_held_out(text)}
    return [t for t in read("imdb", "unsupervised", data_dir)["text"] if t not in held_out]


def opinions(split: str, data_dir: Path | None) -> dict[str, Labelled]:
    """Phrases and sentences on products, and neutral sentences of plot summaries, or {}."""
    if not has("opinions", data_dir):
        return {}
    frame = read("opinions", split, data_dir)
    frame["text"] = frame["text"].map(lambda text: detokenise(natural(text)))
    neutral = frame["label"] == 0.5
    return {
        name: Labelled(rows["text"].tolist(), rows["label"].astype(float).tolist())
        for name, rows in (("opinions", frame[~neutral]), ("plots", frame[neutral]))
    }


def imdb_text(split: str, data_dir: Path | None) -> list[str]:
    """Labelled IMDB reviews with line breaks for ``<br />``: ``train`` or ``validation``."""
    texts = read("imdb", "train", data_dir)["text"]
    return [review_text(t) for t in texts if is_held_out(t) == (split == "validation")]


def review_text(review: str) -> str:
    """An IMDB review with line breaks for ``<br />``."""
    return re.sub(r"\s*(<br\s*/?>\s*)+", "\n", review).strip()


@dataclass(frozen=True)
class Pairs:
    """English texts and the French text of each."""

    english: list[str]
    french: list[str]

    def __len__(self) -> int:
        return len(self.english)

    def head(self, count: int) -> Pairs:
        """The first ``count`` pairs."""
        return Pairs(self.english[:count], self.french[:count])

    def grouped(self) -> tuple[list[str], list[list[str]]]:
        """Each English text once, with all its French references."""
        references: dict[str, list[str]] = {}
        for english, french in zip(self.english, self.french, strict=True):
            references.setdefault(english, []).append(french)
        return list(references), list(references.values())


def tatoeba(split: str, data_dir: Path | None) -> Pairs:
    """Tatoeba's English-French ``train`` or ``validation`` pairs, with plain spaces only."""
    frame = read("tatoeba-en-fr", split, data_dir)
    return Pairs([clean(t) for t in frame["english"]], [clean(t) for t in frame["non_english"]])


def more_pairs(split: str, data_dir: Path | None) -> dict[str, Pairs]:
    """The pairs of ``pairs-en-fr`` by source (captions, headwords, phrasebooks …), or {}."""
    if not has("pairs-en-fr", data_dir):
        return {}
    frame = read("pairs-en-fr", split, data_dir)
    return {
        str(source): Pairs(
            [clean(t) for t in rows["english"]], [clean(t) for t in rows["non_english"]]
        )
        for source, rows in frame.groupby("source")
    }


def stories(split: str, data_dir: Path | None) -> dict[str, list[str]]:
    """TinyStories and the other stories, which are mostly by people, or {} without the set."""
    if not has("stories", data_dir):
        return {}
    frame = read("stories", split, data_dir)
    tiny = frame["source"] == "TinyStories"
    return {
        "TinyStories": frame["text"][tiny].tolist(),
        "other stories": frame["text"][~tiny].tolist(),
    }


def wikitext_articles(split: str, data_dir: Path | None) -> list[str]:
    """WikiText-2's articles in natural spelling, each from its heading to the next."""
    text, _ = wikitext(split, data_dir)
    return [
        article for article in re.split(r"^(?== [^=\n]+ =$)", text, flags=re.M) if article.strip()
    ]


def wikitext(split: str, data_dir: Path | None) -> tuple[str, int]:
    """WikiText-2 as running text in natural spelling, and its number of words.

    The words are the data set's own tokens plus one end of line per line.
    """
    lines = read("wikitext-2", split, data_dir)["text"].tolist()
    words = sum(len(line.split()) + 1 for line in lines)
    return "".join(detokenise(line) + "\n" for line in lines), words


_JOINS = [
    (re.compile(r" @([-,.])@ "), r"\1"),
    (re.compile(r" n't\b"), "n't"),
    (re.compile(r" '(s|re|ve|ll|d|m)\b"), r"'\1"),
    (re.compile(r" ([,.;:!?%)\]])"), r"\1"),
    (re.compile(r"([(\[$£]) "), r"\1"),
    (re.compile(r'"" '), '" '),
]


def detokenise(line: str) -> str:
    """One line of WikiText in natural spelling: " @-@ " → "-", " ," → "," and the like."""
    line = " ".join(line.replace('""', '"').split())
    for pattern, replacement in _JOINS:
        line = pattern.sub(replacement, line)
    # Quotation marks open and close alternately; no space inside a pair.
    parts = line.split('"')
    if len(parts) % 2:
        line = "".join(part if i % 2 == 0 else f'"{part.strip()}"' for i, part in enumerate(parts))
    return line


def fingerprint(texts: Sequence[str]) -> dict[str, object]:
    """Number of rows and a short hash of their content, to record the training data."""
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode() + b"\0")
    return {"rows": len(texts), "sha256": digest.hexdigest()[:16]}
