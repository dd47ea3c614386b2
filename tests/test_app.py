"""The app without a browser: its endpoints through the client, its handlers on bad input."""

import inspect
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny models only lose by sharing their work

import gradio as gr
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

import app
from dlnlp import catalog
from dlnlp.models.sentiment_bert.predictor import SentimentBertPredictor
from dlnlp.registry import Registry
from dlnlp.ui import generation, parts, views
from dlnlp.ui.generation import Writing
from dlnlp.ui.tabs import compare

ROOT = Path(__file__).resolve().parent.parent
ENDPOINTS = {
    "/sentiment_lstm_classify",
    "/sentiment_bert_classify",
    "/char_seq2seq_translate",
    "/token_transformer_next_tokens",
    "/token_transformer_generate",
    "/compare_sentiment",
}
SETTINGS = {
    "sentiment_lstm_run": (),
    "sentiment_bert_run": (),
    "char_seq2seq_run": (5, "characters"),
    "token_transformer_run": (5, 1.0, 0, 1.0),
    "token_transformer_continue": (5, 1.0, 0, 1.0, "1", Writing()),
    "compare_run": (),
}
BAD = {
    "emoji": "🎬",
    "unknown letters": "这部电影很好看",
    "control characters": "a\x00b\x1b[31m\x7fc\u200d",
    "script": "<script>alert(1)</script>",
    "image": "<img src=x onerror=alert(1)>",
    "template": "${alert(1)} {{value}} {% if %}",
    "right to left": "كان الفيلم رائعا \u202eabc",
    "lone surrogate": "a\ud83db",
    "one long word": "a" * 100_000,
    "long": "the film was bad . " * 5_300,
    "too long": "x y " * 30_000,
}


@pytest.fixture(scope="module")
def demo():
    return app.build_app(Registry(untrained=True))


@pytest.fixture(scope="module")
def url(demo):
    yield app.launch(demo, quiet=True, server_port=free_port())
    demo.close(verbose=False)


@pytest.fixture(scope="module")
def client(url):
    return Client(url, verbose=False)


@pytest.fixture(scope="module")
def missing(tmp_path_factory):
    return app.build_app(Registry(root=tmp_path_factory.mktemp("none")))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def component(demo, elem_id):
    return next(b for b in demo.blocks.values() if getattr(b, "elem_id", None) == elem_id)


def listeners(demo, elem_id, event="click"):
    """What listens to the component, in order, with what follows from it at once."""
    target = (component(demo, elem_id)._id, event)
    found = [f for f in demo.fns.values() if target in f.targets]
    return found + [f for f in demo.fns.values() if f.trigger_after in [g._id for g in found]]


def press(demo, elem_id, text):
    """Everything that the button's handler yields."""
    return list(stream(demo, elem_id)(text, *SETTINGS[elem_id]))


def stream(demo, elem_id):
    """The handler of the button that answers step by step."""
    return next(f.fn for f in listeners(demo, elem_id) if inspect.isgeneratorfunction(f.fn))


def shown(values):
    """The strings among the values of one step, as one."""
    values = values if isinstance(values, (tuple, list)) else (values,)
    return "\n".join(value for value in values if isinstance(value, str))


# The page


def test_tabs_follow_the_catalog_and_end_with_compare(demo):
    tabs = [block.label for block in demo.blocks.values() if isinstance(block, gr.Tab)]
    assert tabs == [entry.title for entry in catalog.CATALOG] + ["Compare"]


def test_events_of_one_model_wait_for_each_other(demo):
    own = {"None", *(entry.stem for entry in catalog.CATALOG)}
    queued = [f for f in demo.fns.values() if f.queue]
    assert queued
    assert {f.concurrency_id for f in queued} <= own
    assert {f.concurrency_limit for f in queued} == {1}


@pytest.mark.parametrize("button", SETTINGS)
@pytest.mark.parametrize("text", ["", "  \n\t ", "\x00\x01", None, 5])
def test_nothing_to_read_gets_a_note_and_clears_the_result(demo, button, text):
    steps = press(demo, button, text)
    assert len(steps) == 1
    assert "dl-note" in shown(steps[0])
    assert "dl-verdict" not in shown(steps[0])


