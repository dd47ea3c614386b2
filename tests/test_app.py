"""The app without a browser: its endpoints through the client, and its process."""

import ast
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import tomllib

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny models only lose by sharing their work

import gradio as gr
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

import app
import dlnlp
from dlnlp import catalog
from dlnlp.capabilities import CAPABILITIES
from dlnlp.compare import edits
from dlnlp.compare import models as compare
from dlnlp.compare.batch import QUEUE
from dlnlp.registry import Registry
from dlnlp.results import as_json
from dlnlp.service import Service, code
from dlnlp.service.own import STEM as OWN
from dlnlp.ui.training.settings import STEM as TRAINING
from tests.conftest import finished
from tests.ui.conftest import BAD_TEXTS

ROOT = Path(__file__).resolve().parent.parent
REGISTRY = Registry(untrained=True)
SERVICE = Service(REGISTRY)
PUBLIC = [
    (entry.stem, each)
    for entry in catalog.CATALOG
    for each in CAPABILITIES
    if each.public and entry.can(each.verb)
]
COMPARED = {
    "/compare_sentiment",
    "/compare_texts",
    "/compare_edits",
    "/compare_batch",
    "/compare_scoreboard",
}
ENDPOINTS = {f"/{stem}_{each.verb}" for stem, each in PUBLIC} | COMPARED


@pytest.fixture(scope="module")
def demo():
    return app.build_app(SERVICE)


@pytest.fixture(scope="module")
def url(demo):
    yield app.launch(demo, SERVICE, quiet=True, server_port=free_port())
    demo.close(verbose=False)


@pytest.fixture(scope="module")
def client(url):
    return Client(url, verbose=False)


@pytest.fixture(scope="module")
def missing(tmp_path_factory):
    return app.build_app(Service(Registry(root=tmp_path_factory.mktemp("none"))))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_events_of_one_model_wait_for_each_other(demo):
    stems = [entry.stem for entry in catalog.CATALOG]
    own = {"None", *stems, *(stem + each.queue for stem in stems for each in CAPABILITIES)}
    own |= {compare.MODELS[-1] + QUEUE, OWN, OWN + "_tab", TRAINING + "_tab"}
    # These wait in the service instead, where they form batches.
    batched = {f"{stem}_{each.verb}" for stem, each in PUBLIC if not each.streams}
    leaving = (None, "unload")  # Gradio calls it itself
    queued = [
        f
        for f in demo.fns.values()
        if f.queue and f.api_name not in batched and leaving not in f.targets
    ]
    assert queued
    assert {f.concurrency_id for f in queued} <= own
    assert {f.concurrency_limit for f in queued} == {1}


# The endpoints


def test_public_endpoints_are_those_and_no_others(client):
    info = client.view_api(return_format="dict", print_info=False)
    assert set(info["named_endpoints"]) == ENDPOINTS
    assert not info["unnamed_endpoints"]
    assert all(entry["description"] for entry in info["named_endpoints"].values())


@pytest.mark.parametrize(("stem", "capability"), PUBLIC, ids=lambda x: getattr(x, "verb", x))
def test_an_endpoint_answers_its_sample_call(client, demo, stem, capability):
    found = client.predict(**capability.sample, api_name=f"/{stem}_{capability.verb}")
    expected = SERVICE.call(stem, capability.verb, **capability.sample)
    if capability.streams:
        assert found == "".join(expected)
    else:
        assert found == json.loads(json.dumps(as_json(expected)))


@pytest.mark.parametrize(("stem", "capability"), PUBLIC, ids=lambda x: getattr(x, "verb", x))
def test_only_the_first_argument_of_an_endpoint_is_required(client, stem, capability):
    (name, text), *_ = capability.sample.items()
    assert client.predict(**{name: text}, api_name=f"/{stem}_{capability.verb}")


@pytest.mark.parametrize(
    ("stem", "capability"),
    [pair for pair in PUBLIC if pair[1].streams],
    ids=lambda x: getattr(x, "verb", x),
)
def test_a_streaming_endpoint_sends_a_growing_text(client, stem, capability):
    job = client.submit(**capability.sample, api_name=f"/{stem}_{capability.verb}")
    job.result(timeout=60)
    texts = job.outputs()
    assert len(texts) > 1
    assert all(after.startswith(before) for before, after in itertools.pairwise(texts))


