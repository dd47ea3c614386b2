"""The fast writer must generate what the model's plain loop generates."""

from __future__ import annotations

import copy
from itertools import pairwise

import pytest
import torch

from dlnlp.accelerate import speculative
from dlnlp.accelerate.packed import EightBitLinear, PackedLinear, can_pack, replace_linear
from dlnlp.accelerate.speculative import DRAFTED, FastWriter, Reader
from dlnlp.models.token_transformer.model import Cache, TransformerModel
from dlnlp.models.token_transformer.predictor import TokenTransformerPredictor, tiny

PREDICTOR = tiny()
CONTEXT = PREDICTOR.model.config.context
PROMPT = [1, 70]
packs = pytest.mark.skipif(
    not can_pack(PREDICTOR.model.embedding.weight), reason="this build of PyTorch has no oneDNN"
)
drafts = pytest.mark.skipif(
    FastWriter(PREDICTOR.model).copies().draft is None, reason="int8 is slow on this processor"
)


def sharp() -> TransformerModel:
    """A model that is more certain than an untrained one, so that the draft can agree with it."""
    model = copy.deepcopy(PREDICTOR.model)
    with torch.no_grad():
        model.norm.weight.mul_(300)
    return model


def greedy(logits: torch.Tensor, ids: list[int]) -> int:
    return int(logits.argmax())


def spied(monkeypatch: pytest.MonkeyPatch, writer: FastWriter) -> list[tuple[int, list[int]]]:
    """The cache's length and the tokens, each time that the model itself reads."""
    copies, fed = writer.copies(), list[tuple[int, list[int]]]()
    real = Reader.logits

    def spy(self: Reader, tokens: list[int], cache: Cache, last: int = 1) -> torch.Tensor:
        if self is copies.reader:
            fed.append((cache.length, list(tokens)))
        return real(self, tokens, cache, last)

    monkeypatch.setattr(Reader, "logits", spy)
    return fed


@packs
@pytest.mark.parametrize("linear", [PackedLinear, EightBitLinear])
def test_replaced_linear_layers_give_the_same_hidden_states(linear) -> None:
    model = PREDICTOR.model
    replaced = replace_linear(model, linear)
    assert {type(m) for m in replaced.blocks.modules()}.isdisjoint({torch.nn.Linear})
    tokens = torch.randint(2, 200, (2, 9))
    near = {"atol": 2e-2, "rtol": 2e-2} if linear is EightBitLinear else {}
    with torch.inference_mode():
        torch.testing.assert_close(replaced.hidden(tokens), model.hidden(tokens), **near)


def test_a_model_that_cannot_be_packed_is_used_as_it_is() -> None:
    double = copy.deepcopy(PREDICTOR.model).double()
    writer = FastWriter(double)
    assert writer.copies().reader.model is double and writer.copies().draft is None
    assert list(writer.generate(PROMPT, 40, greedy)) == list(double.generate(PROMPT, 40, greedy))