@pytest.mark.parametrize("button", SETTINGS)
@pytest.mark.parametrize("kind", BAD)
def test_odd_input_gets_a_result(demo, button, kind):
    last = shown(press(demo, button, BAD[kind])[-1])
    assert "dl-fault" not in last
    if len(BAD[kind]) > parts.LIMIT:
        assert "100,000" in last


@pytest.mark.parametrize("button", SETTINGS)
def test_the_first_use_says_that_it_is_loading(button):
    fresh = app.build_app(Registry(untrained=True))
    first, *_, last = press(fresh, button, "hello")
    assert "Loading" in shown(first)
    assert "Loading" not in shown(last)
    assert "Loading" not in shown(press(fresh, button, "hello")[0])


@pytest.mark.parametrize("button", SETTINGS)
def test_a_missing_checkpoint_is_one_sentence(missing, button):
    last = shown(press(missing, button, "hello")[-1])
    assert "dl-fault" in last
    assert "is missing; to make it good, run:<code>pip install -r requirements-train.txt" in last


def test_an_unexpected_error_is_one_sentence_and_goes_to_the_log(caplog):
    class Broken(Registry):
        def get(self, stem, device=None):
            raise RuntimeError("<secret>")

    last = shown(press(app.build_app(Broken(untrained=True)), "sentiment_lstm_run", "a")[-1])
    assert "Something went wrong" in last and "secret" not in last
    assert "secret" in caplog.text


@pytest.mark.parametrize("seed", ["-3", "1.5", "one", "<b>", "9" * 400])
def test_a_seed_that_is_no_number_is_named(demo, seed):
    proceed = stream(demo, "token_transformer_continue")
    [*_, (_, html, _)] = proceed("a", 5, 1.0, 0, 1.0, seed, Writing())
    assert "seed must be a whole number" in html and "<b>" not in html


def test_a_seed_makes_the_continuation_repeatable(demo):
    first, second = (press(demo, "token_transformer_continue", "Once")[-1][0] for _ in range(2))
    assert first == second
    assert first.startswith("Once")


def test_a_continuation_tells_how_fast_it_comes(demo):
    steps = press(demo, "token_transformer_continue", "Once")
    assert all("tokens per second" in progress for _, progress, _ in steps)
    assert "<b>5</b> tokens" in steps[-1][1]


def test_a_fast_continuation_is_shown_a_few_times_a_second_and_to_its_end(demo, monkeypatch):
    monkeypatch.setattr(generation, "BETWEEN", 60.0)
    ask = stream(demo, "token_transformer_continue")
    first, last = ask("a", 30, 1.0, 0, 1.0, "1", Writing())
    assert len(first[0]) < len(last[0]) and "<b>30</b> tokens" in last[1]


def test_stop_ends_a_continuation_within_one_token_and_has_the_last_word(demo, monkeypatch):
    monkeypatch.setattr(generation, "BETWEEN", 0.0)
    writing = Writing()
    steps = stream(demo, "token_transformer_continue")("a", 99, 1.0, 0, 1.0, "1", writing)
    before, *_ = [next(steps) for _ in range(3)][-1]
    [stop] = listeners(demo, "token_transformer_stop")
    stop.fn(writing)
    [(after, progress, _)] = steps
    assert after == before
    assert "tokens per second" in progress and "Stopped" in progress


def test_stop_reaches_a_continuation_that_waits_for_its_turn_but_not_the_next_one(demo):
    begin, *_ = listeners(demo, "token_transformer_continue")
    [stop] = listeners(demo, "token_transformer_stop")
    assert not begin.queue and not stop.queue
    assert begin.inputs == stop.inputs
    writing = Writing()
    for stopped in (True, False):
        begin.fn(writing)
        if stopped:
            stop.fn(writing)
        steps = list(stream(demo, "token_transformer_continue")("a", 3, 1, 0, 1, "1", writing))
        assert ("Stopped" in steps[-1][1]) == stopped
        assert (steps[-1][0] == "a") == stopped


# What the next-token tab keeps and shows


def asked(demo, prompt="Once upon"):
    """The distribution that the page keeps after a question."""
    return press(demo, "token_transformer_run", prompt)[-1][2]


