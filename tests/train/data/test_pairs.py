from __future__ import annotations

import random
from pathlib import Path

import pandas as pd
import pytest

from train.data import pairs
from train.data.copying import Copying
from train.data.pairs import CAPTIONS, Material, bare, frequent_words, phrasebook_entries


@pytest.fixture
def folder(data_dir: Path, tmp_path: Path) -> Path:
    """Tatoeba's sentences and a few pairs of other sources."""
    (tmp_path / "tatoeba-en-fr").symlink_to(data_dir / "tatoeba-en-fr")
    (tmp_path / "pairs-en-fr").mkdir()
    captions = [(f"A cat sees {n} dogs.", f"Un chat voit {n} chiens.", CAPTIONS) for n in range(8)]
    rows = [
        ("cat", "chat", "FreeDict"),
        ("xylophone", "xylophone", "FreeDict"),
        ("Good evening", "bonsoir", "Refugee Phrasebook"),
        ("The sun", "Le soleil", "African Storybook"),
        ("He ran. " * 40, "Il courut. " * 40, "PUD"),
        *captions,
    ]
    frame = pd.DataFrame(rows, columns=["english", "non_english", "source"])
    frame.to_parquet(tmp_path / "pairs-en-fr" / "train.parquet")
    return tmp_path


def test_without_the_set_there_are_tatoeba_and_greetings(data_dir: Path) -> None:
    material = Material.read(data_dir)
    assert material.more == {} and len(material.sentences) == 6
    assert {("hello", "bonjour"), ("thanks", "merci")} <= set(material.phrases)
    assert set(material.phrases) == set(pairs.GREETINGS)


def test_words_are_apart_and_what_is_too_long_is_left_out(folder: Path) -> None:
    material = Material.read(folder)
    assert ("cat", "chat") in material.words and ("Good evening", "bonsoir") in material.words
    assert len(material.more[CAPTIONS]) == 8
    assert not material.more["PUD"]


def test_frequent_words_and_phrasebooks_are_repeated(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairs, "COPIES", ((1, 6),))
    phrases = Material.read(folder).phrases
    assert phrases.count(("cat", "chat")) == 6
    assert phrases.count(("xylophone", "xylophone")) == 1
    assert phrases.count(("Good evening", "bonsoir")) == pairs.PHRASEBOOK_COPIES


def test_equally_frequent_words_are_ranked_alphabetically(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [f"zebra{letter}" for letter in "hgfedcba"]
    rows = pd.DataFrame({"english": words, "non_english": words, "source": "FreeDict"})
    rows.to_parquet(folder / "pairs-en-fr" / "train.parquet")
    monkeypatch.setattr(pairs, "COPIES", ((1, 5),))
    phrases = Material.read(folder).phrases
    assert phrases.count(("zebraa", "zebraa")) == 5
    assert phrases.count(("zebrab", "zebrab")) == 1


def test_an_epoch_takes_its_share_and_others_follow(folder: Path) -> None:
    material = Material.read(folder)
    copying = Copying([])
    seen = []
    for number in range(2):
        rows = material.epoch(number, 0, 0.5, 0.5, copying)
        assert rows == material.epoch(number, 0, 0.5, 0.5, copying)
        seen.append({english for english, _ in rows if english.startswith("A cat")})
    assert len(seen[0]) == len(seen[1]) == 4


def test_words_come_in_the_form_that_the_predictor_reads() -> None:
    typed = {pairs._as_typed(("red Car", "voiture rouge"), random.Random(n)) for n in range(200)}
    assert ("Red Car.", "Voiture rouge.") in typed and ("Red car.", "Voiture rouge.") in typed
    assert ("Red Car!", "Voiture rouge !") in typed and ("Red Car", "Voiture rouge") in typed
    assert all(english[0] == "R" and french[0] == "V" for english, french in typed)


def test_the_most_frequent_words_and_their_translations(folder: Path) -> None:
    found = frequent_words(Material.read(folder), 2)
    assert found["cat"] == {"chat"}
    assert len(found) == 2 and "xylophone" not in found
    assert bare("Bonjour !") == "bonjour"


def test_a_question_is_translated_as_one_without_its_question_mark() -> None:
    pair = ("how are you?", "comment allez-vous ?")
    typed = {pairs._as_typed(pair, random.Random(n)) for n in range(50)}
    french = "Comment allez-vous ?"
    assert typed == {("How are you?", french), ("How are you.", french)}


def test_phrasebook_entries_have_all_translations_in_training(folder: Path) -> None:
    found = phrasebook_entries(Material.read(folder))
    assert found["good evening"] == {"bonsoir"} and found["thank you"] == {"merci"}
    assert "cat" not in found and "the sun" not in found
