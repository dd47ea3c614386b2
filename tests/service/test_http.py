"""The plain HTTP interface, on its own and behind the middleware."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from dlnlp.capabilities import CAPABILITIES
from dlnlp.catalog import CATALOG
from dlnlp.inference.deadline import DeadlineExceeded
from dlnlp.registry import Registry
from dlnlp.service import Busy, Service, http, queues
from dlnlp.service.http import PATHS, http_app
from dlnlp.service.metrics import Metrics
from dlnlp.service.middleware import Front
from tests.hub.conftest import ALL, save

SERVICE = Service(Registry(untrained=True), Metrics())
PAIRS = [(entry.stem, each) for entry in CATALOG for each in CAPABILITIES if entry.can(each.verb)]
LSTM = "/v1/sentiment_lstm/classify"


def behind_front(service, limit=None):
    """A client of the HTTP interface as it is served: beside a page, behind the middleware."""
    page = Route("/{path:path}", lambda request: PlainTextResponse("page"), methods=["GET", "POST"])
    front = Middleware(Front, http=lambda: http_app(service), paths=PATHS, limit=limit)
    app = Starlette(routes=[page], middleware=[front])
    return TestClient(app, raise_server_exceptions=False)


@pytest.fixture(scope="module")
def client():
    with behind_front(SERVICE) as client:
        yield client


def events(text):
    """The names and data of server-sent events."""
    for block in text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        yield fields.get("event", ""), json.loads(fields["data"])


@pytest.mark.parametrize(("stem", "each"), PAIRS, ids=lambda x: getattr(x, "verb", x))
def test_every_verb_answers_its_sample_call(client, stem, each):
    answer = client.post(f"/v1/{stem}/{each.verb}", json=dict(each.sample))
    assert answer.status_code == 200, answer.text
    expected = json.loads(http.to_bytes(SERVICE.call(stem, each.verb, **each.sample)))
    if each.streams:
        *pieces, (last, _) = events(answer.text)
        assert last == "done" and {name for name, _ in pieces} == {""}
        found = [data for _, data in pieces]
        assert found == [{"text": p} if isinstance(p, str) else p for p in expected]
    else:
        assert answer.json() == expected


def test_the_description_has_every_verb_with_its_arguments(client):
    described = client.get("/openapi.json").json()["paths"]
    for stem, each in PAIRS:
        operation = described[f"/v1/{stem}/{each.verb}"]["post"]
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        assert list(schema["properties"]) == list(each.signature.parameters)
        if each.public:
            assert all("description" in value for value in schema["properties"].values())
    assert client.get("/docs").status_code == 200
    assert "://" not in client.get("/docs").text.replace("http://testserver", "")


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        (LSTM, "{", 422, "not JSON"),
        (LSTM, "[" * 100_000, 422, "not JSON"),
        (LSTM, "[]", 422, "JSON object"),
        (LSTM, "{}", 422, "texts"),
        (LSTM, '{"texts": "a"}', 422, "put it in a list"),
        (LSTM, '{"texts": ["a"], "stem": 1}', 422, "stem"),
        (LSTM, '{"texts": ["a"], "wanted": 1}', 422, "wanted"),
        (LSTM, b'{"texts": ["\xff"]}', 422, "not JSON"),
        (LSTM, json.dumps({"texts": ["x" * 1000] * 201}), 422, "at most 200,000"),
        (LSTM, '"' + "x" * http.MOST_BYTES + '"', 413, "at most 4,000,000 bytes"),
        ("/v1/token_transformer/next_tokens", '{"prompt": "a", "k": NaN}', 422, "k must"),
        ("/v1/token_transformer/generate", '{"prompt": "a", "seed": -1}', 422, "seed"),
        ("/v1/token_transformer/classify", "{}", 404, "no such path"),
        ("/v1/gpt/classify", "{}", 404, "no such path"),
    ],
)
def test_a_bad_request_gets_a_sentence(client, path, body, status, message):
    answer = client.post(path, content=body)
    assert answer.status_code == status
    assert message in answer.json()["error"] and "\n" not in answer.json()["error"]
    assert answer.json()["request"] == answer.headers["x-request-id"]


def test_another_method_is_refused(client):
    answer = client.get(LSTM)
    assert answer.status_code == 405 and "error" in answer.json()


@pytest.mark.parametrize(
    ("error", "status", "shown"),
    [
        (Busy(7.2), 503, "try again in about 8 s"),
        (DeadlineExceeded("too slow"), 504, "too slow"),
        (RuntimeError("<secret>"), 500, "the details are in its log"),
        (MemoryError(), 500, "the details are in its log"),
        (KeyError("<secret>"), 500, "the details are in its log"),
    ],
)
def test_an_error_has_its_status(monkeypatch, caplog, error, status, shown):
    service = Service(Registry(untrained=True))

    def broken(texts):
        raise error

    monkeypatch.setattr(service.registry.get("sentiment_lstm"), "classify", broken)
    answer = behind_front(service).post(LSTM, json={"texts": ["a"]})
    assert answer.status_code == status
    assert shown in answer.json()["error"] and "secret" not in answer.text
    if status == 503:
        assert answer.headers["retry-after"] == "8"
    if status == 500:
        assert answer.json()["request"] in answer.json()["error"]
        assert answer.json()["request"] in caplog.text


def test_a_missing_checkpoint_is_said_by_the_verb_and_by_readyz(tmp_path):
    client = behind_front(Service(Registry(root=tmp_path)))
    answer = client.post(LSTM, json={"texts": ["a"]})
    assert answer.status_code == 503 and "to repair it" in answer.json()["error"]
    ready = client.get("/readyz")
    assert ready.status_code == 503 and "is missing" in ready.json()["sentiment_lstm"]
    assert client.get("/healthz").json() == {"status": "ok"}


def test_a_server_that_can_answer_is_ready(client):
    assert client.get("/readyz").status_code == 200


def test_an_error_within_a_stream_is_its_last_event(monkeypatch):
    service = Service(Registry(untrained=True))

    def broken(prompt, **others):
        yield "a"
        raise RuntimeError("<secret>")

    monkeypatch.setattr(service.registry.get("token_transformer"), "generate", broken)
    answer = behind_front(service).post("/v1/token_transformer/generate", json={"prompt": "a"})
    (_, first), (name, last) = events(answer.text)
    assert first == {"text": "a"} and name == "error" and "log" in last["error"]
    assert last["request"] == answer.headers["x-request-id"]
    assert "secret" not in answer.text


def wait_until(condition):
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_requests_that_wait_form_batches(monkeypatch):
    service = Service(Registry(untrained=True), Metrics())
    predictor = service.registry.get("sentiment_lstm")
    real, sizes, free = predictor.classify, [], threading.Event()

    def classify(texts):
        sizes.append(len(texts))
        free.wait(10)
        return real(texts)

    monkeypatch.setattr(predictor, "classify", classify)
    with behind_front(service) as client:
        answers = {}

        def ask(number):
            answers[number] = client.post(LSTM, json={"texts": [f"text {number}"]}).json()

        threads = [threading.Thread(target=ask, args=(n,)) for n in range(9)]
        threads[0].start()
        wait_until(lambda: sizes == [1])  # the others wait for this one
        for thread in threads[1:]:
            thread.start()
        wait_until(lambda: service.waiting()["sentiment_lstm"] == 8)
        free.set()
        for thread in threads:
            thread.join(30)
        counted = client.get("/metrics").text
    assert sizes == [1, 8]
    assert {n: found[0]["text"] for n, found in answers.items()} == {
        n: f"text {n}" for n in range(9)
    }
    assert 'dlnlp_batch_requests_sum{queue="sentiment_lstm"} 9.0' in counted
    assert (
        'dlnlp_requests_total{model="sentiment_lstm",outcome="ok",verb="classify"} 9.0' in counted
    )
    assert 'dlnlp_model_loaded{model="sentiment_lstm"} 1.0' in counted


def test_the_interface_is_made_once_for_requests_at_the_same_time():
    made = []

    def make():
        time.sleep(0.2)
        made.append(http_app(SERVICE))
        return made[-1]

    front = Middleware(Front, http=make, paths=PATHS)
    with TestClient(Starlette(middleware=[front])) as client, ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: client.get("/healthz").status_code, range(4)))
    assert answers == [200] * 4
    assert len(made) == 1


def test_without_metrics_their_path_is_missing():
    assert behind_front(Service(Registry(untrained=True))).get("/metrics").status_code == 404


def test_a_full_queue_answers_at_once(monkeypatch):
    monkeypatch.setattr(queues, "MOST_WAITING", 0)
    answer = behind_front(Service(Registry(untrained=True))).post(LSTM, json={"texts": ["a"]})
    assert answer.status_code == 503 and int(answer.headers["retry-after"]) >= 1


def test_an_address_that_asks_too_often_is_told_when_to_try_again():
    client = behind_front(Service(Registry(untrained=True)), "2/minute")
    codes = [client.post(LSTM, json={"texts": ["a"]}).status_code for _ in range(3)]
    assert codes == [200, 200, 429]
    answer = client.post("/gradio_api/queue/join")
    assert answer.status_code == 429 and 1 <= int(answer.headers["retry-after"]) <= 60
    assert "try again" in answer.json()["error"]
    assert client.get("/").text == "page"  # the page itself is not limited


def test_all_answers_have_security_headers_and_an_id_of_their_own(client):
    for path in ("/", "/healthz", "/v1/none"):
        one, other = client.get(path), client.get(path)
        assert "default-src 'self'" in one.headers["content-security-policy"]
        assert one.headers["x-content-type-options"] == "nosniff"
        assert one.headers["x-request-id"] != other.headers["x-request-id"]


def test_other_models_answer_by_their_name(tmp_path):
    folder = str(save(tmp_path / "distilbert", ALL["distilbert"]))
    service = Service(Registry(untrained=True), Metrics(), local=True)
    with behind_front(service) as client:
        answer = client.post("/v1/own/classify", json={"model": folder, "texts": ["good"]})
        assert answer.status_code == 200, answer.text
        assert answer.json()[0]["labels"] == ["NEGATIVE", "POSITIVE"]
        for verb, body, words in (
            ("classify", {"texts": ["good"]}, "No model was given"),
            ("lens", {"model": folder, "text": "good"}, "does not have the verb"),
            ("classify", {"model": "/no/folder", "texts": ["good"]}, "There is no folder"),
            ("nothing", {"model": folder}, "There is no verb"),
        ):
            answer = client.post(f"/v1/own/{verb}", json=body)
            assert answer.status_code == 422
            assert words in answer.json()["error"]
        counted = client.get("/metrics").text
    assert 'dlnlp_requests_total{model="own",outcome="ok",verb="classify"} 1.0' in counted


def test_a_public_server_refuses_folders(tmp_path):
    answer = behind_front(SERVICE).post(
        "/v1/own/classify", json={"model": str(tmp_path), "texts": ["good"]}
    )
    assert answer.status_code == 422
    assert "This app doesn't load" in answer.json()["error"]
