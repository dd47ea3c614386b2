"""Every method of classifiers of four architectures, against the transformers library itself."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    CTRLConfig,
    CTRLForSequenceClassification,
    CTRLTokenizer,
)

from dlnlp import capabilities
from dlnlp.hub import HubError
from dlnlp.hub.classifier import log_odds
from dlnlp.hub.loading import load_folder
from dlnlp.inference.deadline import DeadlineExceeded, deadline
from dlnlp.results import Classification
from dlnlp.text.words import without, words
from tests.hub.conftest import CLASSIFIERS, TEXTS

Load = Callable[[str], Any]
NAMES = list(CLASSIFIERS)
TEXT = TEXTS[1]


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
    model = AutoModelForSequenceClassification.from_pretrained(path, attn_implementation="eager")
    return model.eval(), AutoTokenizer.from_pretrained(path)


@torch.no_grad()
def expected(oracle: Any, text: str, **options: Any) -> Any:
    """The library's output for one text."""
    model, tokenizer = oracle
    features = tokenizer(text, return_tensors="pt", truncation=True, max_length=64)
    if model.config.model_type == "distilbert":
        features.pop("token_type_ids", None)
    return model(**features, **options)


def test_classify_is_the_librarys_forward(predictor: Any, oracle: Any) -> None:
    found = predictor.classify([*TEXTS, "Great!"])
    for each in found:
        logits = expected(oracle, each.text).logits[0]
        shares = logits.sigmoid() if predictor.multi_label else logits.softmax(-1)
        np.testing.assert_allclose(each.probabilities, shares.numpy(), atol=1e-5)
        assert each.label == oracle[0].config.id2label[int(logits.argmax())]
        assert not each.truncated
    # The texts matter, by far more than the tolerance. How much depends on the tokenizer, whose
    # training breaks ties at random.
    assert np.ptp([each.probabilities[0] for each in found]) > 1e-3


def test_logits_are_the_librarys(predictor: Any, oracle: Any) -> None:
    found = predictor.logits(TEXTS)
    theirs = [expected(oracle, text).logits[0].numpy() for text in TEXTS]
    np.testing.assert_allclose(found, theirs, atol=1e-5)


def test_attention_is_the_librarys(predictor: Any, oracle: Any) -> None:
    found = predictor.attention(TEXT)
    theirs = torch.cat(expected(oracle, TEXT, output_attentions=True).attentions)
    np.testing.assert_allclose(found.weights, theirs.numpy(), atol=1e-5)
    assert found.tokens[0] == oracle[1].cls_token and found.tokens[-1] == oracle[1].sep_token
    assert np.ptp(found.weights) > 0.1


def test_tokens_are_named_by_what_they_are(loaded: Load) -> None:
    names = {name: loaded(name).attention("don't dish").tokens for name in NAMES}
    assert "'" in names["bert"] and any(each.startswith("##") for each in names["bert"])
    for name in ("roberta", "deberta-v2"):
        assert "".join(names[name][1:-1]).strip() == "don't dish"


def test_attention_leaves_the_model_as_it_was(predictor: Any) -> None:
    before = predictor.model.config._attn_implementation
    one = predictor.logits([TEXT])
    predictor.attention(TEXT)
    assert predictor.model.config._attn_implementation == before
    assert predictor.logits([TEXT]) == one


def embedded(predictor: Any, oracle: Any, text: str) -> tuple[Any, torch.Tensor, torch.Tensor]:
    """The log-odds of embeddings, the embeddings of a text, and those of the padded text."""
    model, tokenizer = oracle
    ids = tokenizer(text, return_tensors="pt")["input_ids"][0]
    special = torch.tensor([token in tokenizer.all_special_ids for token in ids.tolist()])
    # The embedding of DeBERTa's padding is zero.
    deberta = model.config.model_type == "deberta-v2"
    padded = ids.where(special, tokenizer.unk_token_id if deberta else tokenizer.pad_token_id)
    label = predictor.classify([text])[0].label
    chosen = predictor.labels.index(label)

    def odds(points: torch.Tensor) -> torch.Tensor:
        logits = model(inputs_embeds=points).logits
        if predictor.multi_label:
            return logits[:, chosen]
        share = logits.softmax(-1)[:, chosen]
        return (share / (1 - share)).log()

    table = model.get_input_embeddings()
    return odds, table(ids).detach().unsqueeze(0), table(padded).detach().unsqueeze(0)


