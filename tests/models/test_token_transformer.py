from __future__ import annotations

import ast
import math
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from dlnlp.inference.deadline import DeadlineExceeded, deadline
from dlnlp.inference.sampling import filtered
from dlnlp.models.token_transformer import model as chapter
from dlnlp.models.token_transformer.model import Cache, PositionalEncoding
from dlnlp.models.token_transformer.predictor import TokenTransformerPredictor, tiny
from dlnlp.models.token_transformer.scoring import predictable, windows
from dlnlp.text.byte_level import BEGIN_ID, UNK_ID, byte_tokenizer, shown

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
    ids = PREDICTOR.tokens.encode("hello")
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
    assert [t.text for t in tokens] == [shown(PREDICTOR.tokens.bytes[i]) for i in best]
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
    assert sum(each.tokens for each in scores) == len(PREDICTOR.tokens.encode(text)) - 1
    assert scores[0].tokens == 2
    for each in scores:
        chances = [other.probability for other in each.expected]
        assert len(chances) == 3 and chances == sorted(chances, reverse=True)
        assert not {other.id for other in each.expected} & {UNK_ID, BEGIN_ID}
    with torch.inference_mode():
        ids = PREDICTOR.tokens.encode("éa")
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
    """For a short text the sum over windows is the sum by hand."""
    text = "hello world"
    ids = PREDICTOR.tokens.encode(text)
    with torch.inference_mode():
        logp = PREDICTOR.model(torch.tensor([ids[:-1]])).log_softmax(-1)[0]
    expected = sum(float(logp[i, token]) for i, token in enumerate(ids[1:]))
    assert PREDICTOR.total(text) == pytest.approx(expected, abs=1e-3)
    long = text * 20
    with torch.inference_mode():
        found = list(windows(PREDICTOR.model, PREDICTOR.tokens.encode(long)))
    assert sum(len(tokens) for _, tokens in found) == len(long)


def test_bytes_that_are_no_character_are_shown_as_such() -> None:
    assert shown("é".encode()) == "é"
    assert shown(b"\xc3") == "‹C3›"