def test_settings_narrow_what_was_kept_without_the_model(demo, missing):
    found = asked(demo)
    for name in ("temperature", "top_k", "top_p", "candidates"):
        [change] = listeners(missing, f"token_transformer_{name}", "change")
        assert not change.queue
    narrow = change.fn
    assert narrow(found, 5, 1.0, 0, 1.0).count('class="dl-next"') == 5
    assert narrow(found, 5, 1.0, 3, 1.0).count('class="dl-next"') == 3
    assert narrow(found, 5, 0, 0, 1.0).count('class="dl-next"') == 1
    assert 'class="dl-next"' not in narrow(None, 5, 1.0, 0, 1.0)


@pytest.mark.parametrize("settings", [(0, 1, 0, 1), (5, -1, 0, 1), (5, 1, -3, 1), (5, None, 0, 1)])
def test_settings_out_of_range_are_named(demo, settings):
    [change] = listeners(demo, "token_transformer_top_k", "change")
    assert "dl-fault" in change.fn(asked(demo), *settings)


def choose(demo, prompt, found, **data):
    handler = listeners(demo, "token_transformer_next")[0].fn
    return list(handler(prompt, found, 5, 1.0, 0, 1.0, gr.EventData(None, data)))


def test_a_chosen_candidate_is_appended_and_asked_for_again(demo):
    found = asked(demo)
    [(prompt, _, bars, again, _)] = choose(demo, "Once upon", found, token=found.texts.index("a"))
    assert prompt == again.prompt == "Once upona"
    assert bars.count('class="dl-next"') == 5
    assert again.texts is found.texts


def test_a_candidate_is_not_appended_to_a_prompt_that_it_was_not_predicted_for(demo):
    found = asked(demo)
    [(prompt, _, _, again, _)] = choose(demo, "Never", found, token=found.texts.index("a"))
    assert prompt == again.prompt == "Never"


def test_a_second_click_sent_before_the_first_was_answered_changes_nothing(demo):
    found = asked(demo)
    token = found.texts.index("a")
    [(_, _, _, again, _)] = choose(demo, "Once upon", found, token=token)
    assert choose(demo, "Once upon", again, token=token) == [[gr.skip()] * 5]


def test_a_space_at_a_prompts_end_is_left_out_and_that_is_said(demo):
    remark, _, found, prompt = press(demo, "token_transformer_run", " Once upon  ")[-1]
    assert found.prompt == prompt == " Once upon"
    assert "space at the end was left out" in remark
    [(prompt, *_)] = choose(demo, " Once upon  ", found, token=found.texts.index("a"))
    assert prompt == " Once upona"
    assert press(demo, "token_transformer_continue", "Once ")[-1][0].startswith("Once")


@pytest.mark.parametrize("button", ["token_transformer_run", "token_transformer_continue"])
def test_a_space_at_its_end_does_not_hide_that_a_prompt_is_too_long(demo, button):
    last = shown(press(demo, button, "abc " * 400)[-1])
    assert views.note(generation.WINDOW) in last and views.note(generation.SPACE) in last


@pytest.mark.parametrize("stem", [*(entry.stem for entry in catalog.CATALOG), "compare"])
def test_views_that_follow_an_answer_do_not_read_the_box_again(demo, stem):
    """It may hold another text by then; only steps that take no time may come before."""
    box = component(demo, f"{stem}_text")
    reading = [f for f in demo.fns.values() if box in f.inputs and f.fn]
    assert reading
    for handler in reading:
        assert handler.trigger_after is None or not demo.fns[handler.trigger_after].queue
        assert "change" not in [event for _, event in handler.targets]


@pytest.mark.parametrize("token", [-1, 10**6, True, "1", None, {"a": 1}, 0, 1, "fragment"])
def test_what_is_no_candidate_changes_nothing(demo, token):
    found = asked(demo)
    token = min(found.fragments) if token == "fragment" else token
    assert choose(demo, "Once", found, token=token) == [[gr.skip()] * 5]
    assert choose(demo, "Once", found) == [[gr.skip()] * 5]
    assert choose(demo, "Once", None, token=token) == [[gr.skip()] * 5]


def following(demo, elem_id):
    """The handler that fills the component once there is an answer."""
    target = component(demo, elem_id)._id
    opened = [f._id for f in demo.fns.values() if "expand" in [event for _, event in f.targets]]
    return next(
        f.fn
        for f in demo.fns.values()
        if f.trigger_after not in (None, *opened) and target in [block._id for block in f.outputs]
    )


