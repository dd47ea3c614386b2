"""Attention heads of seven architectures switched off, against models whose heads write nothing."""

import copy

import numpy as np
import pytest
import torch

from dlnlp.hub.classifier import HubClassifier
from dlnlp.hub.errors import HubError
from dlnlp.hub.interventions import _PROJECTION
from tests.hub.conftest import CLASSIFIERS, TEXTS, WRITERS

ARCHITECTURES = [*CLASSIFIERS, *WRITERS]
SHORT = TEXTS[0][:20]


def without_head(predictor, layer, head):
    """A copy of the predictor, whose output projection ignores the head."""
    model = copy.deepcopy(predictor.model)
    modules = [each for name, each in model.named_modules() if _PROJECTION.search(name)]
    weight = modules[layer].weight
    with torch.no_grad():
        columns = weight.T if type(modules[layer]).__name__ == "Conv1D" else weight
        columns[:, head * 8 : (head + 1) * 8] = 0
    return type(predictor)(model, predictor.tokenizer, predictor.about)


def probabilities(predictor, text):
    if isinstance(predictor, HubClassifier):
        return predictor.classify([text])[0].probabilities
    return np.exp(predictor.distribution(text).log_probs)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_answer_is_that_of_a_model_whose_head_writes_nothing(loaded, name):
    predictor = loaded(name)
    found = predictor.heads_off(SHORT, ["2.1"])
    before = probabilities(predictor, SHORT)
    after = probabilities(without_head(predictor, 1, 0), SHORT)
    if isinstance(predictor, HubClassifier):
        assert np.allclose(found.before, before, atol=1e-4)
        assert np.allclose(found.after, after, atol=1e-4)
    else:
        best = int(before.argmax())
        assert found.shift == pytest.approx(np.log(after[best] / before[best]), abs=1e-3)
        assert found.before[0] <= 1 and found.after.sum() < 1.001
    assert np.abs(after - before).max() > 1e-4


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_each_effect_is_the_shift_without_that_head(loaded, name):
    predictor = loaded(name)
    effects = predictor.head_effects(SHORT).effects
    assert effects.shape == (2, 2)
    for layer in range(2):
        for head in range(2):
            shift = predictor.heads_off(SHORT, [f"{layer + 1}.{head + 1}"]).shift
            assert effects[layer, head] == pytest.approx(shift, abs=1e-3)
    assert np.abs(effects).max() > 1e-3


def test_a_model_without_known_heads_says_so(loaded):
    with pytest.raises(HubError, match="doesn't know where this model's attention heads are"):
        loaded("mamba").head_effects(SHORT)


@pytest.mark.parametrize("name", ["bert", "gpt2"])
def test_an_unknown_head_is_named(loaded, name):
    with pytest.raises(ValueError, match=r"'3\.1' is not an attention head"):
        loaded(name).heads_off(SHORT, ["3.1"])
