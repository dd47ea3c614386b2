"""HTML of results: what it says, and that no text of a user's gets through unescaped."""

import json
import re
from dataclasses import replace
from html import unescape

import numpy as np
import pytest

from dlnlp.results import (
    Distribution,
    Glance,
    NextToken,
    TokenScore,
    Translation,
    WordAttention,
)
from dlnlp.ui import views

EVIL = "<img src=x onerror=alert(1)>"


def translated(text="ab", truncated=False):
    n = len(text)
    return Translation(
        text, -0.3, ("x",), tuple(text), np.full(n, -0.1), np.ones((n, 1)), truncated
    )


def test_a_cut_text_is_mentioned():
    assert "first 1 characters" in views.translation(translated(truncated=True), 150)


def test_translation_line():
    shown = views.translation(translated(), 150)
    assert "−0.30 nats" in shown
    assert "90.5%" in shown  # exp(-0.3 / 3): two characters and the end


def test_a_picture_of_a_part_says_so():
    assert "first 150 characters" in views.translation(translated("a" * 151), 150)
    assert "first 150 characters" not in views.translation(translated("a" * 150), 150)


def test_that_parts_are_translated_one_by_one_is_said():
    one = translated("Hi. Bye.")
    assert "by itself" not in views.translation(one, 150)
    assert "by itself" in views.translation(replace(one, parts=2), 150)


def test_a_word_tells_where_it_looked_and_no_more():
    weights = np.zeros((1, 9))
    weights[0, 3:6] = [0.2, 0.6, 0.2]
    shown = views.reading(tuple("ab cd. ef"), WordAttention(("cd",), ("xy",), weights, weights))
    assert 'data-first="3" data-shares="33,100,33"' in shown


@pytest.mark.parametrize(
    "shown",
    [
        views.note(EVIL),
        views.fault(EVIL),
        views.loading(EVIL),
        views.intro(EVIL, EVIL),
        views.column(EVIL, ""),
        views.translation(translated(EVIL), 150),
        views.next_tokens(Distribution(EVIL, (EVIL,), np.zeros(1)), [NextToken(EVIL, 1.0, 0)], 1),
        views.surprise([TokenScore(EVIL, -1.0, (NextToken(EVIL, 1.0, 0),))], False),
    ],
)
def test_nothing_of_a_users_is_markup(shown):
    assert "<img" not in shown


def test_unsure_letters_are_tinted_and_escaped():
    log_probs = np.log(np.array([1.0, 0.2]))
    shown = views.confidence(
        Translation("<b", -1.6, ("x",), ("<", "b"), log_probs, np.ones((2, 1)))
    )
    assert re.search(r"\) 0%, transparent\)\"[^>]*>&lt;</span>", shown)
    assert re.search(r"\) 60%, transparent\)\" title=\"20.0%\">b</span>", shown)


def test_rivals_say_which_is_likelier():
    good, bad = translated("ab"), translated("ba")
    assert "writes itself" in views.rivals(good, good)
    worse = Translation(bad.text, -5.3, bad.source, bad.target, bad.log_probs, bad.attention)
    assert "its own 5.0 nats likelier" in views.rivals(worse, good)
    assert "finds yours likelier" in views.rivals(good, worse)
    shorter, longer = translated("a"), translated("bbbb")  # of -0.3 nats each
    surer = Translation("b" * 9, -0.35, ("x",), ("b",) * 9, np.full(9, -0.01), np.ones((9, 1)))
    assert "being shorter" in views.rivals(shorter, surer)
    assert "0.0 nats" in views.rivals(shorter, longer)


def test_heads_can_be_told_apart_and_one_is_chosen():
    shown = views.heads([["data:a", "data:b"], ["data:c", "data:d"]], (1, 0))
    assert shown.count('aria-pressed="true"') == 1
    [button] = re.findall(r'<button[^>]*aria-pressed="true"[^>]*>', shown)
    assert 'aria-label="layer 2, head 1"' in button
    assert shown.count("<img") == 4


def test_the_large_head_says_what_is_left_out():
    weights = np.zeros((1, 1, 2, 2))
    look = Glance(("a", "b"), weights, np.full((1, 1), 0.4), begin=3, total=9)
    shown = views.looked(look, (0, 0), hide=True, remark="<i>")
    assert "Layer 1, head 1" in shown and "40.0%" in shown and "Tokens 4 to 5 of 9" in shown
    assert "<i>" not in shown
    assert "40.0%" not in views.looked(look, (0, 0), hide=False, remark="")


