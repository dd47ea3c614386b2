"""The tab of the language model: next tokens, continuations and surprisal."""

import json
import re
import threading
from html import unescape

import numpy as np
import pytest
from gradio_client import Client
from markupsafe import escape

import app
from dlnlp.models.token_transformer.predictor import TokenTransformerPredictor
from dlnlp.registry import Registry
from dlnlp.results import Distribution, NextToken, Piece, TokenScore
from dlnlp.service import Service
from dlnlp.ui.panels import continuation
from dlnlp.ui.panels.continuation import Stop, progress, speed
from dlnlp.ui.panels.next_tokens import WINDOW, next_tokens
from dlnlp.ui.panels.surprise import surprise
from tests.test_app import free_port

STEM = "token_transformer"
EVIL = "<img src=x onerror=alert(1)>"
NOTHING = [" \n\t ", "", "\x00\x01", None, 5]


def ids(page):
    """The ids of the tokens on the bars that can be chosen."""
    found = re.findall(r'data-token="(\d+)" (disabled)?', page[f"{STEM}_next"])
    return [int(number) for number, disabled in found if not disabled]


def proceed(page, text="Once upon", length=5, seed="1"):
    """Press Continue."""
    page[f"{STEM}_text"], page[f"{STEM}_length"], page[f"{STEM}_seed"] = text, length, seed
    return page.trigger(f"{STEM}_continue")


def words_of(html):
    return unescape(re.sub("<[^>]*>", "", html))


# Next tokens


@pytest.mark.parametrize(
    ("name", "value", "count"),
    [("candidates", 5, 5), ("top_k", 3, 3), ("temperature", 0, 1)],
)
def test_filters_change_the_bars_without_asking_the_model_again(
    page, monkeypatch, name, value, count
):
    page[f"{STEM}_top_p"] = 1
    page.ask(STEM, "Once upon")
    monkeypatch.setattr(TokenTransformerPredictor, "distribution", lambda *given: 1 / 0)
    page[f"{STEM}_{name}"] = value
    bars, *_ = page.listeners(f"{STEM}_{name}", "change")
    assert not bars.queue
    page.trigger(f"{STEM}_{name}", "change")
    assert page[f"{STEM}_next"].count('class="dl-next"') == count
    assert "dl-fault" not in page.shown(f"{STEM}_next_tokens_panel")


@pytest.mark.parametrize(("name", "value"), [("top_k", -3), ("candidates", 0), ("top_p", 3)])
def test_filters_out_of_range_become_a_sentence(page, name, value):
    page.ask(STEM, "Once")
    page[f"{STEM}_{name}"] = value
    page.trigger(f"{STEM}_{name}", "change")
    assert "dl-fault" in page.shown(f"{STEM}_next_tokens_panel")


def test_moving_a_filter_before_asking_changes_nothing(page):
    before = page.shown(f"{STEM}_next_tokens_panel")
    page.trigger(f"{STEM}_top_k", "change")
    assert "Type the beginning" in before
    assert "dl-fault" not in page.shown(f"{STEM}_next_tokens_panel")


def test_a_chosen_token_is_appended_and_asked_for(page):
    page.ask(STEM, "Once upon")
    page.trigger(f"{STEM}_next", data={"token": ids(page)[0]})
    text = page[f"{STEM}_text"]
    assert text.startswith("Once upon") and len(text) > len("Once upon")
    assert "After “Once upon" in page[f"{STEM}_next"]
    assert f'data-answers="{escape(text)}"' in page.shown(f"{STEM}_surprise_panel")


def test_a_token_is_not_appended_to_another_prompt_which_is_asked_instead(page):
    page.ask(STEM, "Once upon")
    page[f"{STEM}_text"] = "Never"
    page.trigger(f"{STEM}_next", data={"token": ids(page)[0]})
    assert page[f"{STEM}_text"] == "Never"
    assert "After “Never”" in page[f"{STEM}_next"]


def test_a_second_click_before_the_first_one_was_answered_appends_once(page):
    page.ask(STEM, "Once upon")
    token = ids(page)[0]
    page.trigger(f"{STEM}_next", data={"token": token})
    after = page[f"{STEM}_text"]
    page[f"{STEM}_text"] = "Once upon"  # what the box held when the second click was sent
    page.trigger(f"{STEM}_next", data={"token": token})
    assert page[f"{STEM}_text"] == after


