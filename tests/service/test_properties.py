"""Any arguments get a result or a sentence with a status of 4xx; found by hypothesis."""

import json
import time
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dlnlp.capabilities import CAPABILITIES
from dlnlp.catalog import CATALOG
from dlnlp.registry import Registry
from dlnlp.service import Service
from dlnlp.service.http import http_app

PAIRS = [(entry.stem, each) for entry in CATALOG for each in CAPABILITIES if entry.can(each.verb)]
CLIENT = TestClient(http_app(Service(Registry(untrained=True))), raise_server_exceptions=False)
FEW = settings(
    max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
# Texts of any characters, lone surrogates and control characters included.
TEXTS = st.text(st.characters(codec=None, categories=None), max_size=60)
NUMBERS = st.one_of(
    st.integers(-3, 40), st.integers(), st.floats(), st.booleans(), st.none(), st.just(10**400)
)
ANYTHING = st.recursive(
    TEXTS | NUMBERS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner)
)


def values(parameter):
    """Values of the argument's type mostly, and any others."""
    if parameter.annotation is str:
        return st.one_of(TEXTS, TEXTS, TEXTS, ANYTHING)
    if parameter.annotation == list[str]:
        lists = st.lists(TEXTS, max_size=4)
        return st.one_of(lists, lists, lists, ANYTHING)
    return st.one_of(NUMBERS, NUMBERS, NUMBERS, ANYTHING)


def post(path, body):
    content, begin = json.dumps(body), time.monotonic()
    answer = CLIENT.post(path, content=content)
    assert time.monotonic() - begin < 10, content
    if answer.status_code != 200:
        fault = answer.json()["error"]
        assert 400 <= answer.status_code < 500, (content, answer.status_code, fault)
        assert fault and "\n" not in fault and "Traceback" not in fault
    elif answer.headers["content-type"] == "application/json":
        answer.json()
    else:
        assert "event: error" not in answer.text, content


@pytest.mark.parametrize(("stem", "each"), PAIRS, ids=lambda x: getattr(x, "verb", x))
def test_any_arguments_get_an_answer(stem, each):
    parameters = each.signature.parameters.items()
    required = {name: values(p) for name, p in parameters if p.default is p.empty}
    optional = {name: values(p) for name, p in parameters if name not in required}

    @FEW
    @given(st.fixed_dictionaries(required, optional=optional))
    def ask(arguments):
        post(f"/v1/{stem}/{each.verb}", arguments)

    ask()


@FEW
@given(st.sampled_from(PAIRS), ANYTHING)
def test_any_json_gets_an_answer(pair, body):
    stem, each = pair
    post(f"/v1/{stem}/{each.verb}", body)


@FEW
@given(st.sampled_from(PAIRS), st.binary(max_size=200))
def test_any_bytes_get_an_answer(pair, body):
    stem, each = pair
    answer = CLIENT.post(f"/v1/{stem}/{each.verb}", content=body)
    assert answer.status_code in (200, 422) and answer.content


@FEW
@given(st.text(max_size=40))
def test_any_path_gets_an_answer(path):
    answer = CLIENT.get("/v1/" + quote(path, safe=""))
    assert answer.status_code == 404 and answer.json()["error"]
