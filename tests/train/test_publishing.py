"""Promoting and evaluating checkpoints: nothing is lost, nothing private is recorded."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from dlnlp import checkpoint
from dlnlp.models.sentiment_lstm import predictor as sentiment_lstm
from train import card, evaluate, promote

STEM = "sentiment_lstm"
FACTS = {
    "parameters": 1,
    "command": "python -m train.sentiment_lstm",
    "training_minutes": 0.1,
    "device": "1 CPU thread",
}


def checkpoint_at(folder: Path, data_dir: Path) -> Path:
    """A tiny LSTM's checkpoint whose training.json has the measured metrics."""
    sentiment_lstm.save(folder, sentiment_lstm.tiny(), {**FACTS, "metrics": {}})
    metrics = evaluate.measure(STEM, folder, data_dir)
    training = checkpoint.read_json(folder, checkpoint.TRAINING)
    checkpoint.write_json(folder / checkpoint.TRAINING, {**training, "metrics": metrics})
    card.write(STEM, folder)
    return folder


@pytest.fixture
def installed(tmp_path: Path, data_dir: Path) -> Path:
    return checkpoint_at(tmp_path / "checkpoints" / STEM, data_dir)


@pytest.fixture
def run(installed: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "runs" / STEM
    shutil.copytree(installed, folder)
    training = checkpoint.read_json(folder, checkpoint.TRAINING)
    checkpoint.write_json(folder / checkpoint.TRAINING, {**training, "seed": 5})
    return folder


def promoted(run: Path, installed: Path, data_dir: Path) -> int:
    options = ["--run", str(run), "--checkpoints", str(installed.parent)]
    return promote.main([STEM, *options, "--data-dir", str(data_dir)])


def seed(folder: Path) -> Any:
    return checkpoint.verify(folder).get("seed")


def test_promoting_a_checkpoint_onto_itself_keeps_it(installed: Path, data_dir: Path) -> None:
    before = checkpoint.read_report(installed)
    assert promoted(installed, installed, data_dir) == 0
    assert checkpoint.verify(installed) == before.training
    assert checkpoint.read_report(installed) == before


@pytest.mark.parametrize("copies", [0, 2])
def test_a_failed_copy_leaves_the_old_checkpoint(
    run: Path, installed: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch, copies: int
) -> None:
    made = []
    real = shutil.copy

    def failing(source: Path, target: Path) -> object:
        if len(made) == copies:
            raise OSError("No space left on device")
        made.append(target)
        return real(source, target)

    monkeypatch.setattr(shutil, "copy", failing)
    with pytest.raises(OSError, match="No space"):
        promoted(run, installed, data_dir)
    assert seed(installed) is None
    monkeypatch.undo()
    assert promoted(run, installed, data_dir) == 0
    assert seed(installed) == 5
    assert os.listdir(installed.parent) == [STEM]


@pytest.mark.parametrize("number", [1, 2])
def test_a_failed_replacement_leaves_the_old_checkpoint(
    run: Path, installed: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    calls = []
    real = os.replace

    def failing(source: Path, target: Path) -> None:
        calls.append(source)
        if len(calls) == number:
            raise OSError("Input/output error")
        real(source, target)

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(OSError, match="Input/output"):
        promoted(run, installed, data_dir)
    monkeypatch.undo()
    assert seed(installed) is None
    assert promoted(run, installed, data_dir) == 0
    assert seed(installed) == 5


def test_promoting_after_a_kill_between_the_renames_loses_nothing(
    run: Path, installed: Path, data_dir: Path
) -> None:
    """As if the process had died after the old folder was moved away."""
    os.replace(installed, installed.with_name(f".{STEM}.old"))
    (run / checkpoint.WEIGHTS).unlink()  # so this run cannot be installed
    assert promoted(run, installed, data_dir) == 1
    assert seed(installed) is None


def test_a_missed_floor_is_reported_and_does_not_fail(
    installed: Path, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--data-dir", str(data_dir), "--checkpoints", str(installed.parent)]
    status = evaluate.main([STEM, *options])
    report = json.loads(capsys.readouterr().out)[STEM]
    assert report["problems"] == [] and status == 0
    accuracy = report["floors"]["sst2_validation_accuracy"]  # an untrained model guesses
    assert accuracy["met"] is False
    assert accuracy["measured"] == report["metrics"]["sst2_validation_accuracy"]
    assert accuracy["floor"].startswith(">= ")


def test_a_figure_that_differs_from_training_json_fails(
    installed: Path, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    training = checkpoint.read_json(installed, checkpoint.TRAINING)
    training["metrics"]["imdb_validation_accuracy"] = 99.9
    checkpoint.write_json(installed / checkpoint.TRAINING, training)
    options = ["--data-dir", str(data_dir), "--checkpoints", str(installed.parent)]
    assert evaluate.main([STEM, *options]) == 1
    [problem] = json.loads(capsys.readouterr().out)[STEM]["problems"]
    assert "imdb_validation_accuracy" in problem and "99.9" in problem
    assert evaluate.main([STEM, *options, "--write"]) == 0
    assert evaluate.main([STEM, *options]) == 0
    written = checkpoint.read_report(installed)
    assert written.training["metrics"]["imdb_validation_accuracy"] != 99.9
    assert "99.9" not in written.card


def test_promote_refuses_what_is_not_there(tmp_path: Path, data_dir: Path) -> None:
    options = ["--run", str(tmp_path / "none"), "--data-dir", str(data_dir)]
    assert promote.main(["char_seq2seq", *options]) == 1


def test_figures_are_compared_and_what_a_model_writes_is_not() -> None:
    cases = {"hello": "salut", "score": 3}
    assert evaluate.agree(cases, {"hello": "bonjour", "score": 3})
    assert not evaluate.agree(cases, {"hello": 3, "score": 3})
    assert not evaluate.agree(cases, {"hello": "salut", "score": 30})


def test_an_address_in_a_card_is_no_link() -> None:
    """Markdown makes one of what begins with "www.", its escapes included."""
    assert card._written("See http://www.a.org/b.") == r"See http\:\/\/www\.a\.org\/b."


def test_a_card_gives_units_and_folds_the_commands() -> None:
    metrics = {"sst2_validation_accuracy": 91.5, "layer_probe_accuracy": {"layer 1": 80.0}}
    facts = {**FACTS, "went on from": "python -m train.earlier", "metrics": metrics}
    tables, commands = card.figures(facts).split("<details>")
    assert "| SST-2 validation accuracy | 91.5 % |" in tables
    assert "| layer 1 | 80.0 % |" in tables
    assert "python -m" not in tables
    assert "- trained with: `python -m train.sentiment_lstm`" in commands
    assert "- continued from: `python -m train.earlier`" in commands