def test_a_token_that_is_only_a_space_can_be_chosen(page):
    page[f"{STEM}_candidates"], page[f"{STEM}_top_p"] = 300, 1
    page.ask(STEM, "Once")
    [token] = re.findall(r'data-token="(\d+)" title="Append “·”', page[f"{STEM}_next"])
    page.trigger(f"{STEM}_next", data={"token": int(token)})
    assert page[f"{STEM}_text"] == "Once "
    assert "After “Once·”" in page[f"{STEM}_next"]


@pytest.mark.parametrize("token", [-1, 10**6, True, "1", None, {"a": 1}, 0])
def test_forged_tokens_change_nothing(page, token):
    page.ask(STEM, "Once").trigger(f"{STEM}_next", data={"token": token})
    assert page[f"{STEM}_text"] == "Once"


def test_a_visitors_state_holds_no_distribution(page):
    page.ask(STEM, "Once")
    states = [v for b, v in page.values.items() if type(b).__name__ == "State"]
    assert not any(isinstance(value, (Distribution, np.ndarray)) for value in states)


@pytest.mark.parametrize("text", NOTHING)
def test_a_blank_prompt_clears_the_results(page, text):
    page.ask(STEM, "Once").ask(STEM, text)
    assert "Type the beginning" in page.shown(f"{STEM}_next_tokens_panel")
    assert page[f"{STEM}_next"] == page[f"{STEM}_tokens"] == ""


def test_odd_prompts_get_bars_and_surprisal(page, bad_text):
    page.ask(STEM, bad_text)
    shown = page[f"{STEM}_next"] + page[f"{STEM}_tokens"]
    assert 'class="dl-next"' in shown and "dl-surprise" in shown
    assert "<script" not in shown and "<img" not in shown
    assert "dl-fault" not in page.shown(f"{STEM}_surprise_panel")


def test_a_prompt_longer_than_the_window_is_mentioned(page):
    proceed(page.ask(STEM, "abc " * 400), "abc " * 400)
    for name in ("next_tokens", "continuation"):
        assert WINDOW.replace("'", "&#39;") in page.shown(f"{STEM}_{name}_panel")


# Continuations


def test_a_seed_makes_a_continuation_repeatable(page):
    first = words_of(proceed(page)[f"{STEM}_result"])
    assert first.startswith("Once upon") and len(first) > len("Once upon")
    assert words_of(proceed(page)[f"{STEM}_result"]) == first
    assert "<b>5</b> tokens" in page[f"{STEM}_progress"]
    assert "tokens per second" in page[f"{STEM}_progress"]


def test_the_repetition_penalty_changes_a_continuation(page):
    page[f"{STEM}_temperature"] = 0  # the tiny model then repeats itself
    page[f"{STEM}_repetition_penalty"] = 1
    before = proceed(page, "aaaa", 30)[f"{STEM}_result"]
    page[f"{STEM}_repetition_penalty"] = 2
    assert proceed(page, "aaaa", 30)[f"{STEM}_result"] != before


@pytest.mark.parametrize("seed", ["-3", "1.5", "one", "<b>", "9" * 400])
def test_a_seed_that_is_not_a_number_becomes_a_sentence(page, seed):
    shown = proceed(page, seed=seed).shown(f"{STEM}_continuation_panel")
    assert "seed must be a whole number" in shown and "<b>" not in shown


@pytest.mark.parametrize("text", NOTHING)
def test_a_blank_prompt_is_not_continued(page, text):
    shown = proceed(proceed(page), text).shown(f"{STEM}_continuation_panel")
    assert "Type the beginning" in shown
    assert page[f"{STEM}_result"] == page[f"{STEM}_progress"] == ""


def test_stop_is_enabled_only_while_a_continuation_runs(page):
    assert not page.component(f"{STEM}_stop").interactive
    start, stop = (page.component(f"{STEM}_{name}") for name in ("continue", "stop"))
    proceed(page)
    changes = [values for values in page.history if stop in values]
    assert [values[stop].interactive for values in changes] == [True, False]
    assert [values[start].interactive for values in changes] == [False, True]


def test_stop_ends_the_stream_after_the_current_token():
    stop = Stop()

    def pieces():
        for number in range(9):
            stop.requested = number == 2
            yield Piece("x", 1)

    assert [text for text, _ in progress(pieces(), stop)][-1] == "xxx"