@pytest.mark.parametrize("text", TEXTS)
def test_integrated_gradients_add_up_to_the_log_odds(
    predictor: Any, oracle: Any, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dlnlp.inference.attribution.STEPS", 400)
    monkeypatch.setattr("dlnlp.inference.attribution.MOST_STEPS_TOKENS", 10**6)
    found = predictor.explain(text)
    odds, x, baseline = embedded(predictor, oracle, text)
    with torch.no_grad():
        difference = (odds(x) - odds(baseline)).item()
    assert found.scores.sum() == pytest.approx(difference, abs=0.05)
    assert found.label == predictor.classify([text])[0].label
    assert abs(found.scores).max() > 0.05


def test_integrated_gradients_are_captums(predictor: Any, oracle: Any) -> None:
    found = predictor.explain(TEXT)
    odds, x, baseline = embedded(predictor, oracle, TEXT)
    theirs = (
        IntegratedGradients(odds)
        .attribute(x, baseline, n_steps=24, method="riemann_middle")
        .sum(-1)[0]
    )
    _, tokenizer = oracle
    spans = tokenizer(TEXT, return_offsets_mapping=True)["offset_mapping"]
    sums = np.zeros(len(found.words))
    for (start, end), score in zip(spans, theirs.tolist(), strict=True):
        visible = [i for i in range(start, end) if not TEXT[i].isspace()]
        if visible:
            sums[[i for i, s in enumerate(found.starts) if s <= visible[0]][-1]] += score
    np.testing.assert_allclose(found.scores, sums, atol=1e-4)


def test_leave_one_out_is_the_change_of_the_log_odds(predictor: Any, oracle: Any) -> None:
    label = predictor.labels[0]
    found = predictor.explain(TEXT, "leave_one_out", label)
    assert found.label == label and found.words[0] == "Don't"

    def odds(text: str) -> float:
        logits = expected(oracle, text).logits
        return log_odds(logits, 0, predictor.multi_label).item()

    for index, score in enumerate(found.scores):
        assert score == pytest.approx(odds(TEXT) - odds(without(TEXT, [index])), abs=1e-4)


def test_words_are_where_they_say(predictor: Any) -> None:
    for text in ("", "   ", "  two  spaces ", "😀 don't", "naïve café", "日本語", "\ud800 lone"):
        for method in ("integrated_gradients", "leave_one_out"):
            found = predictor.explain(text, method)
            assert [
                found.text[s : s + len(w)] for s, w in zip(found.starts, found.words, strict=True)
            ] == list(found.words)
            assert list(found.words) == [word for word, _ in words(found.text)]
            assert np.isfinite(found.scores).all()


def test_long_texts_are_cut_and_say_so(predictor: Any, oracle: Any) -> None:
    text = "A film that goes on. " * 40
    [found] = predictor.classify([text])
    assert found.truncated
    logits = expected(oracle, text).logits[0]
    shares = logits.sigmoid() if predictor.multi_label else logits.softmax(-1)
    np.testing.assert_allclose(found.probabilities, shares.numpy(), atol=1e-5)
    assert predictor.attention(text).truncated
    explained = predictor.explain(text)
    assert explained.truncated and text.startswith(explained.text)
    assert 0 < len(explained.text) < len(text)


def test_the_capabilities_are_those_of_our_classifiers(predictor: Any) -> None:
    found = {
        each.verb for each in capabilities.CAPABILITIES if isinstance(predictor, each.protocol)
    }
    assert found == {
        "classify",
        "logits",
        "explain",
        "attention",
        "layers",
        "head_effects",
        "heads_off",
    }


def test_input_is_checked(predictor: Any) -> None:
    with pytest.raises(TypeError, match="put it in a list"):
        predictor.classify("one string")
    with pytest.raises(TypeError):
        predictor.explain(3)
    with pytest.raises(ValueError, match="integrated_gradients, leave_one_out"):
        predictor.explain(TEXT, "magic")
    with pytest.raises(ValueError, match=f"must be one of {predictor.labels[0]}"):
        predictor.explain(TEXT, label="none of them")
    assert predictor.classify([]) == [] and predictor.logits([]) == []


def test_the_deadline_holds(predictor: Any) -> None:
    with deadline(-1), pytest.raises(DeadlineExceeded):
        predictor.classify(TEXTS)


def test_threads_share_a_predictor(predictor: Any) -> None:
    """attention() changes the implementation while others classify."""
    expected, maps = predictor.logits(TEXTS), predictor.attention(TEXT).weights
    start = threading.Barrier(4)

    def work(number: int) -> bool:
        start.wait()
        for _ in range(10):
            if number % 2:
                np.testing.assert_allclose(predictor.attention(TEXT).weights, maps, atol=1e-5)
            else:
                np.testing.assert_allclose(predictor.logits(TEXTS), expected, atol=1e-5)
                predictor.explain("A film. " * 40, "leave_one_out")
        return True

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(4)))


