"""The ONNX Runtime engine on a tiny graph; with BERT's graph it is tested beside its export."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper, save

from dlnlp.accelerate.onnx import GRAPH, Engine, open_engine
from dlnlp.inference.deadline import DeadlineExceeded, deadline


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    """A graph that returns, for each token, the id where the mask is 1."""
    inputs = [
        helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch", "tokens"]),
        helper.make_tensor_value_info("mask", TensorProto.INT32, ["batch", "tokens"]),
    ]
    nodes = [
        helper.make_node("Cast", ["ids"], ["values"], to=TensorProto.FLOAT),
        helper.make_node("Cast", ["mask"], ["kept"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["values", "kept"], ["logits"]),
    ]
    output = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", "tokens"])
    opset = [helper.make_opsetid("", 18)]
    model = helper.make_model(
        helper.make_graph(nodes, "masked", inputs, [output]), opset_imports=opset, ir_version=9
    )
    save(model, tmp_path / GRAPH)
    return tmp_path / GRAPH


@pytest.mark.parametrize("threads", [1, 2])
def test_batches_come_back_in_order(graph: Path, threads: int) -> None:
    batches = [(torch.full((2, n), n), torch.ones(2, n)) for n in (3, 9, 1, 5, 7)]
    found = Engine(graph, threads)(batches)
    assert [rows.shape for rows in found] == [(2, n) for n in (3, 9, 1, 5, 7)]
    assert [rows[0, 0] for rows in found] == [3, 9, 1, 5, 7]


def test_arrays_and_tensors_are_read_alike(graph: Path) -> None:
    ids, mask = torch.tensor([[4, 5, 6]]), torch.tensor([[1, 1, 0]])
    engine = Engine(graph, 1)
    [one], [other] = engine([(ids, mask)]), engine([(ids.numpy(), mask.numpy())])
    assert one.tolist() == other.tolist() == [[4, 5, 0]]


@pytest.mark.parametrize("count", [1, 20], ids=["one after another", "in parallel"])
def test_a_deadline_stops_the_engine(graph: Path, count: int) -> None:
    engine = Engine(graph, 2)
    batches = [(np.ones((1, 2)), np.ones((1, 2)))] * count
    with deadline(-1), pytest.raises(DeadlineExceeded):
        engine(batches)
    with deadline(100):
        assert len(engine(batches)) == count


def test_a_graph_that_cannot_be_opened_gives_no_engine(tmp_path: Path) -> None:
    (tmp_path / GRAPH).write_bytes(b"no graph")
    assert open_engine(tmp_path / GRAPH, 1) is None