@pytest.mark.parametrize("length", [1, CONTEXT // 2, CONTEXT])
def test_greedy_generation_is_that_of_the_plain_loop(length: int) -> None:
    model, prompt = sharp(), [1, *range(70, 70 + length - 1)]
    plain = list(model.generate(prompt, 3 * CONTEXT, greedy))
    assert list(FastWriter(model).generate(prompt, 3 * CONTEXT, greedy)) == plain


@pytest.mark.parametrize(
    "settings",
    [
        {"temperature": 0},
        {"seed": 5},
        {"seed": 5, "top_k": 9},
        {"seed": 5, "repetition_penalty": 1.5},
        {"temperature": 0, "repetition_penalty": 1.5},
    ],
)
@pytest.mark.parametrize("prompt", ["hello", "hello "])
def test_the_same_draws_give_the_text_of_the_plain_loop(settings, prompt) -> None:
    model = sharp()
    fast = TokenTransformerPredictor(model, PREDICTOR.tokenizer)
    plain = TokenTransformerPredictor(model, PREDICTOR.tokenizer, writer=model)
    count = 3 * CONTEXT
    assert list(fast.stream(prompt, count, **settings)) == list(
        plain.stream(prompt, count, **settings)
    )


@drafts
def test_most_drafted_tokens_are_kept(monkeypatch) -> None:
    writer = FastWriter(sharp())
    fed = spied(monkeypatch, writer)
    assert len(list(writer.generate(PROMPT, 3 * CONTEXT, greedy))) == 3 * CONTEXT
    assert len(fed) < 3 * CONTEXT / 2


@drafts
def test_a_wrong_draft_is_replaced_and_forgotten(monkeypatch) -> None:
    writer = FastWriter(PREDICTOR.model)
    expected = list(writer.generate(PROMPT, 20, greedy))
    guesses = iter(range(10**6))
    real = speculative._drafted

    def bad(*given) -> list[int]:
        return [2 + next(guesses) % 200 for _ in real(*given)]

    monkeypatch.setattr(speculative, "_drafted", bad)
    assert list(writer.generate(PROMPT, 20, greedy)) == expected


@drafts
def test_each_token_is_read_once_and_drafted_tokens_together(monkeypatch) -> None:
    writer = FastWriter(sharp())
    fed = spied(monkeypatch, writer)
    written = list(writer.generate(PROMPT, 15, greedy))
    assert next(row for _, row in fed) == PROMPT
    assert max(len(row) for _, row in fed) == DRAFTED + 1
    known = [*PROMPT, *written]
    for filled, row in fed:
        assert known[filled] == row[0]
    assert all(before < after for (before, _), (after, _) in pairwise(fed))


def test_a_full_context_is_continued_from_its_later_half(monkeypatch) -> None:
    writer = FastWriter(PREDICTOR.model)
    fed = spied(monkeypatch, writer)
    written = list(writer.generate(PROMPT, CONTEXT + 5, greedy))
    again = [row for filled, row in fed if filled == 0][1]
    known = [*PROMPT, *written]
    assert again == [PROMPT[0], *known[CONTEXT - CONTEXT // 2 + 1 : CONTEXT + 1]]
    assert all(filled + len(row) <= CONTEXT for filled, row in fed)


def test_exactly_as_many_tokens_as_were_asked_for() -> None:
    for count in (0, 1, DRAFTED, DRAFTED + 2):
        assert len(list(FastWriter(sharp()).generate(PROMPT, count, greedy))) == count


def optimizer_step(model: TransformerModel) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=10.0)
    model(torch.tensor([PROMPT]))[0, -1, 5:9].sum().backward()
    optimizer.step()


def loading(model: TransformerModel) -> None:
    torch.manual_seed(1)
    other = TransformerModel(258, 16, 2, 2, context=CONTEXT)
    model.load_state_dict(other.state_dict())


def replacing(model: TransformerModel) -> None:
    torch.manual_seed(1)
    model.blocks[0].up = torch.nn.Linear(16, 64)
    model.embedding = torch.nn.Embedding(258, 16)


@pytest.mark.parametrize("change", [optimizer_step, loading, replacing])
def test_changed_weights_are_those_of_the_next_generation(change) -> None:
    model = copy.deepcopy(PREDICTOR.model)
    predictor = TokenTransformerPredictor(model, PREDICTOR.tokenizer)
    before = list(predictor.generate("hello", 60, temperature=0))
    change(model)
    fresh = TokenTransformerPredictor(copy.deepcopy(model), PREDICTOR.tokenizer)
    after = list(predictor.generate("hello", 60, temperature=0))
    assert after == list(fresh.generate("hello", 60, temperature=0))
    assert after != before


@packs
def test_a_generation_ends_with_the_weights_it_began_with() -> None:
    model = sharp()
    expected = list(FastWriter(model).generate(PROMPT, 50, greedy))
    writing = FastWriter(model).generate(PROMPT, 50, greedy)
    found = [next(writing) for _ in range(9)]
    loading(model)
    assert [*found, *writing] == expected


def test_unchanged_weights_are_copied_once() -> None:
    writer = FastWriter(PREDICTOR.model)
    assert writer.copies() is writer.copies()


def test_weights_loaded_in_inference_mode_can_be_used() -> None:
    with torch.inference_mode():
        model = TransformerModel(258, 16, 2, 2, context=CONTEXT).eval()
    assert len(list(FastWriter(model).generate(PROMPT, 5, greedy))) == 5
