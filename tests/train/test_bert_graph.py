"""BERT's ONNX graph: as good as PyTorch, or not there."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from dlnlp import checkpoint
from dlnlp.accelerate.onnx import GRAPH, Engine
from dlnlp.checkpoint import TRAINING, WEIGHTS, CheckpointError
from dlnlp.models.sentiment_bert import predictor as sentiment_bert
from dlnlp.models.sentiment_bert.predictor import SentimentBertPredictor
from train import bert_graph
from train.data.sets import Labelled

FACTS = {
    "metrics": {},
    "parameters": 1,
    "command": "python -m train.sentiment_bert",
    "training_minutes": 0.1,
    "device": "1 CPU thread",
}
TEXTS = [
    "good",
    "the film was not bad but great !",
    "",
    "terrible movie .",
    "i loved the great , great movie , but the film was hated ! " * 3,
]
ROWS = Labelled(TEXTS, [1.0, 1.0, 0.0, 0.0, 1.0])


def saved(folder: Path, hidden: int, intermediate: int, seed: int) -> Path:
    """A tiny BERT of this size; with these seeds its logits lie on both sides of 0."""
    small = sentiment_bert.tiny()
    sizes = {"hidden_size": hidden, "intermediate_size": intermediate}
    torch.manual_seed(seed)
    model = sentiment_bert.build({**small.model.config.to_dict(), **sizes})
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    sentiment_bert.save(folder, SentimentBertPredictor(model, small.tokenizer), FACTS)
    return folder


@pytest.fixture(params=[(16, 24, 3), (32, 64, 1)], ids=["float", "int8"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return saved(tmp_path / "sentiment_bert", *request.param)


@pytest.fixture
def exported(folder: Path) -> Path:
    bert_graph.export(folder, ROWS)
    return folder


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one whenever a PyTorch model is built."""
    found: list[int] = []
    real: Callable[..., object] = sentiment_bert.build
    monkeypatch.setattr(sentiment_bert, "build", lambda c: found.append(1) or real(c))
    return found


def unlist(folder: Path) -> None:
    """Let training.json forget the graph."""
    training = json.loads((folder / TRAINING).read_text())
    del training["files"][GRAPH]
    checkpoint.write_json(folder / TRAINING, training)


def test_the_graph_is_installed_and_vouched_for(folder: Path) -> None:
    found = bert_graph.export(folder, ROWS)
    assert found["label_agreement"] == 100 and found["accuracy_gained"] == 0
    training = checkpoint.verify(folder)
    assert training["files"][GRAPH] == checkpoint.sha256(folder / GRAPH)
    assert training["engine"].items() >= found.items()
    assert (folder / GRAPH).stat().st_size < (folder / WEIGHTS).stat().st_size
    assert bert_graph.export(folder, ROWS) == found  # once more over itself
    assert checkpoint.verify(folder) == training


def test_its_logits_are_pytorchs(exported: Path) -> None:
    fast, plain = (sentiment_bert.load(exported, "cpu") for _ in range(2))
    assert fast.engine
    plain.engine = None
    in_int8 = plain.model.config.hidden_size % bert_graph.BLOCK == 0
    expected = plain.logits(TEXTS)
    assert min(expected) < 0 < max(expected) and np.ptp(expected) > 0.5  # else no feat
    assert fast.logits(TEXTS) == pytest.approx(expected, abs=0.06 if in_int8 else 1e-4)
    assert [s.label for s in fast.classify(TEXTS)] == [s.label for s in plain.classify(TEXTS)]


def test_who_shares_the_batch_changes_nothing(exported: Path) -> None:
    predictor = sentiment_bert.load(exported, "cpu")
    ids, mask = sentiment_bert.collate(
        [sentiment_bert.encode(predictor.tokenizer, text) for text in TEXTS]
    )
    assert predictor.engine and not mask.all()
    [together] = predictor.engine([(ids.numpy(), mask.numpy())])
    for row, kept, logits in zip(ids.numpy(), mask.sum(1).tolist(), together, strict=True):
        [alone] = predictor.engine([(row[None, :kept], np.ones((1, kept), dtype=np.int64))])
        np.testing.assert_allclose(logits, alone[0], atol=1e-4)
    many = TEXTS * 30
    assert predictor.logits(many) == pytest.approx(predictor.logits(TEXTS) * 30, abs=1e-4)


