"""Every method of language models of three architectures, against the transformers library."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

from dlnlp import capabilities
from dlnlp.hub import HubError
from dlnlp.hub import lens as lens_module
from dlnlp.hub.pieces import Pieces
from dlnlp.inference.deadline import DeadlineExceeded, deadline
from dlnlp.text.byte_level import whole_texts
from tests.hub.conftest import TEXTS, WRITERS

Load = Callable[[str], Any]
NAMES = list(WRITERS)
TEXT = "I wanted to miss this café"


@pytest.fixture(scope="module", params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def predictor(name: str, loaded: Load) -> Any:
    return loaded(name)


@pytest.fixture(scope="module")
def oracle(name: str, folder: Load) -> Any:
    """The model and its tokenizer, loaded by the library's own classes, with eager attention."""
    path = folder(name)
    model = AutoModelForCausalLM.from_pretrained(path, attn_implementation="eager")
    return model.eval(), AutoTokenizer.from_pretrained(path)


@torch.no_grad()
def expected(oracle: Any, text: str, **options: Any) -> Any:
    """The library's output for one text."""
    model, tokenizer = oracle
    return model(**tokenizer(text, return_tensors="pt"), **options)


@pytest.mark.parametrize("prompt", [*TEXTS, "the", " ", "café 😀", "the "])
def test_distribution_is_the_librarys_forward(predictor: Any, oracle: Any, prompt: str) -> None:
    found = predictor.distribution(prompt)
    theirs = expected(oracle, prompt).logits[0, -1].log_softmax(-1).numpy()
    np.testing.assert_allclose(found.log_probs, theirs, atol=1e-4)
    assert np.ptp(theirs) > 1 and len(found.texts) == len(theirs) and not found.truncated


def test_texts_are_what_tokens_add(predictor: Any, oracle: Any) -> None:
    """Decoding a prompt with one more token gives the prompt and the token's text."""
    _, tokenizer = oracle
    ids = tokenizer("the plot", add_special_tokens=False)["input_ids"]
    before = tokenizer.decode(ids, clean_up_tokenization_spaces=False)
    found = predictor.distribution("the plot")
    whole = [
        token
        for token in range(len(found.texts))
        if token not in found.fragments and token not in tokenizer.all_special_ids
    ]
    assert len(whole) > 100
    for token in whole:
        after = tokenizer.decode([*ids, token], clean_up_tokenization_spaces=False)
        if "<0x" not in after:  # the decoder of these tests doesn't join bytes
            assert after == before + found.texts[token]


def test_next_tokens_are_the_likeliest(predictor: Any, oracle: Any) -> None:
    theirs = expected(oracle, TEXT).logits[0, -1].softmax(-1)
    found = predictor.next_tokens(TEXT, k=5)
    assert [each.id for each in found] == theirs.topk(5).indices.tolist()
    np.testing.assert_allclose([p.probability for p in found], theirs.topk(5).values, atol=1e-5)
    sharp = (expected(oracle, TEXT).logits[0, -1] / 0.5).softmax(-1).max().item()
    assert predictor.next_tokens(TEXT, k=1, temperature=0.5)[0].probability == pytest.approx(sharp)
    assert len(predictor.next_tokens(TEXT, k=50, top_k=3)) == 3


def test_greedy_generation_is_the_librarys(predictor: Any, oracle: Any) -> None:
    model, tokenizer = oracle
    for prompt in (*TEXTS, "the"):
        features = tokenizer(prompt, return_tensors="pt")
        read = features["input_ids"].shape[1]
        count = min(20, predictor.context - read)
        theirs = model.generate(**features, max_new_tokens=count, do_sample=False, pad_token_id=0)
        written = [token for token in theirs[0, read:].tolist() if token not in predictor.ends]
        pieces = list(predictor.stream(prompt, count, temperature=0))
        assert sum(piece.tokens for piece in pieces) == len(written) > 0
        text = "".join(text for text, _ in whole_texts(predictor.pieces.bytes[t] for t in written))
        assert "".join(piece.text for piece in pieces) == text


