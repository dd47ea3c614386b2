from __future__ import annotations

import hashlib
import sys
import types
from pathlib import Path

import pandas as pd
import pytest

from train.data import sets


def test_the_held_out_tenth_is_decided_by_its_hash(data_dir: Path) -> None:
    texts = sets.read("imdb", "train", data_dir)["text"]
    expected = {t for t in texts if int(hashlib.sha256(t.encode()).hexdigest(), 16) % 10 == 0}
    assert 0 < len(expected) < len(texts)
    assert len(sets.imdb("validation", data_dir)) == len(expected)
    assert len(sets.imdb("train", data_dir)) == len(texts) - len(expected)
    assert set(sets.imdb_text("validation", data_dir)) == {sets.review_text(t) for t in expected}


def test_no_copy_of_a_held_out_review_is_trained_on(data_dir: Path) -> None:
    labelled = sets.read("imdb", "train", data_dir)["text"]
    held_out = {t for t in labelled if sets.is_held_out(t)}
    everything = sets.read("imdb", "unsupervised", data_dir)["text"]
    assert held_out <= set(everything)  # else this test would show nothing
    assert not held_out & set(sets.imdb_unlabelled(data_dir))


def test_reviews_and_sentences_come_in_natural_spelling(data_dir: Path) -> None:
    assert "it's a wonderful movie" in sets.sst2("train", data_dir).texts
    assert not any("<br" in text for text in sets.imdb("train", data_dir).texts)
    assert sets.review_text("One.<br /><br />Two.") == "One.\nTwo."


def test_references_are_grouped_by_english_sentence(data_dir: Path) -> None:
    english, references = sets.tatoeba("validation", data_dir).grouped()
    assert len(english) == len(set(english)) == 5
    assert references[english.index("The cat sleeps.")] == [
        "Le chat dort.",
        "Le chat est endormi.",
    ]


@pytest.mark.parametrize(
    ("tokens", "written"),
    [
        (" a well @-@ known 3 @,@ 000 , 2 @.@ 5 m . ", "a well-known 3,000, 2.5 m."),
        (' He said " no " , and " yes " . ', 'He said "no", and "yes".'),
        (' He said "" no "" . ', 'He said "no".'),
        (" It is n't Bob 's ( or is it ? ) ", "It isn't Bob's (or is it?)"),
        ("", ""),
    ],
)
def test_wikitext_is_detokenised(tokens: str, written: str) -> None:
    assert sets.detokenise(tokens) == written


def test_words_of_wikitext_are_its_tokens_and_line_ends(data_dir: Path) -> None:
    text, words = sets.wikitext("train", data_dir)
    lines = sets.read("wikitext-2", "train", data_dir)["text"]
    assert words == sum(len(line.split()) for line in lines) + len(lines)
    assert text.count("\n") == len(lines)
    assert "a small, furry animal-like <unk>." in text


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"sst2.train\.parquet"):
        sets.sst2("train", tmp_path)


class _Hub(types.ModuleType):
    """A stand-in for the datasets library."""

    def __init__(self, frame: pd.DataFrame | None) -> None:
        super().__init__("datasets")
        self.frame = frame
        self.asked: list[tuple[str, str | None, str]] = []

    def load_dataset(self, name: str, config: str | None, split: str) -> _Hub:
        self.asked.append((name, config, split))
        if self.frame is None:
            raise ConnectionError("no route")
        return self

    def to_pandas(self) -> pd.DataFrame:
        assert self.frame is not None
        return self.frame


def test_without_a_folder_the_hub_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = _Hub(pd.DataFrame({"idx": [0], "sentence": ["it 's fine"], "label": [1]}))
    monkeypatch.setitem(sys.modules, "datasets", hub)
    assert sets.sst2("validation", None).texts == ["it's fine"]
    assert hub.asked == [("stanfordnlp/sst2", None, "validation")]


def test_tatoeba_of_the_hub_is_split_by_english_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    english = [f"Sentence {n % 300}{mark}" for n in range(600) for mark in ".!"]
    hub = _Hub(pd.DataFrame({"english": english, "non_english": english}))
    monkeypatch.setitem(sys.modules, "datasets", hub)
    train, held = (sets.tatoeba(split, None).english for split in ("train", "validation"))
    assert len(train) + len(held) == len(english) and held
    assert not {t.rstrip(".!") for t in train} & {t.rstrip(".!") for t in held}


def test_no_hub_and_no_folder_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", _Hub(None))
    with pytest.raises(RuntimeError, match="--data-dir"):
        sets.sst2("train", None)


def test_each_article_of_wikitext_is_a_document(data_dir: Path) -> None:
    articles = sets.wikitext_articles("train", data_dir)
    assert len(articles) == 40
    assert all(article.startswith("= Cats =\n") and article.count("=") == 2 for article in articles)
    text, _ = sets.wikitext("train", data_dir)
    assert "".join(articles) == text.lstrip("\n")


def test_optional_sets_are_empty_where_the_folder_lacks_them(data_dir: Path) -> None:
    assert sets.stories("train", data_dir) == sets.more_pairs("train", data_dir) == {}
    assert sets.stories("train", None) == sets.more_pairs("train", None) == {}


def test_stories_and_pairs_come_by_source(tmp_path: Path) -> None:
    (tmp_path / "stories").mkdir()
    (tmp_path / "pairs-en-fr").mkdir()
    sources = ["TinyStories", "Gutenberg: A (#1)", "FairytaleQA"]
    frame = pd.DataFrame({"text": ["one", "two", "three"], "source": sources})
    frame.to_parquet(tmp_path / "stories" / "train.parquet")
    rows = {"english": ["cat", "a  dog"], "non_english": ["chat", "un chien"], "source": ["B", "A"]}
    pd.DataFrame(rows).to_parquet(tmp_path / "pairs-en-fr" / "train.parquet")
    found = sets.stories("train", tmp_path)
    assert found == {"TinyStories": ["one"], "other stories": ["two", "three"]}
    pairs = sets.more_pairs("train", tmp_path)
    assert {name: (each.english, each.french) for name, each in pairs.items()} == {
        "A": (["a dog"], ["un chien"]),
        "B": (["cat"], ["chat"]),
    }


def test_a_set_that_the_hub_lacks_is_asked_of_the_folder() -> None:
    with pytest.raises(RuntimeError, match="--data-dir"):
        sets.read("stories", "train", None)