def test_models_without_padding_classify_one_text_at_a_time(loaded: Load, folder: Load) -> None:
    predictor = loaded("gpt2-classifier")
    path = folder("gpt2-classifier")
    model = AutoModelForSequenceClassification.from_pretrained(path).eval()
    tokenizer = AutoTokenizer.from_pretrained(path)
    theirs = [model(**tokenizer(each, return_tensors="pt")).logits[0].tolist() for each in TEXTS]
    np.testing.assert_allclose(predictor.logits(TEXTS), theirs, atol=1e-5)
    assert len(predictor.explain(TEXT).scores) == len(words(TEXT))
    assert predictor.classify([""])[0].probabilities.shape == (3,)


def test_models_without_attention_masks_classify_one_text_at_a_time(loaded: Load) -> None:
    predictor = loaded("fnet")
    alone = [predictor.logits([text])[0] for text in TEXTS]
    np.testing.assert_allclose(predictor.logits(TEXTS), alone, atol=1e-6)
    assert np.ptp(alone) > 0.01 and predictor.explain(TEXT).scores.any()


def test_models_that_take_no_embeddings_only_lose_the_gradients(loaded: Load) -> None:
    predictor = loaded("bart")
    with pytest.raises(HubError, match="choose leave-one-out"):
        predictor.explain(TEXT)
    assert np.isfinite(predictor.explain(TEXT, "leave_one_out").scores).all()
    assert len(predictor.classify(TEXTS)) == 3


def test_tokenizers_without_offsets_only_lose_the_gradients(tmp_path: Path) -> None:
    vocabulary = ["<unk>", "the", "pl@@", "ot", "is", "th@@", "in"]
    (tmp_path / "vocab.json").write_text(json.dumps({v: i for i, v in enumerate(vocabulary)}))
    (tmp_path / "merges.txt").write_text("#version: 0.2\nt h\nth e</w>\n")
    config = CTRLConfig(vocab_size=7, n_positions=32, n_embd=8, dff=8, n_layer=1, n_head=2)
    CTRLForSequenceClassification(config).save_pretrained(tmp_path)
    CTRLTokenizer(tmp_path / "vocab.json", tmp_path / "merges.txt").save_pretrained(tmp_path)
    predictor = load_folder(tmp_path, device="cpu")
    with pytest.raises(HubError, match=r"doesn't tell where .*: choose leave-one-out\.$"):
        predictor.explain(TEXT)
    assert len(predictor.explain("the plot", "leave_one_out").scores) == 2
    assert predictor.classify([TEXT, "the"]) and predictor.attention("the").weights.any()


def test_log_odds() -> None:
    logits = torch.tensor([[1.0, 3.0], [0.0, -2.0]])
    torch.testing.assert_close(log_odds(logits, 1), logits[:, 1] - logits[:, 0])
    three = torch.tensor([[0.0, 1.0, 2.0]])
    share = three.softmax(-1)[0, 2]
    torch.testing.assert_close(log_odds(three, 2)[0], (share / (1 - share)).log())
    assert log_odds(three, 2, multi_label=True).item() == 2.0


@pytest.mark.parametrize(
    ("labels", "shares", "several"),
    [
        (("one",), [1.0], False),
        (("a", "b"), [0.5, 0.6], False),
        (("a", "b"), [1.5, 0.5], True),
        (("a", "b"), [0.5, 0.3, 0.2], False),
    ],
)
def test_classifications_are_validated(labels: Any, shares: Any, several: bool) -> None:
    with pytest.raises(ValueError, match="probabilities"):
        Classification("text", labels, np.array(shares), several)


def test_several_labels_can_apply() -> None:
    found = Classification("text", ("a", "b", "c"), np.array([0.9, 0.1, 0.5]), multi_label=True)
    assert found.chosen == ("a", "c") and found.label == "a"
    assert Classification("text", ("a", "b"), np.array([0.4, 0.6])).chosen == ("b",)


def test_the_last_layer_gives_the_models_own_answer(predictor: Any) -> None:
    found = predictor.layers(TEXTS[0])
    [answer] = predictor.classify(TEXTS[:1])
    assert len(found) == 3
    assert found[-1] == pytest.approx(float(answer.probabilities.max()), abs=1e-4)
    assert found[0] != pytest.approx(found[-1], abs=1e-4)


def test_layers_are_read_by_the_models_own_head(loaded: Load) -> None:
    predictor = loaded("bert")
    model, ids = predictor.model, predictor.tokenizer(TEXTS[0], return_tensors="pt").input_ids
    with torch.inference_mode():
        states = model(ids, output_hidden_states=True).hidden_states
        rows = torch.stack([model.classifier(model.bert.pooler(each))[0] for each in states])
    expected = rows.softmax(-1)[:, int(rows[-1].argmax())]
    assert predictor.layers(TEXTS[0]) == pytest.approx(expected.tolist(), abs=1e-5)