@pytest.mark.parametrize(
    "setting",
    [
        {"temperature": -1.0},
        {"top_p": 2.0},
        {"top_k": 0},
        {"max_new_tokens": -1},
        {"repetition_penalty": 0.5},
        {"repetition_penalty": True},
    ],
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


def test_the_chapter_imports_torch_and_the_standard_library_alone() -> None:
    tree = ast.parse(Path(str(chapter.__file__)).read_text(encoding="utf-8"))
    names = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    names |= {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert {str(name).split(".")[0] for name in names} - sys.stdlib_module_names == {"torch"}


def test_the_plain_loop_is_repeated_prediction_in_a_moving_window() -> None:
    model, ids = PREDICTOR.model, [BEGIN_ID, 70]
    context, window, expected = model.config.context, [BEGIN_ID, 70], list[int]()
    for _ in range(2 * context):
        if len(window) > context:
            window = [BEGIN_ID, *window[-context // 2 :]]
        with torch.inference_mode():
            expected.append(int(model(torch.tensor([window]))[0, -1].argmax()))
        window.append(expected[-1])
    seen = []

    def choose(logits: torch.Tensor, before: list[int]) -> int:
        seen.append(list(before))
        return int(logits.argmax())

    assert list(model.generate(ids, 2 * context, choose)) == expected
    assert seen[-1] == [*ids, *expected[:-1]] and ids == [BEGIN_ID, 70]


# Prompts that end in a space


def test_after_a_space_the_next_token_brings_no_second_one() -> None:
    """Byte tokens: what follows "he " is " " and then each byte, as the model has it."""
    found, plain = PREDICTOR.distribution("he "), PREDICTOR.distribution("he")
    space = PREDICTOR.tokens.space
    ids = [*PREDICTOR.tokens.encode("he"), space]
    with torch.inference_mode():
        logits = predictable(PREDICTOR.model(torch.tensor([ids]))[0, -1])
    expected = logits.log_softmax(-1).numpy()
    np.testing.assert_allclose(found.log_probs, expected, atol=1e-4)
    assert found.texts[space] == " " and found.prompt == "he "
    assert found.fragments is plain.fragments


def spaced_predictor() -> TokenTransformerPredictor:
    """A tiny predictor with the tokens " b" and " c" beside the bytes."""
    tokenizer = byte_tokenizer([("Ġ", "b"), ("Ġ", "c")])
    torch.manual_seed(0)
    model = chapter.TransformerModel(tokenizer.get_vocab_size(), 16, 2, 2, context=32)
    with torch.no_grad():
        model.norm.weight.mul_(20)
    return TokenTransformerPredictor(model, tokenizer)


def test_a_word_after_a_typed_space_is_as_likely_as_with_its_own_space() -> None:
    predictor = spaced_predictor()
    tokens = predictor.tokens
    word, letter = tokens.texts.index(" b"), tokens.texts.index("b")
    before = np.exp(predictor.distribution("a").log_probs)
    after = np.exp(predictor.distribution("a ").log_probs)
    with torch.inference_mode():
        ids = torch.tensor([[*tokens.encode("a"), tokens.space]])
        logits = predictable(predictor.model(ids)[0, -1])
    alone = logits.softmax(-1).numpy()  # after the token " "
    spaced = [i for i, text in enumerate(tokens.texts) if text.startswith(" ")]
    assert [tokens.texts[i] for i in spaced] == [" ", " b", " c"]
    total = before[spaced].sum()
    assert after[word] == pytest.approx(before[word] / total, rel=1e-3)
    assert after[letter] == pytest.approx(before[tokens.space] * alone[letter] / total, rel=1e-3)
    again = before[tokens.space] * alone[spaced].sum() / total
    assert after[tokens.space] == pytest.approx(again, rel=1e-3)
    assert predictor.distribution("a ").texts[word] == "b"


def test_a_space_can_be_chosen_again_and_again() -> None:
    predictor = spaced_predictor()
    text = "a"
    for _ in range(3):
        found = predictor.distribution(text)
        assert found.may_follow(predictor.tokens.space)
        text = found.prompt + found.texts[predictor.tokens.space]
    assert text == "a   "


def test_a_continuation_after_a_space_begins_with_it() -> None:
    predictor = spaced_predictor()
    for seed in range(20):
        [word] = predictor.stream("a ", 1, seed=seed)
        assert word.text in ("", "b", "c") and word.tokens == 1
    pieces = list(predictor.stream("a ", 30, temperature=2.0, seed=1))
    assert sum(piece.tokens for piece in pieces) == 30


def test_a_prompt_that_ends_in_a_space_fits_the_context() -> None:
    context = PREDICTOR.model.config.context
    for size in range(context - 3, context + 3):
        text = "x" * size + " "
        assert PREDICTOR.distribution(text).truncated == PREDICTOR.is_cut(text)
        assert PREDICTOR.is_cut(text) == (len(PREDICTOR.tokens.encode(text)) > context)


# Seeds, the repetition penalty and deadlines


def test_a_seed_gives_other_prompts_other_draws() -> None:
    def draws(prompt: str) -> list[int]:
        found = PREDICTOR.generate(prompt, 400, temperature=100.0, seed=3)
        return list("".join(found).encode("utf-8", "replace"))

    one, other = draws("hello"), draws("jello")  # at temperature 100 the prompt hardly matters
    assert sum(a == b for a, b in zip(one, other, strict=False)) < len(one) / 5


def test_a_seed_gives_the_same_text_in_another_process() -> None:
    code = (
        "from dlnlp.models.token_transformer.predictor import tiny; "
        "print(ascii(list(tiny().generate('hello', 40, seed=7))))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        ).stdout.strip()
        for hash_seed in ("1", "2")
    }
    assert found == {ascii(list(PREDICTOR.generate("hello", 40, seed=7)))}


def test_the_repetition_penalty_ends_a_loop() -> None:
    plain = "".join(PREDICTOR.generate("hello", 40, temperature=0))
    assert plain == "".join(PREDICTOR.generate("hello", 40, 0, repetition_penalty=1.0))
    penalised = "".join(PREDICTOR.generate("hello", 40, 0, repetition_penalty=10.0))
    assert len(set(penalised)) > 2 * len(set(plain))


def test_the_deadline_at_the_call_holds_wherever_the_pieces_are_read(monkeypatch) -> None:
    with deadline(60):
        pieces = PREDICTOR.generate("hello", max_new_tokens=1000)
    next(pieces)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 61)
    with pytest.raises(DeadlineExceeded):
        list(pieces)


@pytest.mark.parametrize("verb", ["score", "total"])
def test_scoring_stops_at_the_deadline(verb: str) -> None:
    with deadline(0.0), pytest.raises(DeadlineExceeded):
        getattr(PREDICTOR, verb)("hello")


def test_special_tokens_are_never_predicted() -> None:
    found = predictable(torch.full((2, 5), 3.0)).softmax(-1)
    assert not found[:, [UNK_ID, BEGIN_ID]].any()
    torch.testing.assert_close(found.sum(1), torch.ones(2))


def test_the_last_layer_of_the_lens_is_the_models_prediction() -> None:
    found = PREDICTOR.lens("hello")
    assert found.tokens == (shown(b"<|endoftext|>"), *"hello")
    for end in range(1, len("hello") + 1):
        [best] = PREDICTOR.next_tokens("hello"[:end], k=1)
        assert found.predicted[-1][end] == best.text
        assert found.probabilities[-1, end] == pytest.approx(best.probability, abs=1e-5)
    np.testing.assert_array_equal(found.final[-1], found.probabilities[-1])


def test_a_layer_of_the_lens_is_a_model_without_the_later_layers() -> None:
    text, depth = "a film", 1
    found = PREDICTOR.lens(text)
    shallow = tiny().model
    shallow.blocks = shallow.blocks[:depth]
    ids, _ = PREDICTOR.tokens.end(text, 32)
    with torch.inference_mode():
        rows = predictable(shallow(torch.tensor([ids]))[0]).softmax(-1)
    best = rows.max(-1)
    assert found.predicted[depth] == tuple(PREDICTOR.tokens.texts[i] for i in best.indices)
    np.testing.assert_allclose(found.probabilities[depth], best.values, rtol=1e-4)
    target = torch.tensor([PREDICTOR.tokens.texts.index(each) for each in found.predicted[-1]])
    expected = rows.gather(1, target[:, None])[:, 0]
    np.testing.assert_allclose(found.final[depth], expected, rtol=1e-4)


def test_induction_is_attention_to_what_followed_the_same_token() -> None:
    text = "abcd"
    found, maps = PREDICTOR.induction(text), PREDICTOR.attention(text * 2).weights
    count = len(text)
    expected = np.zeros(maps.shape[:2])
    for j in range(count - 1):  # after the begin token, the texts are at 1 to 4 and at 5 to 8
        expected += maps[:, :, 1 + count + j, 1 + j + 1] / (count - 1)
    np.testing.assert_allclose(found.scores, expected, rtol=1e-4)
    bits = [token.bits for token in PREDICTOR.score(text * 2)]
    np.testing.assert_allclose(found.first_bits, bits[1:count], rtol=1e-3)
    np.testing.assert_allclose(found.second_bits, bits[count + 1 :], rtol=1e-3)


def test_a_text_that_does_not_fit_twice_is_cut() -> None:
    found = PREDICTOR.induction("ab" * 40)
    assert found.truncated
    assert len(found.tokens) == (PREDICTOR.model.config.context - 1) // 2
