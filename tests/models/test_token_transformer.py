from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from dlnlp.inference.sampling import filtered
from dlnlp.models.token_transformer.model import Cache, PositionalEncoding
from dlnlp.models.token_transformer.predictor import tiny
from dlnlp.text.byte_level import BEGIN_ID, UNK_ID, shown

PREDICTOR = tiny()
TEXT = "héllo 😀 <unk> wörld\n\n\u202f茶" * 6


def test_the_future_is_masked() -> None:
    tokens = torch.randint(2, 200, (1, 12))
    changed = tokens.clone()
    changed[0, 8] = (changed[0, 8] + 1) % 200
    with torch.inference_mode():
        before, after = PREDICTOR.model(tokens), PREDICTOR.model(changed)
    torch.testing.assert_close(before[:, :8], after[:, :8])
    assert not torch.allclose(before[:, 8:], after[:, 8:])


def test_the_cache_changes_nothing() -> None:
    tokens = torch.randint(2, 200, (2, 20))
    model = PREDICTOR.model
    with torch.inference_mode():
        whole = model.hidden(tokens)
        cache = Cache(model, len(tokens))
        first = model.hidden(tokens[:, :7], cache)
        second = model.hidden(tokens[:, 7:15], cache)
        third = model.hidden(tokens[:, 15:16], cache)
    torch.testing.assert_close(torch.cat((first, second, third), 1), whole[:, :16])


def test_positions_follow_the_paper() -> None:
    table = PositionalEncoding(8)(torch.zeros(1, 50, 8))[0]
    assert table[10, 4] == pytest.approx(math.sin(10 / 10_000 ** (4 / 8)), abs=1e-5)
    assert table[10, 5] == pytest.approx(math.cos(10 / 10_000 ** (4 / 8)), abs=1e-5)
    moved = PositionalEncoding(8)(torch.zeros(1, 5, 8), start=45)[0]
    torch.testing.assert_close(moved, table[45:])


def test_greedy_generation_is_repeated_prediction() -> None:
    prompt = "hello"
    text = prompt
    for _ in range(8):
        text += PREDICTOR.next_tokens(text, k=1)[0].text
        if "‹" in text:  # a lone byte can't be typed in again
            break
    count = len(text) - len(prompt)
    generated = "".join(PREDICTOR.generate(prompt, max_new_tokens=count, temperature=0))
    assert (prompt + generated).startswith(text.split("‹")[0])


def test_a_seed_repeats_the_text_beyond_the_window() -> None:
    one = list(PREDICTOR.generate("hello", max_new_tokens=100, seed=7))
    assert one == list(PREDICTOR.generate("hello", max_new_tokens=100, seed=7))
    assert one != list(PREDICTOR.generate("hello", max_new_tokens=100, seed=8))


def test_next_tokens_are_a_distribution() -> None:
    found = PREDICTOR.next_tokens("hello", k=300)
    assert sum(t.probability for t in found) == pytest.approx(1)
    assert [t.probability for t in found] == sorted((t.probability for t in found), reverse=True)
    assert "<unk>" not in [t.text for t in found]
    assert len(PREDICTOR.next_tokens("hello", k=10, top_k=3)) == 3
    assert "\ufffd" not in "".join(t.text for t in found)


@pytest.mark.parametrize(
    "settings", [{}, {"temperature": 0.0}, {"temperature": 0.3, "top_k": 40}, {"top_p": 0.6}]
)
def test_next_tokens_narrow_the_distribution(settings: dict[str, float]) -> None:
    found = PREDICTOR.distribution("hello")
    ids = PREDICTOR._encode("hello")
    with torch.inference_mode():
        logits = PREDICTOR.model(torch.tensor([ids]))[0, -1]
        logits[[UNK_ID, BEGIN_ID]] = -torch.inf
        by_hand = logits.log_softmax(-1).double().numpy()
    np.testing.assert_allclose(found.log_probs, by_hand, atol=1e-4)
    probabilities = filtered(by_hand, **settings)  # type: ignore[arg-type]
    tokens = PREDICTOR.next_tokens("hello", k=7, **settings)  # type: ignore[arg-type]
    best = np.argsort(-probabilities, kind="stable")[:7]
    best = best[probabilities[best] > 0]
    assert [t.id for t in tokens] == best.tolist()
    assert [t.text for t in tokens] == [shown(PREDICTOR.pieces[i]) for i in best]
    assert [t.probability for t in tokens] == pytest.approx(probabilities[best], abs=1e-5)


