"""What the tests share: a few sentences of their own, laid out like the real data sets."""

from __future__ import annotations

import os

# Tiny models gain nothing from threads, and parallel tests fight over the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

POSITIVE = ["a great film", "i loved it", "it 's a wonderful movie", "truly good fun"]
NEGATIVE = ["a bad film", "i hated it", "it is n't any good", "terrible , dull mess"]
OPINIONS = ["small and light", "the screen is too dark", "Sounds great", "weak battery, heavy"]
PLOTS = ["a boy finds a map and sets out .", "two sisters meet again after the war ."]
PAIRS = [
    ("Hello!", "Bonjour !"),
    ("Good night.", "Bonne nuit."),
    ("I see a dog.", "Je vois un chien."),
    ("Where is the cat?", "Où est le chat ?"),
    ("The cat sleeps.", "Le chat dort."),
    ("The cat sleeps.", "Le chat est endormi."),
]
WIKI = ["", " = Cats = ", "", " The cat is a small , furry animal @-@ like <unk> . ", ""]


def finished(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine; the thread of the tests may run Playwright's event loop."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like ``--data-dir``, with a few sentences of our own."""
    root = tmp_path_factory.mktemp("data")

    def write(name: str, split: str, **columns: list[object]) -> None:
        (root / name).mkdir(exist_ok=True)
        pd.DataFrame(columns).to_parquet(root / name / f"{split}.parquet")

    texts = POSITIVE + NEGATIVE
    labels = [1] * len(POSITIVE) + [0] * len(NEGATIVE)
    for split in ("train", "validation"):
        write("sst2", split, idx=list(range(8)), sentence=texts, label=labels)
    reviews = [f"Review {n}: {text}.<br /><br />Really." for n in range(8) for text in texts]
    write("imdb", "train", text=reviews, label=labels * 8)
    unlabelled = [f"No label {n}, a film." for n in range(12)]
    write("imdb", "unsupervised", text=[*unlabelled, *reviews], label=[-1] * 76)
    for split in ("train", "validation"):
        told = [*OPINIONS, *PLOTS]
        sides = [1.0, 0.0] * 2 + [0.5] * 2
        write("opinions", split, text=told, label=sides, source=["reviews"] * 4 + ["plots"] * 2)
        write("wikitext-2", split, text=WIKI * 40)
        english, french = (list(side) for side in zip(*PAIRS, strict=True))
        write("tatoeba-en-fr", split, english=english, non_english=french)
    return root
