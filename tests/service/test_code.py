"""The Python code that the page shows for a model's calls."""

import io
import shlex
from contextlib import redirect_stdout

import pytest
from fastapi.testclient import TestClient

from dlnlp import catalog, registry
from dlnlp.registry import Registry
from dlnlp.service import Service, code
from dlnlp.service.http import http_app, to_bytes

STEMS = [entry.stem for entry in catalog.CATALOG]
SETTINGS = {"beam_size": 2, "temperature": 0.5, "top_k": 3, "max_new_tokens": 4, "seed": 1}
TEXTS = ["Once upon", "it's \"good\" \\ {text}\n'''bad'''", "été 👍 \ud800"]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("stem", STEMS)
def test_the_local_code_runs_and_prints_what_the_predictor_returns(monkeypatch, stem, text):
    untrained = Registry(untrained=True)
    monkeypatch.setattr(registry, "_shared", lambda: untrained)
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(code.local_code(stem, text, SETTINGS), {})
    expected = io.StringIO()
    predictor = untrained.get(stem)
    for call in code.calls(stem, SETTINGS):
        found = getattr(predictor, call.capability.verb)(**call.arguments(text))
        print("".join(found) if call.capability.streams else found, file=expected)
    assert printed.getvalue() == expected.getvalue() != ""


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("stem", STEMS)
def test_the_curl_commands_ask_what_the_service_answers(stem, text):
    service = Service(Registry(untrained=True))
    client = TestClient(http_app(service))
    address, *commands = code.http_code(stem, text, SETTINGS, "http://host").split("\n")
    assert address == "URL=http://host"
    for command, call in zip(commands, code.calls(stem, SETTINGS), strict=True):
        *_, url, option, body = shlex.split(command)
        assert option == "-d"
        answer = client.post(url.removeprefix("$URL"), content=body)
        found = service.call(stem, call.capability.verb, **call.arguments(text))
        if call.capability.streams:
            assert answer.text.endswith('event: done\ndata: {"text":""}\n\n')
        else:
            assert answer.content == to_bytes(found)


def test_settings_go_to_the_verbs_that_take_them_unless_they_are_defaults():
    translate, candidates, *_ = code.calls("char_seq2seq", {"beam_size": 3, "temperature": 2})
    assert translate.settings == {"beam_size": 3}
    assert candidates.settings == {}
    assert not code.calls("char_seq2seq", {"beam_size": 5})[0].settings
    assert "beam_size=3" in code.client_code("char_seq2seq", "hello", {"beam_size": 3})


def test_verbs_that_need_more_than_a_text_are_left_out():
    verbs = [call.capability.verb for call in code.calls("char_seq2seq", {})]
    assert "force" not in verbs
    verbs = [call.capability.verb for call in code.calls("token_transformer", {})]
    assert "generate" in verbs and "stream" not in verbs
