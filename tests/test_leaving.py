"""A visitor who leaves frees the model within three seconds, however the request came."""

import json
import socket
import time
import urllib.request
import uuid

import pytest

import app
from dlnlp.hub import HubModels, offered
from dlnlp.inference.deadline import check_deadline
from dlnlp.registry import Registry
from dlnlp.service import Service
from dlnlp.service.http import MOST_OWN
from dlnlp.service.settings import Settings
from tests.test_app import free_port

LSTM, WRITER = "sentiment_lstm", "token_transformer"
SERVICE = Service(Registry(untrained=True))


@pytest.fixture(scope="module")
def port():
    demo = app.build_app(SERVICE)
    port = free_port()
    app.launch(demo, SERVICE, Settings(mcp=True), quiet=True, server_port=port)
    yield port
    demo.close(verbose=False)


def send(port, method, path, value=None):
    """An open connection on which a request was sent."""
    body = b"" if value is None else json.dumps(value).encode()
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {len(body)}\r\n"
    head += "Accept: application/json, text/event-stream\r\n"
    connection.sendall(f"{head}Content-Type: application/json\r\n\r\n".encode() + body)
    return connection


def over_http(port):
    return send(port, "POST", f"/v1/{LSTM}/classify", {"texts": ["a film"]})


def over_gradio(port):
    return asked(port, f"{LSTM}_classify", [["a film"]])


def over_mcp(port):
    return tool(port, f"{LSTM}_classify", {"texts": ["a film"]})


def tool(port, name, arguments):
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
    return send(port, "POST", "/mcp", {**call, "params": {"name": name, "arguments": arguments}})


def comparing(port):
    return asked(port, "compare_edits", [LSTM, "a film", "a long film"])


def asked(port, endpoint, data):
    """As ``gradio_client`` asks: the visitor leaves when the stream of events closes."""
    path, session = f"/gradio_api/call/{endpoint}", uuid.uuid4().hex
    body = json.dumps({"data": data, "session_hash": session}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", body, {"Content-Type": "application/json"}
    )
    event = json.load(urllib.request.urlopen(request, timeout=10))["event_id"]
    return send(port, "GET", f"{path}/{event}")


def answered(port, path, body):
    """How many seconds a request took."""
    begin = time.monotonic()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", json.dumps(body).encode())
    urllib.request.urlopen(request, timeout=30).read()
    return time.monotonic() - begin


@pytest.mark.parametrize("way", [over_http, over_gradio, over_mcp, comparing])
def test_leaving_ends_a_request(port, monkeypatch, way):
    predictor, running = SERVICE.registry.get(LSTM), []
    real = predictor.classify

    def endless(texts):
        if texts[0] != "a film":
            return real(texts)
        running.append(texts)
        while True:
            check_deadline()
            time.sleep(0.01)

    monkeypatch.setattr(predictor, "classify", endless)
    connection = way(port)
    for _ in range(500):
        if running:
            break
        time.sleep(0.01)
    assert running
    connection.close()
    assert answered(port, f"/v1/{LSTM}/classify", {"texts": ["another"]}) < 3


def streaming_over_http(port):
    return send(port, "POST", f"/v1/{WRITER}/generate", {"prompt": "endless"})


def streaming_over_mcp(port):
    return tool(port, f"{WRITER}_generate", {"prompt": "endless"})


@pytest.mark.parametrize("way", [streaming_over_http, streaming_over_mcp])
def test_leaving_ends_a_stream(port, monkeypatch, way):
    predictor, begun, ended = SERVICE.registry.get(WRITER), [], []
    real = predictor.generate

    def endless(prompt, **others):
        if prompt != "endless":
            yield from real(prompt, **others)
            return
        begun.append(prompt)
        try:
            while True:
                check_deadline()
                time.sleep(0.01)
                yield "a"
        finally:
            ended.append(prompt)

    monkeypatch.setattr(predictor, "generate", endless)
    connection = way(port)
    until(lambda: begun)
    connection.close()
    body = {"prompt": "a", "max_new_tokens": 3}
    assert answered(port, f"/v1/{WRITER}/generate", body) < 3
    assert ended


def test_loading_other_models_leaves_threads_to_others_and_ends_with_their_callers(
    port, monkeypatch
):
    begun, ended = [], []

    def endless(self, name):
        begun.append(name)
        try:
            while True:
                check_deadline()
                time.sleep(0.01)
        finally:
            ended.append(name)

    monkeypatch.setattr(HubModels, "get", endless)
    body = {"model": offered()[0], "texts": ["a film"]}
    connections = [send(port, "POST", "/v1/own/classify", body) for _ in range(50)]
    until(lambda: len(begun) == MOST_OWN)
    urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=3).read()
    for connection in connections:
        connection.close()
    until(lambda: len(ended) == 50)


def until(condition):
    """Wait for a condition, at most ten seconds."""
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_leaving_ends_the_wait_of_a_stream(port, monkeypatch):
    predictor, prompts = SERVICE.registry.get(WRITER), []

    def slow(prompt, **others):
        prompts.append(prompt)
        yield "a"
        time.sleep(3)
        yield "b"

    monkeypatch.setattr(predictor, "generate", slow)
    path = f"/v1/{WRITER}/generate"
    first = send(port, "POST", path, {"prompt": "first"})
    assert b"200 OK" in first.recv(100)
    waiting = send(port, "POST", path, {"prompt": "second"})
    time.sleep(0.3)
    waiting.close()
    assert answered(port, path, {"prompt": "third"}) < 8
    assert prompts == ["first", "third"]
    first.close()