def test_compare_endpoint(client):
    found = client.predict("good", api_name="/compare_sentiment")
    assert set(found) == set(compare.MODELS)
    for entry in found.values():
        assert set(entry) == {"sentiment", "milliseconds", "parameters", "bytes"}
        assert entry["milliseconds"] > 0


def test_compare_texts_endpoint(client):
    found = client.predict("a good film", api_name="/compare_texts")
    assert set(found) == {"agree", "models", "words"}
    assert set(found["models"]) == set(compare.MODELS)
    assert [each["word"] for each in found["words"]] == ["a", "good", "film"]
    explaining = {stem for stem in compare.MODELS if catalog.record(stem).can("explain")}
    assert all(set(each["scores"]) == explaining for each in found["words"])


@pytest.mark.parametrize("entry", catalog.CATALOG, ids=lambda entry: entry.stem)
def test_compare_edits_endpoint(client, entry):
    found = client.predict(entry.stem, "a good film", "a bad film", api_name="/compare_edits")
    assert found["model"] == entry.stem
    assert found["differences"] == [[[2, 6]], [[2, 5]]]
    verbs = [verb for verb in edits.VERBS if entry.can(verb)]
    assert verbs and all(len(found[verb]) == 2 for verb in verbs)


def test_compare_batch_endpoint(client):
    texts, labels = ["a good film", "a bad film"], ["1", "neg"]
    found = client.predict(texts, labels, api_name="/compare_batch")
    assert set(found["positive"]) == set(found["seconds"]) == set(compare.MODELS)
    assert all(len(each) == 2 for each in found["positive"].values())
    assert {each["stem"] for each in found["quality"]} == set(compare.MODELS)
    with pytest.raises(AppError, match="2 texts, but 1 labels"):
        client.predict(texts, ["1"], api_name="/compare_batch")


def test_compare_scoreboard_endpoint(client):
    found = client.predict(api_name="/compare_scoreboard")
    assert [each["model"] for each in found["models"]] == [each.stem for each in catalog.CATALOG]
    assert all(each["latency_seconds"] is None for each in found["models"])


@pytest.mark.parametrize(
    ("endpoint", "arguments", "message"),
    [
        ("classify", {"texts": "one"}, "put it in a list"),
        ("classify", {"texts": ["a"] * 257}, "at most 256"),
        ("translate", {"texts": ["x" * 600] * 256, "beam_size": 20}, "too large"),
        ("next_tokens", {"prompt": "a", "top_p": 0}, "top_p"),
        ("generate", {"prompt": "a", "max_new_tokens": 2.5}, "max_new_tokens"),
    ],
)
def test_endpoint_errors_are_clear(client, endpoint, arguments, message):
    stem = next(stem for stem, each in PUBLIC if each.verb == endpoint)
    with pytest.raises(AppError, match=message):
        client.submit(**arguments, api_name=f"/{stem}_{endpoint}").result(timeout=60)


def test_an_error_of_the_comparison_is_clear(client):
    with pytest.raises(AppError, match="text"):
        client.submit(text=5, api_name="/compare_sentiment").result(timeout=60)


@pytest.mark.parametrize("kind", BAD_TEXTS)
def test_endpoints_take_odd_input(client, url, kind):
    body = json.dumps({"data": [[BAD_TEXTS[kind]]]}).encode()  # a lone surrogate stays "\udxxx"
    start = urllib.request.Request(
        f"{url}gradio_api/call/{compare.MODELS[0]}_classify",
        body,
        {"Content-Type": "application/json"},
    )
    event = json.load(urllib.request.urlopen(start, timeout=30))["event_id"]
    answer = urllib.request.urlopen(f"{start.full_url}/{event}", timeout=30).read().decode()
    assert answer.startswith("event: complete"), answer[:200]
    assert ('"truncated": true' in answer) == (len(BAD_TEXTS[kind].split()) > 2000), answer[-200:]


def test_compare_endpoint_without_checkpoints(missing):
    call = next(f.fn for f in missing.fns.values() if f.api_name == "compare_sentiment")
    found = call("good")
    assert all("to repair it" in entry["error"] for entry in found.values())


def test_an_endpoint_without_its_checkpoint_says_so(missing):
    call = next(f.fn for f in missing.fns.values() if f.api_name == f"{compare.MODELS[0]}_classify")
    with pytest.raises(gr.Error, match="to repair it"):
        finished(call(["good"]))


