"""HTML of verdicts and attributions: what it says, and that a user's text is always escaped."""

import re
from html import unescape

import numpy as np
import pytest

from dlnlp.results import Attribution, Sentiment
from dlnlp.text.words import words
from dlnlp.ui.kit import markup
from dlnlp.ui.panels.verdict import verdict
from dlnlp.ui.panels.words import attribution, what_if

EVIL = "<img src=x onerror=alert(1)>"


@pytest.mark.parametrize(
    ("positive", "word"), [(0.9, "POSITIVE"), (0.1, "NEGATIVE"), (0.5, "UNSURE"), (0.6, "UNSURE")]
)
def test_verdict_word(positive, word):
    shown = verdict(Sentiment("t", positive))
    assert f"<strong>{word}</strong>" in shown
    assert f"left:{100 * positive:.2f}%" in shown


@pytest.mark.parametrize(
    ("probability", "shown"),
    [(0.934, "93.4%"), (1.0, "over 99.9%"), (0.0, "under 0.1%"), (0.5, "50.0%")],
)
def test_percent_is_never_certain(probability, shown):
    assert markup.percent(probability) == shown


@pytest.mark.parametrize(
    ("markdown", "shown"),
    [
        ("---\nlicense: x\n---\n# T\n\n---\nrest", "## T\n\n---\nrest"),
        ("# T\n", "## T"),
        ("", ""),
    ],
)
def test_card_loses_its_front_matter_and_is_a_section_of_the_page(markdown, shown):
    assert markup.card_text(markdown) == shown


def test_header_warns_of_untrained_models():
    assert "random" in markup.header(untrained=True)
    assert "random" not in markup.header(untrained=False)


def test_attribution_tints_words_and_keeps_the_text_between_them() -> None:
    text = "a <b>great</b> film"
    spans = words(text)
    scores = np.zeros(len(spans))
    scores[[word for word, _ in spans].index("great")] = 2.0
    scores[-1] = -1.0
    shown = attribution(
        Attribution(
            text,
            tuple(word for word, _ in spans),
            tuple(start for _, start in spans),
            scores,
            "leave_one_out",
        )
    )
    assert re.sub(r"<[^>]*>", "", shown.split("</p>")[0]) == "a &lt;b&gt;great&lt;/b&gt; film"
    assert re.search(r"title=\"\+2\.00\"[^>]*--dl-positive-tint\) 62%[^>]*>great", shown)
    assert re.search(r"title=\"−1\.00\"[^>]*--dl-negative-tint\) 31%[^>]*>film", shown)
    assert shown.index('<td translate="no">great') < shown.index('<td translate="no">film')
    assert attribution(Attribution("", (), (), np.zeros(0), "leave_one_out")) == ""


def test_weak_words_are_tinted_weakly_and_that_none_counts_is_said() -> None:
    def shown(*scores: float) -> str:
        found = Attribution("a b", ("a", "b"), (0, 2), np.array(scores), "leave_one_out")
        return attribution(found)

    assert re.findall(r"\) (\d+)%, transparent", shown(0.3, -0.15)) == ["12", "6"]
    assert "no single word changes the verdict" not in shown(0.3, 0)
    assert "no single word changes the verdict" in shown(0.01, -0.02)


def test_in_a_long_text_a_words_smaller_share_is_tinted_as_well() -> None:
    def tints(count: int, strongest: float) -> list[int]:
        found = tuple("a" for _ in range(count))
        places, scores = tuple(range(0, 2 * count, 2)), np.full(count, 0.001)
        scores[0] = strongest
        shown = attribution(Attribution(" ".join(found), found, places, scores, "x"))
        assert ("no single word changes the verdict" in shown) == (strongest < 0.002)
        return [int(share) for share in re.findall(r"\) (\d+)%, transparent", shown)]

    assert tints(10, 0.15)[0] == 6
    assert tints(300, 0.15)[0] == 62
    assert tints(300, 0.0012)[0] == 1


def test_a_mark_stays_with_its_word_unless_that_is_long() -> None:
    text = "so flat, then " + "!" * 30 + " and " + "a" * 30 + "?"
    found = words(text)
    starts = tuple(start for _, start in found)
    names = tuple(word for word, _ in found)
    html = attribution(Attribution(text, names, starts, np.ones(len(found)), "leave_one_out"))
    joined = re.findall(r'<span class="dl-joined">(.*?)</span>', html)
    assert [re.findall(r">(.+?)</button>", row) for row in joined] == [
        ["flat", ","],
        ["!"] * 20,
        ["!"] * 10,
    ]
    assert unescape(re.sub("<.*?>", "", html)).startswith(text)
    assert [int(n) for n in re.findall(r'data-index="(\d+)"', html)] == list(range(len(found)))


def test_what_if_sets_both_verdicts_side_by_side():
    shown = what_if([EVIL, "not"], Sentiment("t", 0.9), Sentiment("t", 0.2))
    assert "<img" not in shown and "<del>not</del>" in shown
    assert shown.index("90.0%") < shown.index("20.0%")
    assert "<strong>positive</strong>" in shown and "<strong>negative</strong>" in shown


def test_a_truncated_text_is_mentioned():
    assert "beginning" in verdict(Sentiment("t", 0.9, truncated=True))
    assert "beginning" not in verdict(Sentiment("t", 0.9))


@pytest.mark.parametrize(
    "shown",
    [
        markup.note(EVIL),
        markup.fault(EVIL),
        markup.fault(f"{EVIL} run: {EVIL}"),
        markup.loading(EVIL),
        markup.intro(EVIL, EVIL),
        markup.join([EVIL], EVIL),
        markup.figures([(EVIL, EVIL)]),
        verdict(Sentiment(EVIL, 0.5)),
    ],
)
def test_no_text_becomes_markup(shown):
    assert "<img" not in shown
