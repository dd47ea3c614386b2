"""Translations, how likely they are and what was looked at."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from dlnlp.results import Translation, WordAttention
from dlnlp.ui.views.basics import caption, note, percent, signed


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
    beyond = max(len(result.source), len(result.target)) > pictured
    part = f" Of this long text it shows the first {pictured} characters." if beyond else ""
    if result.parts > 1:
        part += (
            f" The text was translated in {result.parts} parts, each by itself: sentences, or "
            "pieces of a long one. Nothing looks from one into another; the blank between two of "
            "them is set, not written."
        )
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
        peak = float(row.max())  # above 0: a row sums to 1
        shares = [round(100 * float(weight) / peak) for weight in row]
        seen = [place for place, share in enumerate(shares) if share]
        within = shares[seen[0] : seen[-1] + 1]  # of a long text, a word looks at one sentence
        buttons.append(
            f'<button type="button" class="dl-word" data-first="{seen[0]}" '
            f'data-shares="{",".join(map(str, within))}" '
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
    order = (
        "The best first: by log-probability over length plus 6, sentence by sentence, since "
        "every further character makes a text less likely. A nat is 1.44 bits."
    )
    return f'{caption(order)}<ol class="dl-candidates">{rows}</ol>'


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
    return (
        '<p class="dl-figures">'
        f"<span>log-probability <b>{signed(result.score)} nats</b></span>"
        f"<span>on average <b>{percent(_average(result))}</b> per character</span></p>"
    )


def _average(result: Translation) -> float:
    """The geometric mean of the characters' probabilities, the end counted as one."""
    return math.exp(result.score / (len(result.target) + 1))


def rivals(own: Translation, best: Translation) -> str:
    """A user's translation and the model's, and which of them the model finds likelier."""
    if own.text == best.text:
        verdict = "That is what the model writes itself."
    elif own.score > best.score and _average(own) < _average(best):
        verdict = "Yours is likelier, being shorter; letter by letter the model prefers its own."
    elif own.score > best.score:
        verdict = "The model finds yours likelier than what it found itself."
    else:
        verdict = f"The model finds its own {best.score - own.score:.1f} nats likelier."
    cut = note("Only the beginning of it was read.") if own.truncated or best.truncated else ""
    return (
        f'{cut}<section class="dl-rivals"><h4>Yours</h4>{confidence(own)}{likelihood(own)}'
        f"<h4>The model's</h4>{confidence(best)}{likelihood(best)}</section>{note(verdict)}"
    )
