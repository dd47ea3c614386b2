"""Walks through tiny models, with shapes computed by hand, and their source lines."""

import linecache
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

from dlnlp import catalog
from dlnlp.inference.walk import walk
from dlnlp.learn.corrections import MODELS


@pytest.fixture(scope="module")
def walks():
    return {entry.stem: entry.tiny().walk("the film was good") for entry in catalog.CATALOG}


def outputs(found, name):
    return next(call.outputs[0] for call in found.calls if call.name == name)


def assigned(found, function, variable):
    [traced] = [each for each in found.functions if each.name == function]
    return next(each.shape for each in traced.assigned if each.variable == variable)


def test_the_lstm(walks):
    found = walks["sentiment_lstm"]  # 4 words, 8 embedding dimensions, 2 x 8 units
    assert found.read == ("the", "film", "was", "good")
    assert outputs(found, "embedding") == (1, 4, 8)
    assert outputs(found, "lstm") == (4, 16)  # packed
    assert assigned(found, "SentimentLSTM.states", "states") == (1, 4, 16)
    assert assigned(found, "SentimentLSTM.read", "pooled") == (1, 16)
    assert outputs(found, "") == (1,)


def test_the_translator(walks):
    found = walks["char_seq2seq"]  # 16 hidden units, 8 embedding dimensions
    source, target = len(found.read), len(found.written)
    assert source == len("The film was good.")
    assert found.written[0] == "<sos>"
    assert outputs(found, "encoder.gru") == (1, source, 16)
    assert assigned(found, "Decoder.forward", "attention") == (1, target, source)
    assert assigned(found, "Decoder.forward", "joined") == (1, target, 8 + 2 * 16)


def test_the_transformer(walks):
    found = walks["token_transformer"]  # a token per byte, 16 features, 2 heads, 2 blocks
    tokens = 1 + len("the film was good")
    assert outputs(found, "positions") == (1, tokens, 16)
    assert assigned(found, "Block.forward", "q") == (1, 2, tokens, 8)
    assert assigned(found, "attend", "weights") == (1, 2, tokens, tokens)
    assert outputs(found, "blocks.0.up") == (1, tokens, 64)
    assert not [call for call in found.calls if call.name.startswith("blocks.1")]
    assert {call.repeats for call in found.calls if call.name.startswith("blocks.0")} == {2}


def test_bert(walks):
    found = walks["sentiment_bert"]  # 16 features, 2 layers
    assert (found.read[0], found.read[-1], len(found.read)) == ("[CLS]", "[SEP]", 6)
    assert outputs(found, "bert.embeddings.word_embeddings") == (1, 6, 16)
    assert outputs(found, "bert.pooler.dense") == (1, 16)
    assert outputs(found, "classifier") == (1, 2)
    files = {each.file for each in found.functions}
    assert files == {"model.py", "modeling_bert.py"}


@pytest.mark.parametrize("stem", [entry.stem for entry in catalog.CATALOG])
def test_lines_are_those_of_the_file_and_call_what_they_say(walks, stem):
    found, path = walks[stem], str(MODELS / stem / "model.py")
    for traced in found.functions:
        if traced.file == "model.py":
            for number, line in enumerate(traced.lines, traced.first):
                assert line.strip() == linecache.getline(path, number).strip()
    for call in found.calls:
        if call.function >= 0:
            traced = found.functions[call.function]
            line = traced.lines[call.line - traced.first]
            name = call.name.rpartition(".")[2]
            assert (name or "model(") in line or name.isdigit() or traced.file != "model.py"
    for traced in found.functions:
        for each in traced.assigned:
            lines = traced.lines[: each.line - traced.first + 1]
            assert any(each.variable in line for line in lines), each


@pytest.mark.parametrize("stem", [entry.stem for entry in catalog.CATALOG])
def test_parameters_are_counted(walks, stem):
    model = catalog.record(stem).tiny().model
    [whole] = [call for call in walks[stem].calls if not call.name][:1]
    assert whole.parameters == sum(each.numel() for each in model.parameters())


class Wrong(nn.Module):
    def forward(self, x):
        raise RuntimeError("no")


def test_tracing_ends_after_an_error():
    before = sys.gettrace()
    with pytest.raises(RuntimeError):
        walk(Wrong(), lambda: Wrong()(1), [__file__], "tokens", ["a"])
    assert sys.gettrace() is before


class Slow(nn.Module):
    """Waits for the other thread inside of its forward pass."""

    def __init__(self, meet):
        super().__init__()
        self.linear, self.meet = nn.Linear(2, 3), meet

    def forward(self, x):
        self.meet.wait(10)
        y = self.linear(x)
        self.meet.wait(10)
        return y


def test_walks_side_by_side_see_only_their_own_calls():
    import threading

    model = Slow(threading.Barrier(2))

    def one(rows):
        x = torch.zeros(rows, 2)
        return walk(model, lambda: model(x), [__file__], "tokens", ["a"])

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(one, (4, 5)))
    assert [[call.outputs[0] for call in each.calls] for each in found] == [
        [(4, 3), (4, 3)],
        [(5, 3), (5, 3)],
    ]
