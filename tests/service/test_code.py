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
    assert commands.count(code.EXAMPLES) == 1
    commands.remove(code.EXAMPLES)
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


@pytest.mark.parametrize("entry", catalog.CATALOG, ids=lambda entry: entry.stem)
def test_no_verb_is_left_out_and_example_arguments_come_last(entry):
    made = code.calls(entry.stem, {})
    assert {call.capability.verb for call in made} == {*entry.verbs} - {"stream"}  # not text
    examples = [call for call in made if call.is_example]
    assert made[-len(examples) :] == examples
    shown = code.local_code(entry.stem, "good", {}).split(code.EXAMPLES)
    assert len(shown) == 2 and shown[1].count("print(") == len(examples)


def test_a_given_argument_replaces_the_example():
    made = {call.capability.verb: call for call in code.calls("sentiment_lstm", {"other": "bad"})}
    assert made["patch"].settings == {"other": "bad"} and not made["patch"].is_example
    assert made["units_off"].is_example