def test_the_cache_changes_nothing(predictor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = list(predictor.generate("the", 30, seed=1))
    step = predictor._step

    def without_cache(ids: list[int], cache: Any) -> tuple[np.ndarray, None]:
        return step(ids, None)[0], None

    monkeypatch.setattr(predictor, "_step", without_cache)
    assert list(predictor.generate("the", 30, seed=1)) == quick


def test_generation_goes_on_when_the_context_is_full(predictor: Any) -> None:
    count = sum(piece.tokens for piece in predictor.stream(TEXTS[0], 100, seed=3, top_k=400))
    assert count == 100 or predictor.ends


def test_generation_ends_at_the_end_token(loaded: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = loaded("gpt2")
    chosen = iter([5, 6, next(iter(predictor.ends)), 7])
    monkeypatch.setattr(
        "dlnlp.hub.language_model.Draws.__call__", lambda self, shares, position: next(chosen)
    )
    assert sum(piece.tokens for piece in predictor.stream("the", 10)) == 2


def test_seeds_and_settings(predictor: Any) -> None:
    one = "".join(predictor.generate("the", 20, seed=1))
    assert one == "".join(predictor.generate("the", 20, seed=1))
    assert one != "".join(predictor.generate("the", 20, seed=2))
    assert list(predictor.generate("the", 0)) == []
    for wrong in ({"temperature": -1}, {"top_p": 0}, {"seed": -1}, {"max_new_tokens": 10**6}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            predictor.stream("the", **wrong)
    with pytest.raises(TypeError):
        predictor.generate(3)


def test_generation_obeys_the_callers_deadline(predictor: Any) -> None:
    with deadline(-1):
        pieces = predictor.generate("the", 10)
    with pytest.raises(DeadlineExceeded):
        list(pieces)


def test_scores_sum_to_the_librarys_loss(predictor: Any, oracle: Any) -> None:
    model, tokenizer = oracle
    for text in (*TEXTS, "café 😀"):
        ids = tokenizer(text)["input_ids"]
        if ids[0] != tokenizer.bos_token_id:
            ids = [tokenizer.bos_token_id, *ids]
        tokens = torch.tensor([ids])
        with torch.no_grad():
            loss = model(input_ids=tokens, labels=tokens).loss.item()
        found = predictor.score(text)
        total = sum(each.log_prob for each in found)
        assert total == pytest.approx(-loss * (len(ids) - 1), rel=1e-4)
        assert sum(each.tokens for each in found) == len(ids) - 1
        assert "".join(each.text for each in found).strip() == text
        assert [each.probability for each in found[0].expected] == sorted(
            (each.probability for each in found[0].expected), reverse=True
        )


def test_long_texts_are_scored_in_windows(predictor: Any) -> None:
    text = TEXTS[0] + " the plot" * 60
    found = predictor.score(text)
    assert (
        sum(each.tokens for each in found)
        == len(predictor._ids(text))
        + (predictor._ids("a")[0] != predictor.tokenizer.bos_token_id)
        - 1
    )
    assert all(math.isfinite(each.log_prob) for each in found)


def test_attention_is_the_librarys(predictor: Any, oracle: Any) -> None:
    found = predictor.attention(TEXT)
    theirs = torch.cat(expected(oracle, TEXT, output_attentions=True).attentions)
    np.testing.assert_allclose(found.weights, theirs.numpy(), atol=1e-5)
    assert len(found.tokens) == theirs.shape[-1] and np.triu(found.weights, 1).max() == 0


def test_the_last_row_of_the_lens_is_the_models_own(predictor: Any, oracle: Any) -> None:
    found = predictor.lens(TEXT)
    logits = expected(oracle, TEXT).logits[0]
    best = logits.softmax(-1).max(-1)
    np.testing.assert_allclose(found.probabilities[-1], best.values.numpy(), atol=1e-5)
    assert found.predicted[-1] == predictor._texts(best.indices.tolist())
    np.testing.assert_allclose(found.final[-1], found.probabilities[-1], atol=1e-6)
    assert len(found.predicted) == 3  # the embeddings and two layers


def test_the_other_rows_of_the_lens_are_normalised_once(predictor: Any, oracle: Any) -> None:
    model, _ = oracle
    states = expected(oracle, TEXT, output_hidden_states=True).hidden_states
    names = {"gpt2": "ln_f", "llama": "norm", "gpt_neox": "final_layer_norm"}
    norm = getattr(model.base_model, names[model.config.model_type])
    found = predictor.lens(TEXT)
    for layer in (0, 1):
        with torch.no_grad():
            shares = model.get_output_embeddings()(norm(states[layer][0])).softmax(-1)
        np.testing.assert_allclose(found.probabilities[layer], shares.max(-1).values, atol=1e-5)


def test_the_lens_reads_long_texts_in_parts(predictor: Any, monkeypatch: Any) -> None:
    whole = predictor.lens(TEXTS[1])
    monkeypatch.setattr(lens_module, "ROWS", 3)
    parts = predictor.lens(TEXTS[1])
    assert parts.predicted == whole.predicted
    np.testing.assert_allclose(parts.final, whole.final, atol=1e-5)


def test_the_lens_reads_fewer_tokens_of_larger_models(predictor: Any, monkeypatch: Any) -> None:
    size = predictor.model.get_output_embeddings().weight.numel()
    monkeypatch.setattr(lens_module, "MOST_WORK", 3 * size * 7)
    found = predictor.lens(TEXTS[1])
    assert len(found.tokens) == 7 and found.truncated


def test_only_the_end_of_long_prompts_is_read(predictor: Any) -> None:
    long = "the plot is thin " * 40
    found = predictor.distribution(long + TEXT)
    assert found.truncated and predictor.is_cut(long) and predictor.attention(long).truncated
    assert not predictor.is_cut("the", 10) and predictor.is_cut("xyz " * 8, 1000)
    assert len(predictor._prompt(long, 0)[0]) == predictor.context == 48
    assert len(predictor._prompt(long, 1000)[0]) == 24
    begin = predictor.tokenizer("a")["input_ids"][0]
    if begin == predictor.tokenizer.bos_token_id:
        assert predictor._prompt(long, 0)[0][0] == begin


def test_nothing_to_begin_with(predictor: Any) -> None:
    assert predictor.distribution("").log_probs.shape == (len(predictor.pieces.texts),)
    assert len(predictor.lens("").tokens) == 1 and predictor.score("") == []
    assert predictor.attention("").weights.shape[-1] == 1
    assert isinstance("".join(predictor.generate("", 5, seed=0)), str)


def test_a_model_without_begin_token_needs_a_prompt(loaded: Load, monkeypatch: Any) -> None:
    predictor = loaded("gpt2")
    monkeypatch.setattr("dlnlp.hub.language_model.begin_id", lambda tokenizer: None)
    with pytest.raises(ValueError, match="type a few words"):
        predictor.distribution("")
    ids = predictor._ids(TEXT)
    assert sum(each.tokens for each in predictor.score(TEXT)) == len(ids) - 1


def test_the_capabilities_are_those_of_our_language_model(predictor: Any) -> None:
    found = {
        each.verb for each in capabilities.CAPABILITIES if isinstance(predictor, each.protocol)
    }
    assert found == {
        "attention", "lens", "distribution", "next_tokens", "generate", "stream", "score",
        "head_effects", "heads_off",
    }  # fmt: skip


def test_a_model_without_attention_only_loses_its_view(loaded: Load) -> None:
    predictor = loaded("mamba")
    with pytest.raises(HubError, match="gives no attention weights"):
        predictor.attention(TEXT)
    assert len("".join(predictor.generate("the", 5, seed=0))) > 0
    assert predictor.next_tokens("the") and predictor.score(TEXT) and predictor.lens(TEXT)


def test_a_vocabulary_that_lacks_some_bytes_is_still_read_as_bytes() -> None:
    """As SmolLM2's, which has no tokens for bytes that never occur in valid UTF-8."""
    model = models.BPE({"<s>": 0, "a": 1, "Ġ": 2, "Ġa": 3}, [("Ġ", "a")])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(model), bos_token="<s>")
    assert Pieces(tokenizer, 4).texts == ("<s>", "a", " ", " a")