@pytest.mark.parametrize("threads", [1, 2])
def test_many_batches_are_read_side_by_side_as_one_by_one(exported: Path, threads: int) -> None:
    engine = Engine(exported / GRAPH, threads)
    chance = np.random.default_rng(0)
    batches = [(chance.integers(5, 20, (2, n)), np.ones((2, n))) for n in (3, 9, 1, 5, 7)]
    alone = [engine([batch])[0] for batch in batches]
    assert len({row.tobytes() for row in alone}) == 5  # else their order would not show
    for one, other in zip(engine(batches), alone, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    assert engine([]) == []


def test_a_text_beyond_its_positions_is_read_in_windows(exported: Path) -> None:
    fast, plain = (sentiment_bert.load(exported, "cpu") for _ in range(2))
    plain.engine = None
    text = "the great film was not good . " * 30
    assert fast.logits([text]) == pytest.approx(plain.logits([text]), abs=0.05)
    assert fast.classify(["a film. " * 500])[0].truncated


@pytest.mark.parametrize("verb", ["explain", "attention", "layers"])
def test_pytorchs_model_is_built_when_it_is_asked(
    exported: Path, built: list[int], verb: str
) -> None:
    predictor = sentiment_bert.load(exported, "cpu")
    predictor.classify(TEXTS)
    predictor.explain(TEXTS[1], "leave_one_out")
    assert not built
    with ThreadPoolExecutor(4) as pool:
        asked = list(pool.map(getattr(predictor, verb), TEXTS[:2] * 4))
    assert len(asked) == 8 and sum(built) == 1
    assert predictor.device.type == "cpu"
    # Whoever asked first, gradients can be taken of it.
    assert np.isfinite(predictor.explain(TEXTS[1]).scores).all()


def test_both_engines_explain_alike(exported: Path) -> None:
    fast, plain = (sentiment_bert.load(exported, "cpu") for _ in range(2))
    plain.engine = None
    one, other = fast.explain(TEXTS[1]), plain.explain(TEXTS[1])
    np.testing.assert_allclose(one.scores, other.scores, atol=1e-5)
    assert fast.layers(TEXTS[1]) == plain.layers(TEXTS[1])


@pytest.mark.parametrize("name", [WEIGHTS, GRAPH])
def test_a_changed_file_is_not_loaded(exported: Path, name: str) -> None:
    content = bytearray((exported / name).read_bytes())
    content[-1] ^= 1
    (exported / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=name):
        sentiment_bert.load(exported, "cpu")


def test_a_missing_graph_is_not_overlooked(exported: Path) -> None:
    (exported / GRAPH).unlink()
    with pytest.raises(CheckpointError, match=GRAPH):
        sentiment_bert.load(exported, "cpu")


def test_a_graph_that_is_not_listed_is_not_used(exported: Path, built: list[int]) -> None:
    unlist(exported)
    predictor = sentiment_bert.load(exported, "cpu")
    assert predictor.engine is None and built
    assert len(predictor.classify(TEXTS)) == len(TEXTS)


def test_a_graph_that_onnxruntime_refuses_leaves_it_to_pytorch(exported: Path) -> None:
    (exported / GRAPH).write_bytes(b"no graph")
    training = json.loads((exported / TRAINING).read_text())
    training["files"][GRAPH] = checkpoint.sha256(exported / GRAPH)
    checkpoint.write_json(exported / TRAINING, training)
    predictor = sentiment_bert.load(exported, "cpu")
    assert predictor.engine is None
    assert len(predictor.classify(TEXTS)) == len(TEXTS)


def test_without_a_graph_pytorch_answers(folder: Path) -> None:
    predictor = sentiment_bert.load(folder, "cpu")
    assert predictor.engine is None
    assert len(predictor.classify(TEXTS)) == len(TEXTS)


@pytest.mark.parametrize("before", [False, True], ids=["first", "again"])
def test_a_graph_that_disagrees_is_not_kept(
    folder: Path, before: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if before:
        bert_graph.export(folder, ROWS)
    monkeypatch.setattr(bert_graph, "LEAST_AGREEMENT", 101)
    bert_graph.export(folder, ROWS)
    assert not (folder / GRAPH).exists()
    training = checkpoint.verify(folder)
    assert GRAPH not in training["files"] and "engine" not in training
    assert sentiment_bert.load(folder, "cpu").engine is None


def test_an_export_that_was_cut_short_can_be_repeated(
    exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bert_graph, "Engine", cut)
    with pytest.raises(KeyboardInterrupt):
        bert_graph.export(exported, ROWS)
    monkeypatch.undo()
    assert sentiment_bert.load(exported, "cpu").engine is None
    bert_graph.export(exported, ROWS)
    assert sentiment_bert.load(exported, "cpu").engine


def test_another_activation_is_refused(folder: Path) -> None:
    config = json.loads((folder / checkpoint.CONFIG).read_text())
    (folder / checkpoint.CONFIG).write_text(json.dumps({**config, "hidden_act": "relu"}))
    with pytest.raises(ValueError, match="relu"):
        bert_graph.build(folder)


def test_the_command_says_whether_it_installed(
    folder: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = [str(folder), "--data-dir", str(data_dir)]
    assert bert_graph.main(arguments) == 0
    monkeypatch.setattr(bert_graph, "LEAST_AGREEMENT", 101)
    assert bert_graph.main(arguments) == 1
