"""Continued pretraining: a run's folder is a base, and the right tokens are masked."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from dlnlp import catalog
from dlnlp.models.sentiment_bert import predictor as bert
from train import masked_lm, sentiment_bert


@pytest.fixture(scope="module")
def folder(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "masked_lm"
    masked_lm.main(["--smoke", "--data-dir", str(data_dir), "--out", str(out)])
    return out


def test_a_smoke_run_writes_what_it_did(folder: Path) -> None:
    training = json.loads((folder / "training.json").read_text())
    assert training["command"].startswith("python -m train.") and training["base"]
    assert math.isfinite(training["metrics"]["masked_lm_loss"])
    assert str(folder.parent) not in json.dumps(training)


def test_its_folder_can_be_the_base(folder: Path, data_dir: Path, tmp_path: Path) -> None:
    start = sentiment_bert.pretrained(str(folder))
    for name, tensor in load_file(folder / "model.safetensors").items():
        torch.testing.assert_close(start.model.bert.state_dict()[name], tensor)
    text = "The great film, xyz!"
    assert start.tokenizer.encode(text).tokens == bert.tiny().tokenizer.encode(text).tokens

    options = ["--data-dir", str(data_dir), "--base", str(folder), "--out", str(tmp_path / "out")]
    sentiment_bert.main([*options, "--epochs", "1", "--max-length", "48", "--everyday", "60"])
    assert catalog.record("sentiment_bert").load(tmp_path / "out", "cpu").classify(["a film"])
    training = json.loads((tmp_path / "out" / "training.json").read_text())
    made = json.loads((folder / "training.json").read_text())
    assert training["base"] == made["base"]
    assert training["base trained further with"] == made["command"]
    card = (tmp_path / "out" / "README.md").read_text()
    assert f"- base trained further with: `{made['command']}`" in card
    assert str(tmp_path) not in json.dumps(training) + card


def test_a_base_of_a_base_is_named_by_where_it_began(
    folder: Path, data_dir: Path, tmp_path: Path
) -> None:
    options = ["--data-dir", str(data_dir), "--base", str(folder), "--out", str(tmp_path)]
    masked_lm.main([*options, "--length", "16", "--batch-size", "64", "--epochs", "0.1"])
    training = json.loads((tmp_path / "training.json").read_text())
    made = json.loads((folder / "training.json").read_text())
    assert training["base"] == made["base"]
    assert training["base trained further with"] == made["command"]
    third = sentiment_bert.origin(str(tmp_path))
    assert third["base"] == made["base"]
    assert third["base trained further with"] == f"{training['command']}, after {made['command']}"


def test_what_was_stopped_after_some_steps_is_a_base_and_goes_on(
    folder: Path, data_dir: Path, tmp_path: Path
) -> None:
    options = ["--smoke", "--data-dir", str(data_dir), "--out", str(tmp_path)]
    whole, weights = load_file(folder / "model.safetensors"), tmp_path / "model.safetensors"
    masked_lm.main([*options, "--stop-after", "2"])
    assert sentiment_bert.pretrained(str(tmp_path))
    early = load_file(weights)
    assert any(not early[name].equal(tensor) for name, tensor in whole.items())
    masked_lm.main(options)
    late = load_file(weights)
    for name, tensor in whole.items():
        torch.testing.assert_close(late[name], tensor, msg=name)


def test_a_share_of_the_pieces_is_masked_and_never_a_special_one() -> None:
    tokenizer = bert.tiny().tokenizer
    rows = masked_lm.packed(tokenizer, ["the great film was bad", "a movie ."] * 400, 32, seed=0)
    special = (rows == 2) | (rows == 3)
    assert [tokenizer.id_to_token(i) for i in (2, 3)] == ["[CLS]", "[SEP]"]
    for share in (0.15, 0.4):
        chosen = masked_lm.masked(tokenizer, rows, seed=5, share=share)
        assert not (chosen & special).any()
        assert chosen[~special].float().mean().item() == pytest.approx(share, abs=0.03)
        assert chosen.equal(masked_lm.masked(tokenizer, rows, seed=5, share=share))
    assert not chosen.equal(masked_lm.masked(tokenizer, rows, seed=6, share=share))


def test_packed_rows_hold_the_texts_without_padding() -> None:
    tokenizer = bert.tiny().tokenizer
    texts = [f"{a} film {b}" for a in ("great", "bad") for b in ("loved", "hated")] * 6
    rows = masked_lm.packed(tokenizer, list(texts), 12, seed=0)
    assert rows.shape == (len(texts) * 4 // 10, 12)
    assert (rows[:, 0] == 2).all() and (rows[:, -1] == 3).all()
    assert not (rows == 0).any()
    stream = " ".join(tokenizer.id_to_token(i) for i in rows[:, 1:-1].flatten().tolist())
    assert {part.strip() for part in stream.split("[SEP]")[:-1]} == set(texts)


def test_the_head_is_tied_and_the_encoder_is_the_classifiers() -> None:
    classifier = bert.tiny().model
    model = masked_lm.with_head(classifier)
    embeddings = model.bert.embeddings.word_embeddings.weight
    assert model.cls.predictions.decoder.weight is embeddings
    torch.testing.assert_close(embeddings, classifier.bert.embeddings.word_embeddings.weight)
    assert not any(
        parameter is other for parameter in model.parameters() for other in classifier.parameters()
    )
