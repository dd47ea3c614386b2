"""The app on Ray Serve: two replicas of the LSTM, one of each other model, and a lost process."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from dlnlp.capabilities import CAPABILITIES
from dlnlp.catalog import CATALOG
from dlnlp.registry import Registry
from dlnlp.service import Service, http
from tests.e2e.conftest import expect
from tests.e2e.driver import answer, ask

pytest.importorskip("ray", reason="requirements-cluster.txt is not installed")
pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parent.parent.parent
VERBS = [
    (entry.stem, each)
    for entry in CATALOG
    for each in CAPABILITIES
    if entry.can(each.verb) and not each.streams
]
STARTED = 120  # seconds


@pytest.fixture(scope="module")
def cluster():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "deploy.ray_app", "--port", str(port), "--untrained"),
            *("--least", "sentiment_lstm=2", "--cpus", "0.1"),
        ],
        cwd=ROOT,
        env={**os.environ, "RAY_USAGE_STATS_ENABLED": "0"},
        stdout=subprocess.PIPE,
        text=True,
    )
    lines = iter(process.stdout.readline, "")
    assert next((line for line in lines if line.startswith("dlnlp is served at")), None)
    threading.Thread(target=process.stdout.read, daemon=True).start()
    yield f"http://127.0.0.1:{port}", process
    process.kill()


@pytest.fixture(scope="module")
def url(cluster):
    return cluster[0]


@pytest.fixture(scope="module")
def client(url):
    with httpx.Client(base_url=url, timeout=60) as client:
        yield client


def replicas(stem):
    """The ids of the processes that serve the model."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            title = path.read_bytes()
        except OSError:  # it has just ended
            continue
        if title.startswith(f"ray::ServeReplica:dlnlp:{stem}".encode()):
            found.append(int(path.parent.name))
    return found


def test_the_manifest_for_kubernetes_fits_the_application():
    import yaml
    from ray.serve.schema import ServeDeploySchema

    from deploy import ray_app

    manifest = yaml.safe_load((ROOT / "deploy" / "kuberay.yaml").read_text())
    version = manifest["spec"]["rayClusterConfig"]["rayVersion"]
    assert f"ray[serve]=={version}" in (ROOT / "requirements-cluster.txt").read_text()
    config = ServeDeploySchema.model_validate(yaml.safe_load(manifest["spec"]["serveConfigV2"]))
    [application] = config.applications
    assert application.import_path == "deploy.ray_app:build"
    ray_app.build(application.args)


def test_each_model_has_its_replicas(client):
    assert client.get("/readyz").json() == {entry.stem: "loaded" for entry in CATALOG}
    assert len(replicas("sentiment_lstm")) == 2
    assert len(replicas("sentiment_bert")) == 1


def test_every_verb_answers_as_in_one_process(client):
    service = Service(Registry(untrained=True))
    for stem, each in VERBS:
        given = client.post(f"/v1/{stem}/{each.verb}", json=dict(each.sample))
        assert given.status_code == 200, given.text
        expected = json.loads(http.to_bytes(service.call(stem, each.verb, **each.sample)))
        assert shape(given.json()) == shape(expected)


def shape(value):
    """The value with rounded numbers: threads add in another order."""
    return json.loads(json.dumps(value), parse_float=lambda number: round(float(number), 3))


def test_streams_arrive_in_pieces(client):
    body = {"prompt": "Once", "max_new_tokens": 4, "seed": 0}
    events = client.post("/v1/token_transformer/generate", json=body).text
    pieces = re.findall(r"^data: (\{.*\})$", events, re.MULTILINE)
    assert 1 < len(pieces) <= 5
    assert "event: done" in events


def test_wrong_arguments_are_named(client):
    body = {"prompt": "a", "temperature": -1}
    answer = client.post("/v1/token_transformer/next_tokens", json=body)
    assert answer.status_code == 422
    assert "temperature" in answer.json()["error"]


def test_the_page_answers(open_page, url):
    page = open_page(url)
    expect(page.locator("#start_answer .dl-summary .dl-text")).to_have_count(len(CATALOG))
    ask(page, "sentiment_lstm", "a good film")
    words = answer(page, "sentiment_lstm").locator("#sentiment_lstm_words .dl-word")
    expect(words).to_have_text(["a", "good", "film"])
    ask(page, "token_transformer", "Once upon")
    expect(page.locator("#token_transformer_answer")).to_contain_text("%")


def test_no_request_fails_when_a_replica_ends(client, url):
    codes, stop = [], threading.Event()

    # Both replicas compute most of the time, so the lost one has a request.
    texts = ["a good film " * 80] * 100

    def keep_asking():
        with httpx.Client(base_url=url, timeout=60) as mine:
            while not stop.is_set():
                answer = mine.post("/v1/sentiment_lstm/classify", json={"texts": texts})
                codes.append(answer.status_code)

    threads = [threading.Thread(target=keep_asking) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    before = len(codes)
    lost, kept = replicas("sentiment_lstm")
    os.kill(lost, signal.SIGKILL)
    end = time.monotonic() + STARTED
    while len(set(replicas("sentiment_lstm")) - {lost}) < 2 and time.monotonic() < end:
        time.sleep(0.2)
    stop.set()
    for thread in threads:
        thread.join()
    assert kept in replicas("sentiment_lstm")
    assert before < len(codes)
    assert set(codes) == {200}


def test_it_stops_cleanly(cluster):
    url, process = cluster
    process.terminate()
    assert process.wait(30) == 0
    assert not any(replicas(entry.stem) for entry in CATALOG)
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)