def test_stop_reaches_a_continuation_that_waits_but_not_the_next_one(page):
    [stopping] = page.listeners(f"{STEM}_stop")
    assert not stopping.queue
    [begin] = page.listeners(f"{STEM}_continue")
    page[f"{STEM}_text"] = "a"
    page.trigger(f"{STEM}_continue", follow=False).trigger(f"{STEM}_stop")
    [streaming] = [f for f in page.demo.fns.values() if f.trigger_after == begin._id]
    page._run(streaming, None, True)
    assert "Stopped" in page.shown(f"{STEM}_continuation_panel")
    assert words_of(page[f"{STEM}_result"]) == "a"
    assert "Stopped" not in proceed(page).shown(f"{STEM}_continuation_panel")


def test_a_fast_continuation_is_sent_a_few_times_a_second_and_to_its_end(monkeypatch):
    monkeypatch.setattr(continuation, "BETWEEN", 60.0)
    first, last = progress(iter([Piece("x", 1)] * 30), Stop())
    assert first[0] == "x" and last[0] == "x" * 30 and "<b>30</b> tokens" in last[1]


def test_a_continuation_becomes_the_prompt_and_is_asked(page):
    written = words_of(proceed(page.ask(STEM, "Once"))[f"{STEM}_result"])
    page.trigger(f"{STEM}_use_as_prompt")
    assert page[f"{STEM}_text"] == written
    assert page[f"{STEM}_tokens"].count('class="dl-word"') > len("Once")
    assert page[f"{STEM}_result"] == "" and "data-answers" not in page.shown(
        f"{STEM}_continuation_panel"
    )


def test_only_the_end_of_a_long_prompt_is_shown_but_all_of_it_is_used(page):
    long = "word " * 1000
    shown = words_of(proceed(page, long)[f"{STEM}_result"])
    assert shown.startswith("…") and len(shown) < 600
    page.trigger(f"{STEM}_use_as_prompt")
    assert page[f"{STEM}_text"].startswith(long) and page[f"{STEM}_text"].endswith(shown[1:])


def test_markup_is_escaped_in_a_continuation(page):
    assert "<img" not in proceed(page, EVIL)[f"{STEM}_result"]


def test_without_a_checkpoint_both_panels_say_what_to_run(page_without_checkpoints):
    page = proceed(page_without_checkpoints.ask(STEM, "a"), "a")
    for name in ("next_tokens", "continuation"):
        assert "run:<code>pip install" in page.shown(f"{STEM}_{name}_panel")


def test_a_continuation_does_not_delay_next_tokens(monkeypatch):
    """Two visitors of a served app: one's continuation blocks while the other predicts."""
    started, release = threading.Event(), threading.Event()

    def blocked(self, prompt, *settings):
        started.set()
        release.wait(60)
        yield Piece("x", 1)

    monkeypatch.setattr(TokenTransformerPredictor, "stream", blocked)
    service = Service(Registry(untrained=True))
    demo = app.build_app(service)
    client = Client(app.launch(demo, service, quiet=True, server_port=free_port()), verbose=False)
    try:
        job = client.submit("a", api_name=f"/{STEM}_generate")
        assert started.wait(60)
        assert client.submit("a", api_name=f"/{STEM}_next_tokens").result(timeout=60)
        assert not job.done()
        release.set()
        assert job.result(timeout=60).endswith("x")
    finally:
        release.set()
        demo.close(verbose=False)


def test_the_pages_continuation_has_a_queue_of_its_own(page):
    [begin] = page.listeners(f"{STEM}_continue")
    [streaming] = [f for f in page.demo.fns.values() if f.trigger_after == begin._id]
    [predicting] = page.listeners(f"{STEM}_run")
    assert streaming.queue and streaming.concurrency_id != predicting.concurrency_id


# Markup


def bars(prompt, probabilities, shown=9, temperature=1.0, top_k=0, top_p=1.0):
    found = Distribution(prompt, tuple(probabilities), np.log(list(probabilities.values())))
    return next_tokens(found, shown, temperature, top_k, top_p)


