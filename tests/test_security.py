"""Other files are not served, limits count visitors, and the server connects to nobody."""

import http.client
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from starlette.responses import Response
from starlette.testclient import TestClient

import app
from dlnlp.capabilities import CAPABILITIES
from dlnlp.catalog import CATALOG
from dlnlp.registry import Registry
from dlnlp.service import Service
from dlnlp.service.middleware import Front
from dlnlp.service.settings import Settings
from tests.test_app import free_port

ROOT = Path(__file__).resolve().parent.parent
SECRET = ROOT / "pyproject.toml"  # beside the code, and no secret, but no part of the page either
UP = "../" * 12
ROUTES = (
    "/gradio_api/file={}",
    "/gradio_api/stream/{}",
    "/gradio_api/custom_component/{}",
    "/static/{}",
    "/assets/{}",
    "/svelte/{}",
    "/theme.css/{}",
    "/static-offline-docs/{}",
    "/v1/{}",
    "/{}",
)


@pytest.fixture(scope="module")
def port():
    service = Service(Registry(untrained=True))
    demo = app.build_app(service)
    port = free_port()
    app.launch(demo, service, quiet=True, server_port=port)
    yield port
    demo.close(verbose=False)


def variants(path):
    """Ways to write a path: absolute, upwards, encoded once and twice, with backslashes."""
    upwards = UP + str(path).lstrip("/")
    for each in (str(path), upwards, upwards.replace("/", "\\"), f"....//{upwards}"):
        yield each
        yield quote(each, safe="")
        yield quote(quote(each, safe=""), safe="")
    yield upwards.replace("..", "%2e%2e")
    yield f"file://{path}"


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("secret", [SECRET, Path("/etc/passwd")], ids=lambda path: path.name)
def test_no_route_serves_other_files(port, route, secret):
    marker = secret.read_bytes()[:60]
    for written in variants(secret):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        # http.client sends the path as it is; others would resolve "..".
        connection.putrequest("GET", route.format(written).replace(" ", "%20"))
        connection.endheaders()
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status < 500, (route, written)
        assert marker not in body, (route, written)
        connection.close()


WITHOUT_NETWORK = """
import json, socket, sys, urllib.request
reached = []
LOCAL = ("127.0.0.1", "localhost", "::1", "0.0.0.0", "", None)

def refusing(real):
    def guarded(self, address, *rest):
        if isinstance(address, tuple) and address[0] not in LOCAL:
            reached.append(address)
            raise OSError("no network")
        return real(self, address, *rest)
    return guarded

def resolving(real):
    def guarded(host, *rest, **more):
        if host not in LOCAL:
            reached.append(host)
            raise socket.gaierror("no network")
        return real(host, *rest, **more)
    return guarded

socket.socket.connect = refusing(socket.socket.connect)
socket.socket.connect_ex = refusing(socket.socket.connect_ex)
socket.getaddrinfo = resolving(socket.getaddrinfo)

import app
from dlnlp.capabilities import CAPABILITIES
from dlnlp.catalog import CATALOG
from dlnlp.registry import Registry
from dlnlp.service import Service

service = Service(Registry(untrained=True))
url = app.launch(app.build_app(service), service, quiet=True, server_port=int(sys.argv[1]))
asked = 0
for entry in CATALOG:
    for each in CAPABILITIES:
        if entry.can(each.verb):
            body = json.dumps(dict(each.sample)).encode()
            request = urllib.request.Request(f"{url}v1/{entry.stem}/{each.verb}", body)
            asked += urllib.request.urlopen(request, timeout=60).status == 200
urllib.request.urlopen(url, timeout=60).read()
print(asked, reached)
sys.stdout.flush()
import os
os._exit(0)
"""


def test_all_verbs_answer_without_a_network_and_nothing_is_sent():
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_NETWORK, str(free_port())],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    verbs = sum(entry.can(each.verb) for entry in CATALOG for each in CAPABILITIES)
    assert done.stdout.strip() == f"{verbs} []", done.stdout + done.stderr


def test_both_names_of_gradios_direct_calls_are_limited():
    client = TestClient(Front(Response("called"), http=Response, paths=(), limit="1/hour"))
    codes = [client.post(f"/gradio_api/{name}/x").status_code for name in ("run", "api")]
    assert codes == [200, 429]


@pytest.mark.parametrize(("trusted", "third"), [("127.0.0.0/8", 200), ("192.0.2.0/24", 429)])
def test_a_limit_counts_visitors_if_the_proxy_is_trusted(monkeypatch, trusted, third):
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", trusted)
    service = Service(Registry(untrained=True))
    demo, port = app.build_app(service), free_port()
    app.launch(demo, service, Settings(rate_limit="1/hour"), quiet=True, server_port=port)
    url = f"http://127.0.0.1:{port}/v1/sentiment_lstm/classify"
    invented = "198.51.100.1, 203.0.113.1"  # the first visitor sent the header, too
    codes = [
        httpx.post(url, json={"texts": ["a"]}, headers={"X-Forwarded-For": visitor}).status_code
        for visitor in ("203.0.113.1", "203.0.113.1", "203.0.113.2", invented)
    ]
    demo.close(verbose=False)
    assert codes == [200, 429, third, 429]
