"""Fast writing, which must not change what is written."""

from __future__ import annotations

import copy
from itertools import pairwise

import numpy as np
import pytest
import torch

from dlnlp.accelerate import speculative as writer
from dlnlp.accelerate.packed import EightBitLinear, PackedLinear, can_pack
from dlnlp.accelerate.speculative import READ_AHEAD, Writer
from dlnlp.models.token_transformer.model import Cache, TransformerModel
from dlnlp.models.token_transformer.predictor import TokenTransformerPredictor, tiny
from dlnlp.text.byte_level import BEGIN_ID

PREDICTOR = tiny()
CONTEXT = PREDICTOR.model.config.context
packs = pytest.mark.skipif(
    not can_pack(PREDICTOR.model.embedding.weight), reason="this build of torch has no oneDNN"
)

drafts = pytest.mark.skipif(
    Writer(PREDICTOR.model).draft is None, reason="this processor is not quick in 8 bits"
)


def sharp() -> TransformerModel:
    """A model that is surer of itself than an untrained one, so that a draft can agree."""
    model = copy.deepcopy(PREDICTOR.model)
    with torch.no_grad():
        model.norm.weight.mul_(300)
    return model


def best(log_probs: np.ndarray, place: int) -> int:
    return int(log_probs.argmax())


def spied(monkeypatch: pytest.MonkeyPatch, model: TransformerModel) -> list[tuple[int, list[int]]]:
    """How full the cache was, and the tokens, each time that the model reads."""
    hidden, fed = model.hidden, list[tuple[int, list[int]]]()

    def spy(tokens: torch.Tensor, cache: Cache) -> torch.Tensor:
        fed.append((cache.length, tokens[0].tolist()))
        return hidden(tokens, cache)

    monkeypatch.setattr(model, "hidden", spy)
    return fed


@packs
@pytest.mark.parametrize("linear", [PackedLinear, EightBitLinear])
def test_a_rebuilt_model_gives_the_same_logits(linear) -> None:
    model = PREDICTOR.model
    rebuilt = model.rebuilt(linear)
    assert {type(m) for m in rebuilt.blocks.modules()}.isdisjoint({torch.nn.Linear})
    tokens = torch.randint(2, 200, (2, 9))
    near = {"atol": 5e-3, "rtol": 2e-2} if linear is EightBitLinear else {}
    with torch.inference_mode():
        torch.testing.assert_close(rebuilt(tokens), model(tokens), **near)
        cache = rebuilt.cache()
        rebuilt.hidden(tokens[:1, :8], cache)
        last = rebuilt.logits(rebuilt.hidden(tokens[:1, 8:], cache))
        torch.testing.assert_close(last, model(tokens)[:1, 8:], **near)


def test_what_cannot_be_packed_writes_as_it_is() -> None:
    double = copy.deepcopy(PREDICTOR.model).double()
    plain = Writer(double)
    assert plain.model is double and plain.draft is None
    assert len(list(plain.tokens([BEGIN_ID], 5, best))) == 5


@drafts
@pytest.mark.parametrize("settings", [{"temperature": 0}, {"seed": 5}, {"seed": 5, "top_k": 9}])
def test_reading_ahead_changes_nothing(settings, monkeypatch) -> None:
    model = sharp()
    ahead = TokenTransformerPredictor(model, PREDICTOR.tokenizer)
    fed = spied(monkeypatch, ahead._writer.model)
    alone = TokenTransformerPredictor(model, PREDICTOR.tokenizer)
    alone._writer.draft = None
    count = 3 * CONTEXT
    one = [piece.text for piece in ahead.stream("hello", count, **settings)]
    assert one == [piece.text for piece in alone.stream("hello", count, **settings)]
    assert len(fed) < count / 2  # most guesses were right


def test_what_is_written_is_what_reading_everything_again_would_give() -> None:
    model, known = sharp(), [BEGIN_ID, 70]
    window = list(known)
    for _ in range(3 * CONTEXT):
        if len(window) > CONTEXT:
            window = [BEGIN_ID, *window[-CONTEXT // 2 :]]
        with torch.inference_mode():
            token = best(writer.predictable(model(torch.tensor([window]))[0, -1]), 0)
        known.append(token)
        window.append(token)
    assert [*known[:2], *Writer(model).tokens(known[:2], 3 * CONTEXT, best)] == known


@drafts
def test_a_wrong_guess_is_replaced_and_forgotten(monkeypatch) -> None:
    writing = Writer(PREDICTOR.model)
    expected = list(Writer(PREDICTOR.model).tokens([BEGIN_ID, 70], 20, best))
    guesses = iter(range(10**6))
    real = writing._guesses

    def bad(*given) -> list[int]:
        return [2 + next(guesses) % 200 for _ in real(*given)]

    monkeypatch.setattr(writing, "_guesses", bad)
    assert list(writing.tokens([BEGIN_ID, 70], 20, best)) == expected


@drafts
def test_the_model_reads_every_token_once_and_guesses_in_one_go(monkeypatch) -> None:
    writing = Writer(sharp())
    fed = spied(monkeypatch, writing.model)
    written = list(writing.tokens([BEGIN_ID, 70], 15, best))
    assert next(row for _, row in fed) == [BEGIN_ID, 70]
    assert max(len(row) for _, row in fed) == READ_AHEAD + 1
    known = [BEGIN_ID, 70, *written]
    for filled, row in fed:
        assert known[filled] == row[0]
    assert all(before < after for (before, _), (after, _) in pairwise(fed))


def test_beyond_the_window_its_later_half_is_read_afresh(monkeypatch) -> None:
    writing = Writer(PREDICTOR.model)
    fed = spied(monkeypatch, writing.model)
    written = list(writing.tokens([BEGIN_ID, 70], CONTEXT + 5, best))
    again = [row for filled, row in fed if filled == 0][1]
    known = [BEGIN_ID, 70, *written]
    assert again == [BEGIN_ID, *known[CONTEXT - CONTEXT // 2 + 1 : CONTEXT + 1]]
    assert all(filled + len(row) <= CONTEXT for filled, row in fed)


def test_exactly_as_many_tokens_as_were_asked_for() -> None:
    for count in (0, 1, READ_AHEAD, READ_AHEAD + 2):
        assert len(list(Writer(sharp()).tokens([BEGIN_ID], count, best))) == count


def test_what_may_not_be_predicted_never_is() -> None:
    found = writer.predictable(torch.full((2, 5), 3.0))
    assert np.isneginf(found[:, :2]).all()
    np.testing.assert_allclose(np.exp(found).sum(axis=1), 1, rtol=1e-5)