def test_a_distribution_shares_its_vocabulary_and_knows_fragments() -> None:
    one, two = PREDICTOR.distribution("a"), PREDICTOR.distribution("b" * 100)
    assert one.texts is two.texts and one.fragments is two.fragments
    assert (one.truncated, two.truncated) == (False, True)
    assert len(one.fragments) == 128  # of the 256 bytes those above 127
    assert all(one.texts[i].startswith("‹") for i in one.fragments)
    assert not one.may_follow(UNK_ID) and not one.may_follow(BEGIN_ID)


def test_a_streamed_piece_knows_its_tokens() -> None:
    pieces = list(PREDICTOR.stream("hello", max_new_tokens=60, temperature=2.0, seed=3))
    assert sum(piece.tokens for piece in pieces) == 60
    assert max(piece.tokens for piece in pieces) > 1
    texts = [piece.text for piece in pieces]
    assert texts == list(PREDICTOR.generate("hello", 60, temperature=2.0, seed=3))


def test_a_scored_token_knows_what_was_expected() -> None:
    text = "é<unk>a" * 20  # beyond the first window, too
    scores = PREDICTOR.score(text)
    assert sum(each.tokens for each in scores) == len(PREDICTOR._encode(text)) - 1
    assert scores[0].tokens == 2
    for each in scores:
        chances = [other.probability for other in each.expected]
        assert len(chances) == 3 and chances == sorted(chances, reverse=True)
        assert not {other.id for other in each.expected} & {UNK_ID, BEGIN_ID}
    with torch.inference_mode():
        ids = PREDICTOR._encode("éa")
        probabilities = PREDICTOR.model(torch.tensor([ids]))[0].softmax(-1).numpy()
    first, second = PREDICTOR.score("éa")
    probabilities[:, [UNK_ID, BEGIN_ID]] = 0
    for found, place in ((first, 0), (second, 2)):
        best = np.argsort(-probabilities[place])[:3]
        assert [other.id for other in found.expected] == best.tolist()
        chances = [other.probability for other in found.expected]
        assert chances == pytest.approx(probabilities[place][best], abs=1e-5)


@pytest.mark.parametrize("text", ["", "a", "hello", TEXT, "\n \n", "e\u0301"])
def test_scored_pieces_join_to_the_text(text: str) -> None:
    assert "".join(piece.text for piece in PREDICTOR.score(text)) == text


def test_windows_score_every_token_once() -> None:
    """Short text: the sum over windows is the sum by hand."""
    text = "hello world"
    ids = PREDICTOR._encode(text)
    with torch.inference_mode():
        logp = PREDICTOR.model(torch.tensor([ids[:-1]])).log_softmax(-1)[0]
    expected = sum(float(logp[i, token]) for i, token in enumerate(ids[1:]))
    assert PREDICTOR.total(text) == pytest.approx(expected, abs=1e-3)
    long = text * 20
    assert len(PREDICTOR._window_scores(PREDICTOR._encode(long))) == len(long)


def test_bytes_that_are_no_character_are_shown_as_such() -> None:
    assert shown("é".encode()) == "é"
    assert shown(b"\xc3") == "‹C3›"


@pytest.mark.parametrize(
    "setting", [{"temperature": -1.0}, {"top_p": 2.0}, {"top_k": 0}, {"max_new_tokens": -1}]
)
def test_a_wrong_setting_is_refused_at_once(setting: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(setting))):
        PREDICTOR.generate("hello", **setting)  # type: ignore[arg-type]


def test_attention_looks_back_only() -> None:
    found = PREDICTOR.attention("hello")
    assert found.tokens == ("<|endoftext|>", *"hello")
    assert found.weights.shape == (2, 2, 6, 6)
    assert not found.weights[..., ~torch.ones(6, 6, dtype=torch.bool).tril().numpy()].any()
    assert PREDICTOR.attention("x" * 100).truncated
    assert not found.truncated


def test_generators_run_in_inference_mode_in_any_thread() -> None:
    import threading

    pieces = PREDICTOR.generate("hello", max_new_tokens=6, seed=1)
    found = [next(pieces)]
    thread = threading.Thread(target=lambda: found.extend(pieces))
    thread.start()
    thread.join()
    assert found == list(PREDICTOR.generate("hello", max_new_tokens=6, seed=1))
    assert not torch.is_inference_mode_enabled()


def test_a_prompt_beyond_the_window_is_known_as_such() -> None:
    assert not PREDICTOR.is_cut("x" * 31)
    assert PREDICTOR.is_cut("x" * 32)
    assert PREDICTOR.is_cut("x" * 20, max_new_tokens=16)