@pytest.mark.parametrize("kind", BAD)
def test_any_prompt_is_tinted_and_its_attention_drawn(demo, kind):
    press(demo, "token_transformer_run", "load")
    assert "dl-surprise" in following(demo, "token_transformer_tokens")(BAD[kind])
    heads, line, *_ = following(demo, "token_transformer_heads")(BAD[kind], True, True, None)
    assert "dl-heads" in heads
    assert "causal mask" in line and "<|" not in line


def test_of_a_long_text_the_beginning_is_tinted(demo):
    press(demo, "token_transformer_run", "load")
    html = following(demo, "token_transformer_tokens")("word " * 1000)
    assert "Only the first 400 tokens" in html
    assert html.count('class="dl-word"') == 400


@pytest.mark.parametrize("text", ["", " \n", None, 5])
def test_without_a_prompt_nothing_is_tinted(demo, text):
    assert following(demo, "token_transformer_tokens")(text) == ""
    heads, *_ = following(demo, "token_transformer_heads")(text, True, True, None)
    assert heads == ""


def test_attention_is_drawn_only_where_it_is_open(demo):
    press(demo, "token_transformer_run", "load")
    heads, *_, text = following(demo, "token_transformer_heads")("Once upon", False, True, None)
    assert heads == ""
    opening, looking = listeners(demo, "token_transformer_attention", "expand")
    assert opening.fn() is True
    heads, *_ = looking.fn(text, True, 1, None)
    assert "dl-heads" in heads


@pytest.mark.parametrize("verb", ["explain", "layers", "attention"])
def test_a_view_that_fails_says_so_and_shows_nothing_old(demo, monkeypatch, verb):
    press(demo, "sentiment_bert_run", "load")
    monkeypatch.setattr(SentimentBertPredictor, verb, lambda *given: 1 / 0)
    views = {
        "explain": ("sentiment_bert_words", ("leave_one_out",)),
        "layers": ("sentiment_bert_layers_plot", ()),
        "attention": ("sentiment_bert_heads", (True, True, None)),
    }
    elem_id, others = views[verb]
    found = following(demo, elem_id)("good film", *others)
    found = list(found)[-1] if inspect.isgenerator(found) else found
    assert "its log says what" in shown(found)
    assert "data:image" not in shown(found)
    assert all(plot.value is None for plot in found if isinstance(plot, gr.Plot))


def test_a_long_prompt_is_not_echoed_whole(demo):
    text, _, whole = press(demo, "token_transformer_continue", "word " * 1000)[-1]
    assert text.startswith("…") and len(text) < 600
    assert whole.startswith("word " * 999) and whole.endswith(text[1:])


def test_compare_knows_size_and_parameters_of_a_checkpoint(tmp_path):
    folder = tmp_path / "sentiment_lstm"
    folder.mkdir()
    (folder / "training.json").write_text('{"parameters": 12}', encoding="utf-8")
    (folder / "README.md").write_text("# card", encoding="utf-8")
    assert compare.known(Registry(root=tmp_path), "sentiment_lstm") == (12, 24)
    assert compare.known(Registry(root=tmp_path), "sentiment_bert") == (None, None)


def test_the_card_is_read_when_it_is_opened(tmp_path):
    demo = app.build_app(Registry(root=tmp_path))
    target = (component(demo, "sentiment_lstm_about")._id, "expand")
    read = next(f.fn for f in demo.fns.values() if target in f.targets)
    markdown, fault = read()
    assert not markdown and "is missing" in fault
    folder = tmp_path / "sentiment_lstm"
    folder.mkdir()
    (folder / "training.json").write_text("{}", encoding="utf-8")
    (folder / "README.md").write_text("---\nlicense: x\n---\n# Card", encoding="utf-8")
    assert read() == ("# Card", "")


def test_compare_takes_the_median_of_a_short_texts_times_and_reads_a_long_one_once(monkeypatch):
    class Model:
        def classify(self, texts):
            clock[0] += next(durations) if texts != ["warm"] else 5.0
            return ["verdict"]

    clock = [0.0]
    monkeypatch.setattr(compare.time, "perf_counter", lambda: clock[0])
    durations = itertools.chain([0.03, 0.001, 0.002, 0.001, 0.002], itertools.repeat(0.001))
    assert compare.measure(Model(), "short") == ("verdict", pytest.approx(1.0))
    durations = itertools.chain([0.9], itertools.repeat(1.0))
    assert compare.measure(Model(), "long") == ("verdict", pytest.approx(900))


