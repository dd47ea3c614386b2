"""What may come next, what has come, and how surprising that was."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from html import escape

from dlnlp.plots import visible
from dlnlp.results import Distribution, NextToken, TokenScore
from dlnlp.ui.views.basics import note, percent

PROMPT_END = 24  # characters of a prompt that name it
MOST_BITS = 12  # the surprisal that is tinted most
FRAGMENT = "Only a part of a character: it can't be appended by itself."


def next_tokens(found: Distribution, tokens: Sequence[NextToken], kept: int) -> str:
    """The likeliest tokens as bars to choose from, the likeliest on top.

    Args:
        kept: How many tokens of the vocabulary the settings leave.
    """
    # At least as much as before any setting, so that bars shrink when a setting flattens them.
    widest = max([math.exp(found.log_probs.max()), *(token.probability for token in tokens)])
    # What a setting makes certain is so; the model itself never is.
    shares = ["100%" if kept == 1 else percent(token.probability) for token in tokens]
    rows = "".join(
        f'<li><button type="button" class="dl-next" data-token="{token.id}" '
        f"{_may_be_chosen(token, share)}><span>{escape(visible(token.text, '·'))}</span>"
        f'<i style="width:{100 * token.probability / widest:.1f}%"></i>'
        f"<span>{share}</span></button></li>"
        for token, share in zip(tokens, shares, strict=True)
    )
    if kept > len(tokens):
        others = percent(max(0.0, 1 - sum(token.probability for token in tokens)))
        count = kept - len(tokens)
        name = "the other one" if count == 1 else f"the other {count:,} together"
        rows += f'<li class="dl-others"><span>{name}</span><span>{others}</span></li>'
    end = found.prompt[-PROMPT_END:].lstrip()
    blank = end[len(end.rstrip()) :]  # it matters to the model, so it is drawn
    after = ("…" if len(end) < len(found.prompt) else "") + end.rstrip() + visible(blank, "·")
    total = int((found.log_probs > -math.inf).sum())
    left = f"all {total:,}" if kept >= total else f"{kept:,} of {total:,}"
    return (
        f'<section class="dl-nexts"><p class="dl-caption">After “{escape(after)}”. The settings '
        f"leave {left} tokens; · is a space. Choose one to append it and go on.</p>"
        f"<ol>{rows}</ol></section>"
    )


def _may_be_chosen(token: NextToken, share: str) -> str:
    """The attributes of a candidate's button."""
    if not token.whole:
        return f'disabled title="{escape(FRAGMENT)}"'
    label = escape(f"Append “{visible(token.text, '·')}”, {share}")
    return f'title="{label}" aria-label="{label}"'


def surprise(found: Sequence[TokenScore], more: bool) -> str:
    """The text, each token the more orange the less it was expected, and what that sums up to.

    Each carries what was expected in its place, so that showing it needs no server.

    Args:
        more: Whether the text goes on beyond these tokens.
    """
    if not found:
        return ""
    count = sum(token.tokens for token in found)
    words = max(1, len("".join(token.text for token in found).split()))
    bits = sum(token.bits for token in found)
    figures = (
        ("perplexity per token", perplexity(bits / count)),
        ("perplexity per whitespace word", perplexity(bits / words)),
        ("in total", f"{bits:,.1f} bits"),
    )
    listed = "".join(f"<span>{name} <b>{value}</b></span>" for name, value in figures)
    cut = note(f"Only the first {count} tokens are shown and counted.") if more else ""
    return (
        f'{cut}<section class="dl-surprise"><p class="dl-figures">{listed}</p>'
        f'<p class="dl-text">{"".join(map(_surprising, found))}</p>'
        '<p class="dl-legend"><span><i class="dl-against"></i>less expected, '
        f"up to {MOST_BITS} bits and more</span> <span>Choose a token to see what was expected in "
        'its place.</span></p><div class="dl-expected" role="status"></div></section>'
    )


def _surprising(token: TokenScore) -> str:
    share = round(60 * min(1.0, token.bits / MOST_BITS))
    expected = [[visible(each.text, "·"), percent(each.probability)] for each in token.expected]
    return (
        '<span role="button" tabindex="0" class="dl-word" aria-pressed="false" '
        f'data-token="{escape(visible(token.text, "·"))}" '
        f'data-expected="{escape(json.dumps(expected, ensure_ascii=False))}" '
        f'data-probability="{percent(2**-token.bits)}" title="{token.bits:.1f} bits" '
        f'style="background:color-mix(in srgb, var(--dl-negative) {share}%, transparent)">'
        f"{_drawn(token.text)}</span>"
    )


def _drawn(text: str) -> str:
    """A token within a text: blanks stay blanks unless it has nothing else."""
    blank = "·" if not text.strip(" ") else " "
    return escape("".join(visible(c, blank) + ("\n" if c == "\n" else "") for c in text))


def perplexity(bits: float) -> str:
    """Of a surprisal in bits on average."""
    if bits >= 20:
        return "over a million"
    return f"{2**bits:,.1f}" if bits < 10 else f"{2**bits:,.0f}"


def rate(tokens: int, seconds: float) -> str:
    """How many tokens were written and how fast."""
    named = "token" if tokens == 1 else "tokens"
    return (
        f'<p class="dl-figures"><span><b>{tokens:,}</b> {named}</span>'
        f"<span><b>{tokens / max(seconds, 1e-3):,.0f}</b> tokens per second</span></p>"
    )
