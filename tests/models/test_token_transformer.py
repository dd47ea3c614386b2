from __future__ import annotations

import math

import pytest
import torch

from dlnlp.models.token_transformer import PositionalEncoding, shown, tiny

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
        whole, _ = model.hidden(tokens)
        first, cache = model.hidden(tokens[:, :7])
        second, cache = model.hidden(tokens[:, 7:15], cache)
        third, _ = model.hidden(tokens[:, 15:16], cache)
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
