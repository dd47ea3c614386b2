"""Verdicts of the sentiment models, and the words behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from dlnlp.results import UNSURE_ABOVE, UNSURE_BELOW, Attribution, Sentiment
from dlnlp.ui.views.basics import column, note, percent, signed

JOINED = 20  # characters without a blank between that stay on one line
STRONGEST = 10
LEAST_PEAK = 1.5  # logits: a text in which nothing matters much shall not look as if something did
TELLING = 0.05
SHORT = (
    10  # words: of longer texts each one's share in the verdict is smaller, and so are these two
)


@dataclass(frozen=True)
class Facts:
    """What Compare shows of a model beside its verdict; None where it is not known."""

    milliseconds: float
    parameters: int | None = None
    size: int | None = None


def sentiment(result: Sentiment) -> str:
    """The verdict, its probability, and where that lies between negative and positive."""
    cut = note("Only the beginning of this text was read.") if result.truncated else ""
    share = percent(result.positive)
    return (
        f'<section class="dl-verdict dl-{escape(result.verdict)}" role="status">'
        f'<div class="dl-verdict-head"><strong>{escape(result.verdict.upper())}</strong>'
        f"<span>probability of positive: <b>{share}</b></span></div>"
        f"{scale(result.positive)}</section>{cut}"
    )


def scale(positive: float, ends: bool = True) -> str:
    """A bar from negative to positive with a mark on it; the unsure zone is hatched."""
    named = (
        '<div class="dl-ends"><span>negative</span><span>unsure</span><span>positive</span></div>'
        if ends
        else ""
    )
    left, width = 100 * UNSURE_ABOVE, 100 * (UNSURE_BELOW - UNSURE_ABOVE)
    return (
        f'<div class="dl-scale" role="img" aria-label="{percent(positive)} positive">'
        f'<div class="dl-track"><i style="left:{left:.2f}%;width:{width:.2f}%"></i>'
        f'<b style="left:{100 * positive:.2f}%"></b></div>{named}</div>'
    )


def attribution(result: Attribution) -> str:
    """The text, each word tinted by what it contributed; the numbers on hover and in a table."""
    if not result.words:
        return ""
    scores = [float(score) for score in result.scores]
    strength = max(abs(score) for score in scores)
    scale = min(1.0, SHORT / len(scores))
    peak = max(LEAST_PEAK * scale, strength)
    buttons = []
    for index, (word, score) in enumerate(zip(result.words, scores, strict=True)):
        colour = "--dl-positive" if score > 0 else "--dl-negative"
        share = round(62 * min(1.0, abs(score) / peak))
        buttons.append(
            f'<button type="button" class="dl-word" data-index="{index}" '
            f'aria-pressed="false" title="{signed(score, plus=True)}" '
            f'style="background:color-mix(in srgb, var({colour}) {share}%, transparent)">'
            f"{escape(word)}</button>"
        )
    strongest = sorted(range(len(scores)), key=lambda i: -abs(scores[i]))[:STRONGEST]
    rows = "".join(
        f"<tr><td>{escape(result.words[i])}</td><td>{signed(scores[i], plus=True)}</td></tr>"
        for i in strongest
    )
    cut = note("Only the beginning of this text is explained.") if result.truncated else ""
    if strength < TELLING * scale:
        cut += note("By this measure no word moves the verdict on its own.")
    return (
        f'<section class="dl-words"><p class="dl-text">{_text_with_buttons(result, buttons)}</p>'
        '<p class="dl-legend"><span><i class="dl-towards"></i>towards positive</span> '
        '<span><i class="dl-against"></i>towards negative</span> '
        "<span>Choose words to see the verdict without them.</span></p>"
        f"<details><summary>The words that count most, in logits</summary><table>{rows}</table>"
        f"</details></section>{cut}"
    )


def _text_with_buttons(result: Attribution, buttons: Sequence[str]) -> str:
    """The text with a button for each word; a short word keeps the marks that follow it."""
    lines: list[str] = []
    together: list[str] = []
    begin = end = 0
    for word, start, button in zip(result.words, result.starts, buttons, strict=True):
        gap = result.text[end:start]
        end = start + len(word)
        if gap or not together or end - begin > JOINED:
            lines += [_joined(together), escape(gap)]
            together, begin = [], start
        together.append(button)
    return "".join([*lines, _joined(together), escape(result.text[end:])])


def _joined(buttons: Sequence[str]) -> str:
    row = "".join(buttons)
    return f'<span class="dl-joined">{row}</span>' if len(buttons) > 1 else row


def what_if(left_out: Sequence[str], before: Sentiment, after: Sentiment) -> str:
    """Two verdicts one above the other: of the text, and of what is left of it."""
    quoted = " ".join(f"<del>{escape(word)}</del>" for word in left_out)
    rows = (("As written", before), (f"Without {quoted}", after))
    return (
        '<section class="dl-whatif">'
        + "".join(
            f'<div class="dl-{escape(found.verdict)}"><p><span>{title}</span>'
            f"<span><strong>{escape(found.verdict)}</strong> {percent(found.positive)}</span></p>"
            f"{scale(found.positive, ends=False)}</div>"
            for title, found in rows
        )
        + "</section>"
    )


def compared(title: str, result: Sentiment, facts: Facts) -> str:
    """One column of the comparison."""
    rows = (
        ("time", f"{facts.milliseconds:.1f} ms"),
        ("parameters", "unknown" if facts.parameters is None else f"{facts.parameters:,}"),
        ("size on disk", "unknown" if facts.size is None else f"{facts.size / 1e6:.1f} MB"),
    )
    listed = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in rows)
    return column(title, f'{sentiment(result)}<dl class="dl-facts">{listed}</dl>')