def distribution(prompt, *texts):
    n = len(texts)
    return Distribution(prompt, texts, np.log(np.full(n, 1 / n)))


def test_candidates_are_bars_to_choose_from_the_likeliest_widest():
    tokens = [NextToken(" the", 0.5, 7), NextToken("\n", 0.25, 3), NextToken("‹C3›", 0.1, 9, False)]
    shown = views.next_tokens(distribution("Once upon ", *"abcd"), tokens, 3)
    buttons = re.findall(r"<button.*?</button>", shown)
    assert [re.sub("<[^>]*>", " ", button).split() for button in buttons] == [
        ["·the", "50.0%"],
        ["⏎", "25.0%"],
        ["‹C3›", "10.0%"],
    ]
    assert re.findall(r"width:([\d.]+)%", shown) == ["100.0", "50.0", "20.0"]
    assert 'data-token="7"' in buttons[0] and "Append “·the”, 50.0%" in buttons[0]
    assert [" disabled " in button for button in buttons] == [False, False, True]
    assert "part of a character" in buttons[2]
    assert "After “Once upon·”" in shown and "leave 3 of 4 tokens" in shown


def test_bars_are_no_wider_than_without_settings_and_the_others_are_summed_up():
    plain = Distribution("a", ("x", "y", "z"), np.log([0.8, 0.1, 0.1]))
    flat = views.next_tokens(plain, [NextToken("x", 0.4, 0), NextToken("y", 0.3, 1)], 3)
    assert re.findall(r"width:([\d.]+)%", flat) == ["50.0", "37.5"]
    assert "the other one</span><span>30.0%" in flat
    several = views.next_tokens(plain, [NextToken("x", 0.4, 0)], 3)
    assert "the other 2 together</span><span>60.0%" in several
    sharp = views.next_tokens(plain, [NextToken("x", 1.0, 0)], 1)
    assert "width:100.0%" in sharp and "the other" not in sharp
    assert "<span>100%</span>" in sharp and sharp.count("Append “x”, 100%") == 2


def test_of_a_long_prompt_the_candidates_name_the_end():
    shown = views.next_tokens(distribution("a " * 100 + "<b>", "x"), [], 1)
    assert "After “…" in shown and "&lt;b&gt;”" in shown and "leave all 1 tokens" in shown


def scored(*pairs):
    expected = (NextToken(EVIL, 0.5, 1), NextToken(" b", 0.2, 2))
    return [TokenScore(text, float(np.log(p)), expected) for text, p in pairs]


def test_surprise_tints_by_bits_and_sums_them_up():
    shown = views.surprise(scored(("a", 1.0), (" b", 2.0**-6), ("\n", 2.0**-30)), False)
    assert re.findall(r"\) (\d+)%, transparent", shown) == ["0", "30", "60"]
    assert re.findall(r'title="([^"]*)"', shown) == ["0.0 bits", "6.0 bits", "30.0 bits"]
    assert "per token <b>4,096</b>" in shown  # 36 bits, 3 tokens, 2 words
    assert "per whitespace word <b>262,144</b>" in shown
    assert "in total <b>36.0 bits</b>" in shown
    assert "> b</span>" in shown and ">⏎\n</span>" in shown
    assert "<img" not in shown and "Only the first" not in shown
    [*_, attribute] = re.findall(r'data-expected="([^"]*)"', shown)
    assert json.loads(unescape(attribute)) == [["<img·src=x·oner…", "50.0%"], ["·b", "20.0%"]]
    assert 'data-token="·b"' in shown


def test_surprise_of_a_part_and_of_the_improbable():
    assert "Only the first 1 tokens" in views.surprise(scored(("a", 0.5)), True)
    shown = views.surprise([TokenScore("é", -2000.0, (), 2)], False)
    assert "over a million" in shown and "under 0.1%" in shown
    assert views.surprise([], False) == ""
    assert ">··</span>" in views.surprise(scored(("  ", 0.5)), False)


def test_rate():
    assert re.sub("<[^>]*>", " ", views.rate(1, 0.0)).split()[:2] == ["1", "token"]
    assert "<b>20</b> tokens per second" in views.rate(30, 1.5)