# The endpoints


def test_public_endpoints_are_those_and_no_others(client):
    info = client.view_api(return_format="dict", print_info=False)
    assert set(info["named_endpoints"]) == ENDPOINTS
    assert not info["unnamed_endpoints"]
    assert all(entry["description"] for entry in info["named_endpoints"].values())


@pytest.mark.parametrize("stem", compare.MODELS)
def test_classify_endpoint(client, stem):
    found = client.predict(["good", "bad"], api_name=f"/{stem}_classify")
    assert [entry["text"] for entry in found] == ["good", "bad"]
    assert set(found[0]) == {"text", "positive", "label", "verdict", "truncated"}
    assert client.predict([], api_name=f"/{stem}_classify") == []


def test_translate_endpoint(client):
    [found] = client.predict(["hello"], api_name="/char_seq2seq_translate")
    assert found["source"] == list("hello")
    assert len(found["attention"]) == len(found["target"]) == len(found["log_probs"])
    [greedy] = client.predict(["hello"], beam_size=1, api_name="/char_seq2seq_translate")
    assert set(greedy) == set(found)


def test_next_tokens_endpoint(client):
    found = client.predict("The", k=3, api_name="/token_transformer_next_tokens")
    assert len(found) == 3
    assert found[0]["probability"] >= found[1]["probability"]
    kept = client.predict("The", top_k=2, api_name="/token_transformer_next_tokens")
    assert sum(token["probability"] for token in kept) == pytest.approx(1)


def test_generate_endpoint_streams_a_growing_text(client):
    job = client.submit("The", max_new_tokens=8, seed=1, api_name="/token_transformer_generate")
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


@pytest.mark.parametrize(
    ("endpoint", "arguments", "message"),
    [
        ("sentiment_lstm_classify", {"texts": "one"}, "put it in a list"),
        ("sentiment_bert_classify", {"texts": [1]}, "text 0"),
        ("sentiment_lstm_classify", {"texts": ["a"] * 257}, "At most 256"),
        ("char_seq2seq_translate", {"texts": ["a"], "beam_size": 99}, "beam"),
        ("token_transformer_next_tokens", {"prompt": "a", "top_p": 0}, "top_p"),
        ("token_transformer_next_tokens", {"prompt": None}, "prompt"),
        ("token_transformer_generate", {"prompt": "a", "seed": -1}, "seed"),
        ("token_transformer_generate", {"prompt": "a", "max_new_tokens": 2.5}, "max_new_tokens"),
        ("compare_sentiment", {"text": 5}, "text"),
    ],
)
def test_endpoint_errors_are_clear(client, endpoint, arguments, message):
    with pytest.raises(AppError, match=message):
        client.submit(**arguments, api_name=f"/{endpoint}").result(timeout=60)


@pytest.mark.parametrize("kind", BAD)
def test_endpoints_take_odd_input(client, url, kind):
    body = json.dumps({"data": [[BAD[kind]]]}).encode()  # a lone surrogate stays "\udxxx"
    start = urllib.request.Request(
        f"{url}gradio_api/call/sentiment_lstm_classify", body, {"Content-Type": "application/json"}
    )
    event = json.load(urllib.request.urlopen(start, timeout=30))["event_id"]
    answer = urllib.request.urlopen(f"{start.full_url}/{event}", timeout=30).read().decode()
    assert answer.startswith("event: complete"), answer[:200]
    assert ('"truncated": true' in answer) == (len(BAD[kind].split()) > 2000), answer[-200:]


def test_compare_endpoint_without_checkpoints(missing):
    call = next(f.fn for f in missing.fns.values() if f.api_name == "compare_sentiment")
    found = call("good")
    assert all("to make it good" in entry["error"] for entry in found.values())


def test_an_endpoint_without_its_checkpoint_says_so(missing):
    call = next(f.fn for f in missing.fns.values() if f.api_name == "sentiment_lstm_classify")
    with pytest.raises(gr.Error, match="to make it good"):
        call(["good"])


# The process


def start(*arguments, **variables):
    environment = {**os.environ, **variables}
    return subprocess.Popen(
        [sys.executable, "app.py", "--untrained", *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


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
        process.send_signal(stop)
        _, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 0, errors
    assert "Traceback" not in errors


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