# The process


def test_the_package_installs_the_command_of_the_same_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module, function = project["scripts"]["dlnlp"].split(":")
    assert getattr(sys.modules[module], function) is app.main
    assert project["version"] == dlnlp.__version__


def start(*arguments, **variables):
    environment = {**os.environ, **variables}
    return subprocess.Popen(
        [sys.executable, "app.py", "--untrained", *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=ignore_interrupts,
    )


def ignore_interrupts():
    """As a shell does for a script's background jobs."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def wait_for(url, process):
    for _ in range(600):
        assert process.poll() is None, process.stderr.read()
        try:
            return urllib.request.urlopen(url, timeout=5).status
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"{url} did not answer")


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_the_process_serves_where_it_is_told_and_ends_cleanly(stop):
    port = free_port()
    options = ("--port", str(port)) if stop == signal.SIGTERM else ()
    process = start(*options, GRADIO_SERVER_PORT=str(port))
    try:
        assert wait_for(f"http://127.0.0.1:{port}/", process) == 200
        told = ThreadPoolExecutor().submit(long_request, port)
        time.sleep(2)
        process.send_signal(stop)
        begin = time.monotonic()
        _, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
    assert time.monotonic() - begin < 5
    assert told.result(10)  # an answer, or an error


def long_request(port):
    """The end of the answer to a request that takes long."""
    url = f"http://127.0.0.1:{port}/v1/char_seq2seq/translate"
    body = json.dumps({"texts": ["a long text " * 40] * 8, "beam_size": 20}).encode()
    try:
        return urllib.request.urlopen(urllib.request.Request(url, body), timeout=60).read()
    except OSError as error:
        return str(error)


def test_a_port_in_use_is_one_sentence():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = start("--port", str(port))
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert str(port) in errors and "Traceback" not in errors
    assert len(errors.strip().splitlines()) == 1


@pytest.mark.parametrize("value", ["DLNLP_HUB=nonsense", "DLNLP_HUB_MODELS=hf:no--name"])
def test_a_wrong_setting_is_one_sentence(monkeypatch, value):
    name, _, given = value.partition("=")
    monkeypatch.setenv(name, given)
    with pytest.raises(SystemExit, match=given.removeprefix("hf:")):
        app.main(["--untrained"])


def test_a_device_that_is_missing_is_one_sentence(monkeypatch):
    monkeypatch.setenv("DLNLP_DEVICE", "nonsense")
    with pytest.raises(SystemExit, match="has no device 'nonsense'"):
        app.main([])


def test_a_server_behind_a_proxy_or_tunnel_is_not_local(monkeypatch):
    for name in ("FORWARDED_ALLOW_IPS", "GRADIO_ROOT_PATH", "GRADIO_SHARE"):
        monkeypatch.delenv(name, raising=False)
    assert app.is_local("127.0.0.1") and app.is_local("::1") and not app.is_local("0.0.0.0")
    for name in ("FORWARDED_ALLOW_IPS", "GRADIO_ROOT_PATH", "GRADIO_SHARE"):
        with monkeypatch.context() as patch:
            patch.setenv(name, "1")
            assert not app.is_local("127.0.0.1")


@pytest.mark.parametrize("entry", catalog.CATALOG, ids=lambda entry: entry.stem)
def test_the_code_for_gradio_client_runs(client, url, capsys, entry):
    settings = {"beam_size": 2, "max_new_tokens": 3, "seed": 1, "temperature": 0.5}
    exec(code.client_code(entry.stem, "It's good", settings, url), {})
    printed = capsys.readouterr().out.strip().splitlines()
    calls = [call for call in code.calls(entry.stem, settings) if call.capability.public]
    results = [line for line in printed if not line.startswith("Loaded as API")]
    assert len(results) >= len(calls) > 0
    if "generate" not in entry.verbs:
        found = [ast.literal_eval(line) for line in results]
        assert found == [
            as_json(SERVICE.call(entry.stem, c.capability.verb, **c.arguments("It's good")))
            for c in calls
        ]


def test_the_code_for_one_endpoint_runs(client, url, capsys):
    exec(code.endpoint_code("/compare_texts", {"text": "It's good"}, url), {})
    assert "'agree'" in capsys.readouterr().out
