"""Requests to predictors: input checks, budgets, deadlines, and JSON for every public verb."""

import functools
import inspect
import json
import time

import pytest

from dlnlp import service
from dlnlp.capabilities import CAPABILITIES, capability
from dlnlp.catalog import CATALOG
from dlnlp.inference.deadline import DeadlineExceeded, check_deadline
from dlnlp.registry import Registry
from dlnlp.results import as_json
from dlnlp.service import Service, calls
from tests.conftest import finished

REGISTRY = Registry(untrained=True)
SERVICE = Service(REGISTRY)
PAIRS = [(entry.stem, verb) for entry in CATALOG for verb in entry.verbs]
# The largest text or number that an argument may be, one step beyond what a budget allows.
TOO_MUCH = {
    "translate": {"texts": ["x" * 600] * 256, "beam_size": 20},
    "candidates": {"text": "x" * 3000, "n": 50},
    "classify": {"texts": ["x" * 1000] * 201},
    "logits": {"texts": ["x" * 1000] * 201},
    "generate": {"prompt": "x", "max_new_tokens": 1001},
    "stream": {"prompt": "x", "max_new_tokens": 1001},
}


class Fixed(Registry):
    """A registry with one predictor for all models."""

    def __init__(self, predictor):
        super().__init__(untrained=True)
        self.predictor = predictor

    def get(self, stem, device=None):
        assert self.predictor, "the model is loaded"
        return self.predictor


def model_with(verb):
    """A stem of the catalog whose model has the verb."""
    return next(entry.stem for entry in CATALOG if entry.can(verb))


@pytest.mark.parametrize(("stem", "verb"), PAIRS)
def test_a_call_answers_as_the_predictor_does(stem, verb):
    wanted = capability(verb)
    found = SERVICE.call(stem, verb, **wanted.sample)
    first, *others = wanted.sample.values()
    method = functools.partial(getattr(REGISTRY.get(stem), verb), first)
    direct = method(**dict(zip(list(wanted.sample)[1:], others, strict=True)))
    assert as_json(found) == as_json(list(direct) if wanted.streams else direct)
    json.dumps(as_json(found))


@pytest.mark.parametrize("verb", TOO_MUCH)
def test_a_request_beyond_the_budget_is_refused_at_once(verb):
    served = Service(Fixed(None))  # the model is not even loaded
    begin = time.perf_counter()
    with pytest.raises(ValueError, match=r"at most [\d,]+ .*smaller requests"):
        served.call(model_with(verb), verb, **TOO_MUCH[verb])
    assert time.perf_counter() - begin < 1


@pytest.mark.parametrize("each", CAPABILITIES, ids=lambda each: each.verb)
def test_every_verb_has_a_budget_that_its_sample_keeps(each):
    assert calls.budget_share(each, each.sample) < 0.1
    assert each.budget.most > 0 and each.budget.unit


@pytest.mark.parametrize(
    ("verb", "arguments", "error", "message"),
    [
        ("classify", {"texts": "one"}, TypeError, "put it in a list"),
        ("classify", {"texts": [1]}, TypeError, "item 0 of texts"),
        ("classify", {"texts": {}}, TypeError, "list of texts"),
        ("classify", {"texts": ["a"] * 257}, ValueError, "at most 256"),
        ("classify", {}, TypeError, "texts"),
        ("classify", {"texts": [], "color": 1}, TypeError, "color"),
        ("translate", {"texts": ["a"], "beam_size": 2.5}, ValueError, "beam_size"),
        ("translate", {"texts": ["a"], "beam_size": None}, ValueError, "beam_size"),
        ("translate", {"texts": ["a"], "beam_size": 99}, ValueError, "beam"),
        ("next_tokens", {"prompt": None}, TypeError, "prompt"),
        ("next_tokens", {"prompt": "a", "top_p": 0}, ValueError, "top_p"),
        ("next_tokens", {"prompt": "a", "k": float("nan")}, ValueError, "k must"),
        ("next_tokens", {"prompt": "a", "k": float("inf")}, ValueError, "k must"),
        ("generate", {"prompt": "a", "seed": -1}, ValueError, "seed"),
        ("explain", {"text": "a", "method": "magic"}, ValueError, "method"),
        ("explain", {"text": "a", "method": 5}, TypeError, "method"),
    ],
)
def test_errors_name_what_is_wrong(verb, arguments, error, message):
    with pytest.raises(error, match=message) as caught:
        SERVICE.call(model_with(verb), verb, **arguments)
    assert "\n" not in str(caught.value)


def test_unknown_models_and_verbs_are_refused():
    with pytest.raises(KeyError, match=CATALOG[0].stem):
        SERVICE.call("gpt", "classify", texts=[])
    with pytest.raises(ValueError, match="classify"):
        SERVICE.call(CATALOG[0].stem, "sing")
    other = next(entry for entry in CATALOG if not entry.can("classify"))
    with pytest.raises(ValueError, match=other.title):
        SERVICE.call(other.stem, "classify", texts=["a"])


def test_whole_numbers_may_come_as_floats():
    stem = model_with("next_tokens")
    assert len(SERVICE.call(stem, "next_tokens", prompt="a", k=3.0)) == 3
    assert SERVICE.call(stem, "next_tokens", prompt="a", top_k=None)


def test_texts_that_were_cut_are_marked():
    found = SERVICE.call(
        model_with("classify"),
        "classify",
        texts=["a", "x" * (service.MAX_CHARACTERS + 1)],
    )
    assert [each.truncated for each in found] == [False, True]
    assert "\ud800" not in service.readable("a\ud800")[0]
    assert service.readable("a" * service.MAX_CHARACTERS + "b", "end")[0].endswith("b")


class Slow:
    """A predictor that checks the deadline between steps, as the real ones do."""

    def classify(self, texts):
        while True:
            check_deadline()
            time.sleep(0.01)

    def generate(self, prompt, max_new_tokens=50, **_):
        while True:
            check_deadline()
            time.sleep(0.01)
            yield "a"


@pytest.fixture
def slow(monkeypatch):
    monkeypatch.setattr(calls, "SECONDS", 0.1)
    return Service(Fixed(Slow()))


def test_a_call_ends_at_its_deadline(slow):
    with pytest.raises(DeadlineExceeded, match="longer than"):
        slow.call(model_with("classify"), "classify", texts=["a"])


def test_a_stream_ends_at_its_deadline_wherever_it_is_resumed(slow):
    pieces = slow.stream(model_with("generate"), "generate", prompt="a")
    assert next(pieces) == "a"
    with pytest.raises(DeadlineExceeded, match="longer than"):
        for _ in range(1000):
            next(pieces)
    check_deadline()  # no deadline is left behind in the caller's context


@pytest.mark.parametrize(("stem", "verb"), [pair for pair in PAIRS if capability(pair[1]).public])
def test_an_endpoint_is_a_typed_function_that_returns_json(stem, verb):
    wanted = capability(verb)
    function = service.endpoint(SERVICE, stem, wanted)
    assert function.__name__ == verb and function.__doc__ == wanted.description
    assert list(inspect.signature(function).parameters) == list(wanted.signature.parameters)
    found = finished(function(*wanted.sample.values())) if not wanted.streams else None
    if wanted.streams:
        assert inspect.isgeneratorfunction(function)
        texts = list(function(**wanted.sample))
        pieces = SERVICE.call(stem, verb, **wanted.sample)
        assert texts[-1] == "".join(pieces) and len(texts) == len(pieces)
    else:
        json.dumps(found)
        assert isinstance(found, list) and all(isinstance(each, dict) for each in found)