def test_bars_are_named_and_the_most_likely_is_widest():
    found = Distribution(
        "Once upon ",
        (" the", "\n", "‹C3›", EVIL),
        np.log([0.5, 0.25, 0.125, 0.125]),
        fragments=frozenset([2]),
    )
    shown = next_tokens(found, 3, 1.0, 0, 1.0)
    buttons = re.findall(r"<button.*?</button>", shown)
    assert [re.sub("<[^>]*>", " ", button).split() for button in buttons] == [
        ["·the", "50.0%"],
        ["⏎", "25.0%"],
        ["‹C3›", "12.5%"],
    ]
    assert re.findall(r"width:([\d.]+)%", shown) == ["100.0", "50.0", "25.0"]
    assert 'data-token="0"' in buttons[0] and "Append “·the”, 50.0%" in buttons[0]
    assert [" disabled " in button for button in buttons] == [False, False, True]
    assert "After “Once upon·”" in shown and "All 4 tokens are possible" in shown
    assert "the other one</span><span>12.5%" in shown
    assert "<img" not in next_tokens(found, 4, 1.0, 0, 1.0)


def test_bars_shrink_when_a_filter_flattens_the_distribution():
    probabilities = {"x": 0.8, "y": 0.1, "z": 0.1}
    widths = re.findall(r"width:([\d.]+)%", bars("a", probabilities, temperature=2.0))
    assert float(widths[0]) < 80 < 100
    kept = bars("a", probabilities, top_k=1)
    assert "1 of 3 tokens remain after filtering" in kept
    assert "width:100.0%" in kept and "<span>100%</span>" in kept and "the other" not in kept


def test_the_bars_name_the_end_of_a_long_prompt():
    shown = bars("a " * 100 + "<b>", {"x": 1.0})
    assert "After “…" in shown and "&lt;b&gt;”" in shown
    assert "After “…The old man walked”" in bars("by the river. The old man walked", {"x": 1.0})


def scored(*pairs):
    expected = (NextToken(EVIL, 0.5, 1), NextToken(" b", 0.2, 2))
    return [TokenScore(text, float(np.log(p)), expected) for text, p in pairs]


def test_surprisal_tints_tokens_and_is_summed_up():
    shown = surprise(scored(("a", 1.0), (" b", 2.0**-6), ("\n", 2.0**-30)), False)
    assert re.findall(r"\) (\d+)%, transparent", shown) == ["0", "30", "60"]
    assert re.findall(r'title="([^"]*)"', shown) == ["0.0 bits", "6.0 bits", "30.0 bits"]
    assert "per token <b>4,096</b>" in shown  # 36 bits, 3 tokens, 2 words
    assert "per word <b>262,144</b>" in shown and "total <b>36.0 bits</b>" in shown
    assert "> b</span>" in shown and ">⏎\n</span>" in shown
    assert "<img" not in shown and "Only the first" not in shown
    [*_, attribute] = re.findall(r'data-expected="([^"]*)"', shown)
    assert json.loads(unescape(attribute)) == [["<img·src=x·oner…", "50.0%"], ["·b", "20.0%"]]


def test_surprisal_of_a_part_and_of_improbable_tokens(page):
    assert "Only the first 1 tokens" in surprise(scored(("a", 0.5)), True)
    shown = surprise([TokenScore("é", -2000.0, (), 2)], False)
    assert "over a million" in shown and "under 0.1%" in shown
    assert surprise([], False) == "" and ">··</span>" in surprise(scored(("  ", 0.5)), False)
    html = page.ask(STEM, "word " * 1000)[f"{STEM}_tokens"]
    assert "Only the first 400 tokens" in html and html.count('class="dl-word"') == 400


def test_speed():
    assert re.sub("<[^>]*>", " ", speed(1, 0.0)).split()[:2] == ["1", "token"]
    assert "<b>20</b> tokens per second" in speed(30, 1.5)


# Errors


@pytest.mark.parametrize(
    ("verb", "button", "panel", "result"),
    [
        ("distribution", "run", "next_tokens", "next"),
        ("score", "run", "surprise", "tokens"),
        ("stream", "continue", "continuation", "result"),
    ],
)
def test_a_panel_that_fails_says_so_and_shows_nothing_old(
    page, monkeypatch, verb, button, panel, result
):
    page[f"{STEM}_text"] = "an earlier prompt"
    page.trigger(f"{STEM}_{button}")
    assert page[f"{STEM}_{result}"]
    monkeypatch.setattr(TokenTransformerPredictor, verb, lambda *given, **named: 1 / 0)
    page[f"{STEM}_text"] = "a prompt that fails"
    page.trigger(f"{STEM}_{button}")
    assert "Something went wrong" in page.shown(f"{STEM}_{panel}_panel")
    assert not page[f"{STEM}_{result}"]
