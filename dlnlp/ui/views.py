"""Results as HTML: pure functions, in which every text that is not ours is escaped."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from dlnlp.plots import visible
from dlnlp.results import (
    UNSURE_ABOVE,
    UNSURE_BELOW,
    Attribution,
    Distribution,
    Glance,
    NextToken,
    Sentiment,
    TokenScore,
    Translation,
    WordAttention,
)

JOINED = 4  # words and marks without a blank between that stay on one line
STRONGEST = 10
PROMPT_END = 24  # characters of a prompt that name it
MOST_BITS = 12  # the surprisal that is tinted most
FRAGMENT = "Only a part of a character: it can't be appended by itself."


@dataclass(frozen=True)
class Facts:
    """What Compare shows of a model beside its verdict; None where it is not known."""

    milliseconds: float
    parameters: int | None = None
    size: int | None = None


def header(untrained: bool) -> str:
    """The top of the page."""
    warning = (
        '<p class="dl-untrained">Untrained: these are tiny random models, so their answers '
        "mean nothing.</p>"
        if untrained
        else ""
    )
    return (
        '<header class="dl-header"><h1>dlnlp</h1>'
        "<p>Four models from a tutorial on deep learning for language, trained, to try out and "
        f"to look inside of.</p>{warning}</header>"
    )


def intro(chapter: str, text: str) -> str:
    """The first lines of a tab."""
    return (
        f'<div class="dl-intro"><span class="dl-chapter">{escape(chapter)}</span>'
        f"<p>{escape(text)}</p></div>"
    )


def caption(text: str) -> str:
    """A line that says what the picture below it shows."""
    return f'<p class="dl-caption">{escape(text)}</p>'


def note(text: str) -> str:
    """A remark in the place of a result, or above one."""
    return f'<p class="dl-note" role="status">{escape(text)}</p>'


def fault(text: str) -> str:
    """An error in the place of a result; the command that mends it stands out."""
    shown = re.sub(r"\brun: (.+)\Z", r"run:<code>\1</code>", escape(text), flags=re.DOTALL)
    return f'<p class="dl-fault" role="alert">{shown}</p>'


def loading(title: str) -> str:
    """Shown while a model is loaded for the first time."""
    return (
        '<p class="dl-note dl-loading" role="status">Loading the model “'
        f"{escape(title)}”… this happens once.</p>"
    )


def percent(probability: float) -> str:
    """A probability for people, never rounded to certainty."""
    if probability > 0.999:
        return "over 99.9%"
    if probability < 0.001:
        return "under 0.1%"
    return f"{probability:.1%}"


def signed(number: float, plus: bool = False) -> str:
    """Two decimals, with a real minus sign, and a plus sign where it is asked for."""
    return f"{number:{'+' if plus else ''}.2f}".replace("-", "−")


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
    # A text in which nothing matters much shall not look as if something did.
    peak = max(0.5, *(abs(score) for score in scores))
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
    return (
        f'<section class="dl-words"><p class="dl-text">{_set(result, buttons)}</p>'
        '<p class="dl-legend"><i class="dl-towards"></i>towards positive'
        '<i class="dl-against"></i>towards negative'
        "<span>Choose words to see the verdict without them.</span></p>"
        f"<details><summary>The words that count most, in logits</summary><table>{rows}</table>"
        f"</details></section>{cut}"
    )


def _set(result: Attribution, buttons: Sequence[str]) -> str:
    """The text with a button for each word; no mark is parted from the word before it."""
    lines: list[str] = []
    together: list[str] = []
    end = 0
    for word, start, button in zip(result.words, result.starts, buttons, strict=True):
        gap = result.text[end:start]
        if gap or len(together) == JOINED:
            lines += [_joined(together), escape(gap)]
            together = []
        together.append(button)
        end = start + len(word)
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


def heads(pictures: Sequence[Sequence[str]], chosen: tuple[int, int]) -> str:
    """All heads as small pictures, a row for each layer; one of them is chosen.

    Args:
        pictures: Data URIs that we made, (layers, heads).
    """
    rows = []
    for layer, row in enumerate(pictures):
        cells = "".join(
            f'<button type="button" class="dl-head" data-layer="{layer}" data-head="{head}" '
            f'aria-pressed="{str((layer, head) == chosen).lower()}" '
            f'aria-label="layer {layer + 1}, head {head + 1}" '
            f'title="layer {layer + 1}, head {head + 1}"><img src="{picture}" alt=""></button>'
            for head, picture in enumerate(row)
        )
        rows.append(f'<div class="dl-heads-row"><span>{layer + 1}</span>{cells}</div>')
    return (
        '<section class="dl-heads"><p class="dl-caption">Every head of every layer, the first '
        "layer on top. Choose one to see it large.</p>"
        f'<div class="dl-heads-grid">{"".join(rows)}</div></section>'
    )


def looked(look: Glance, chosen: tuple[int, int], hide: bool, remark: str) -> str:
    """What the large picture of one head shows."""
    layer, head = chosen
    count = len(look.tokens)
    shown = ""
    if look.total > count:
        shown = f" Tokens {look.begin + 1} to {look.begin + count} of {look.total} are shown."
    hidden = ""
    if hide:
        share = percent(float(look.hidden_share[layer, head]))
        hidden = f" {share} of its attention goes to special tokens, which are hidden."
    return (
        f'<p class="dl-caption"><b>Layer {layer + 1}, head {head + 1}.</b> Each row is a token '
        f"that looks, each column one that is looked at.{hidden}{shown} {escape(remark)}</p>"
    )


def translation(result: Translation, pictured: int) -> str:
    """What the numbers of a translation and its picture say, and what is left out of them.

    Args:
        pictured: How many characters the picture shows each way.
    """
    cut = (
        note(f"Only the first {len(result.source):,} characters were translated.")
        if result.truncated
        else ""
    )
    if not result.target:
        return cut + note("The model's best translation of this is nothing at all.")
    beyond = max(len(result.source), len(result.target)) > pictured
    part = f" Of this long text it shows the first {pictured} characters." if beyond else ""
    return (
        f"{cut}{confidence(result)}{likelihood(result)}"
        '<p class="dl-caption">The picture: English across, French down, in the order in which it '
        "was written. The stronger a cell’s colour, the more the model looked at that English "
        f"character or word while writing that French one.{part}</p>"
    )


def reading(source: Sequence[str], found: WordAttention) -> str:
    """The English sentence over the French one, whose words tell where each one looked."""
    if not found.target:
        return ""
    letters = "".join(f"<span>{escape(character)}</span>" for character in source)
    buttons = []
    for word, row in zip(found.target, found.characters, strict=True):
        peak = max(float(row.max()), 1e-6)
        shares = ",".join(str(round(100 * float(weight) / peak)) for weight in row)
        buttons.append(
            f'<button type="button" class="dl-word" data-shares="{shares}" '
            f'aria-pressed="false">{escape(word)}</button>'
        )
    return (
        '<section class="dl-reading"><p class="dl-caption">Choose a French word to see what was '
        f'looked at while it was written.</p><p class="dl-text" lang="en">{letters}</p>'
        f'<p class="dl-text" lang="fr">{" ".join(buttons)}</p></section>'
    )


def candidates(found: Sequence[Translation], chosen: int) -> str:
    """Translations to choose from, with score and length; the best first."""
    rows = "".join(
        f'<li><button type="button" class="dl-candidate" data-index="{i}" '
        f'aria-pressed="{str(i == chosen).lower()}"><span lang="fr">{escape(each.text)}</span>'
        f"<small>{signed(each.score)} nats · {len(each.target)} characters</small></button></li>"
        for i, each in enumerate(found)
    )
    return f'<ol class="dl-candidates">{rows}</ol>'


def confidence(result: Translation) -> str:
    """The translation, each character the more orange the less likely the model found it."""
    pieces = []
    for character, log_prob in zip(result.target, result.log_probs, strict=True):
        probability = min(1.0, math.exp(float(log_prob)))
        share = round(75 * (1 - probability))
        pieces.append(
            f'<span style="background:color-mix(in srgb, var(--dl-negative) {share}%, '
            f'transparent)" title="{percent(probability)}">{escape(character)}</span>'
        )
    return (
        f'<p class="dl-text dl-letters" lang="fr">{"".join(pieces)}</p>'
        '<p class="dl-legend"><i class="dl-against"></i>letters the model was less sure of</p>'
    )


def likelihood(result: Translation) -> str:
    """How likely the model finds the whole translation, in a line."""
    average = math.exp(result.score / (len(result.target) + 1))
    return (
        '<p class="dl-figures">'
        f"<span>log-probability <b>{signed(result.score)} nats</b></span>"
        f"<span>on average <b>{percent(average)}</b> per character</span></p>"
    )


def rivals(own: Translation, best: Translation) -> str:
    """A user's translation and the model's, and which of them the model finds likelier."""
    if own.text == best.text:
        verdict = "That is what the model writes itself."
    elif own.score > best.score:
        verdict = "The model finds yours likelier than what it found itself."
    else:
        verdict = f"The model finds its own {best.score - own.score:.1f} nats likelier."
    cut = note("Only the beginning of it was read.") if own.truncated or best.truncated else ""
    return (
        f'{cut}<section class="dl-rivals"><h4>Yours</h4>{confidence(own)}{likelihood(own)}'
        f"<h4>The model's</h4>{confidence(best)}{likelihood(best)}</section>{note(verdict)}"
    )


def next_tokens(found: Distribution, tokens: Sequence[NextToken], kept: int) -> str:
    """The likeliest tokens as bars to choose from, the likeliest on top.

    Args:
        kept: How many tokens of the vocabulary the settings leave.
    """
    highest = max((token.probability for token in tokens), default=1.0)
    rows = "".join(
        f'<li><button type="button" class="dl-next" data-token="{token.id}" '
        f"{_may_be_chosen(token)}><span>{escape(visible(token.text, '·'))}</span>"
        f'<i style="width:{100 * token.probability / highest:.1f}%"></i>'
        f"<span>{percent(token.probability)}</span></button></li>"
        for token in tokens
    )
    end = found.prompt[-PROMPT_END:].lstrip()
    blank = end[len(end.rstrip()) :]  # it matters to the model, so it is drawn
    after = ("…" if len(end) < len(found.prompt) else "") + end.rstrip() + visible(blank, "·")
    total = int((found.log_probs > -math.inf).sum())
    left = f"all {total:,}" if kept >= total else f"{kept:,} of {total:,}"
    return (
        f'<section class="dl-nexts"><p class="dl-caption">After “{escape(after)}”. The settings '
        f"leave {left} tokens. Choose one to append it and go on.</p><ol>{rows}</ol></section>"
    )


def _may_be_chosen(token: NextToken) -> str:
    """The attributes of a candidate's button."""
    if not token.whole:
        return f'disabled title="{escape(FRAGMENT)}"'
    label = escape(f"Append “{visible(token.text, '·')}”, {percent(token.probability)}")
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
        '<p class="dl-legend"><i class="dl-against"></i>less expected, '
        f"up to {MOST_BITS} bits and more<span>Choose a token to see what was expected in its "
        'place.</span></p><div class="dl-expected" role="status"></div></section>'
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
    return f"{2**bits:,.1f}" if bits < 20 else "over a million"


def rate(tokens: int, seconds: float) -> str:
    """How many tokens were written and how fast."""
    named = "token" if tokens == 1 else "tokens"
    return (
        f'<p class="dl-figures"><span><b>{tokens:,}</b> {named}</span>'
        f"<span><b>{tokens / max(seconds, 1e-3):,.0f}</b> tokens per second</span></p>"
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


def column(title: str, body: str) -> str:
    """A titled column around HTML that a view made."""
    return f'<article class="dl-column"><h3>{escape(title)}</h3>{body}</article>'


def card(markdown: str) -> str:
    """A model card's Markdown without the YAML in front of it."""
    return re.sub(r"\A---\s*\n.*?\n---\s*\n", "", markdown, flags=re.DOTALL).strip()
