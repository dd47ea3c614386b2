"""The MCP server, asked by the official client."""

import json
import socket

import pytest
from mcp import Client

import app
from dlnlp.capabilities import CAPABILITIES
from dlnlp.catalog import CATALOG
from dlnlp.registry import Registry
from dlnlp.results import as_json
from dlnlp.service import Service
from dlnlp.service.mcp import FOR_PROGRAMS
from dlnlp.service.settings import Settings, settings
from tests.conftest import finished

SERVICE = Service(Registry(untrained=True))
TOOLS = [
    (entry.stem, each)
    for entry in CATALOG
    for each in CAPABILITIES
    if entry.can(each.verb) and each.verb not in FOR_PROGRAMS
]
MOST = 20_000  # characters of an answer: about 7,000 tokens


@pytest.fixture(scope="module")
def url():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    demo = app.build_app(SERVICE)
    address = app.launch(demo, SERVICE, Settings(mcp=True), quiet=True, server_port=port)
    yield f"{address}mcp"
    demo.close(verbose=False)


def ask(url, question):
    """The result of ``question(client)``."""

    async def asked():
        async with Client(url) as client:
            return await question(client)

    return finished(asked())


def call(url, name, arguments):
    return ask(url, lambda client: client.call_tool(name, arguments))


def test_tools_are_described(url):
    tools = ask(url, lambda client: client.list_tools()).tools
    assert {tool.name for tool in tools} == {f"{stem}_{each.verb}" for stem, each in TOOLS}
    assert len({tool.description for tool in tools}) == len(tools)
    for tool in tools:
        for argument in tool.input_schema["properties"].values():
            assert argument["description"], tool.name


@pytest.mark.parametrize("stem,each", TOOLS, ids=lambda value: getattr(value, "verb", value))
def test_each_tool_answers_its_sample_call(url, stem, each):
    answer = call(url, f"{stem}_{each.verb}", dict(each.sample))
    assert not answer.is_error, answer.content[0].text
    assert 0 < len(answer.content[0].text) < MOST


def test_an_answer_is_the_result_as_json(url):
    arguments = {"texts": ["a good film", ""]}
    answer = call(url, "sentiment_lstm_classify", arguments)
    expected = as_json(SERVICE.call("sentiment_lstm", "classify", **arguments))
    assert json.loads(answer.content[0].text) == expected
    assert answer.structured_content == {"result": expected}


def test_attention_weights_and_hidden_states_are_left_out(url):
    [translation] = call(url, "char_seq2seq_translate", {"texts": ["hello"]}).structured_content[
        "result"
    ]
    assert "log_probs" in translation
    assert "attention" not in translation
    trace = call(url, "sentiment_lstm_trace", {"text": "a good film"}).structured_content["result"]
    assert len(trace["positive"]) == 3
    assert "hidden" not in trace


def test_a_tool_names_what_is_wrong(url):
    arguments = {"prompt": "Once", "temperature": -1}
    answer = call(url, "token_transformer_next_tokens", arguments)
    assert answer.is_error
    assert "temperature" in answer.content[0].text
    answer = call(url, "nobody", {})
    assert answer.is_error
    assert "nobody" in answer.content[0].text


def test_the_setting_needs_its_package(monkeypatch):
    assert settings({"DLNLP_MCP": "1"}).mcp
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"requirements-mcp\.txt"):
        settings({"DLNLP_MCP": "1"})
