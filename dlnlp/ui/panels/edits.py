"""What one model makes of a text and of an edited version of it, side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import gradio as gr
from markupsafe import Markup

from dlnlp.compare import edits
from dlnlp.compare.edits import Span
from dlnlp.inference.attention import word_attention
from dlnlp.results import Attribution, Sentiment, TokenScore, Translation
from dlnlp.text.words import clean
from dlnlp.ui.kit.inputs import readable
from dlnlp.ui.kit.markup import caption, figures, join, note, percent
from dlnlp.ui.kit.model import Model
from dlnlp.ui.kit.panels import Asked, Panel, Values, answers
from dlnlp.ui.panels.alignment import heatmap_by_words
from dlnlp.ui.panels.heatmap import HEATMAP_JS
from dlnlp.ui.panels.surprise import surprise_text
from dlnlp.ui.panels.verdict import verdict
from dlnlp.ui.panels.words import full_tint, tinted_words

BLANK = "Type two versions of a text to see what the change does."
SHOWN = 60  # words of each text in the heatmap
MOST_BITS = 20  # beyond this, the ratio of two probabilities is "over a million"
Pair = tuple[Any, Any]


class EditsPanel(Panel):
    """The results of one model for both texts; empty while another model is chosen."""

    def __init__(self, model: Model, asked: Asked, second: gr.Textbox, chosen: gr.Radio) -> None:
        super().__init__(model, asked, "edits")
        self.second = second
        # Results for two boxes: the panel is marked with the first text, this with the second.
        with self:
            self.result = gr.HTML(
                elem_id=model.id("edited"),
                elem_classes=["dl-result", "dl-panel"],
                js_on_load=HEATMAP_JS,
            )
        self.shows(self._compare, [second, chosen], [self.result])

    def answer(
        self, first: object, opened: set[str], second: object, chosen: object
    ) -> Iterator[Values]:
        """The panel's event handler: ``run`` if this model is chosen, otherwise an empty panel."""
        if chosen != self.model.stem:
            yield self.empty()
        elif not (clean(readable(first)[0]) and clean(readable(second)[0])):
            yield {**self.empty(), self.status: note(BLANK)}
        else:
            yield from self.run(first, opened, second, chosen)

    def _compare(self, first: str, typed: object, _: object) -> Values:
        second, remark = readable(typed)
        found = edits.both(self.model.service, self.model.stem, first, second)
        shown = edited(first, second, found)
        return {self.status: remark, self.result: answers(self.second, typed) + shown}


def edited(first: str, second: str, found: Mapping[str, Pair]) -> Markup:
    """What changed, and both texts with the results of each verb.

    Args:
        found: The results for both texts, by verb.
    """
    spans = edits.differing(first, second)
    row = Markup('<section class="dl-compared"><h3>{}</h3><p class="dl-text">{}</p>{}</section>')
    sides = []
    for at, (name, text) in enumerate((("A", first), ("B", second))):
        results = join(SHOWN_AS[verb](pair, at) for verb, pair in found.items())
        sides.append(row.format(name, marked(text, spans[at]), results))
    return Markup('{}<div class="dl-compare">{}</div>').format(
        join(CHANGES[verb](*found[verb]) for verb in found if verb in CHANGES), join(sides)
    )


def marked(text: str, spans: Sequence[Span]) -> Markup:
    """The text with these ranges of characters marked."""
    parts: list[str] = []
    end = 0
    for begin, after in spans:
        parts += [text[end:begin], Markup("<mark>{}</mark>").format(text[begin:after])]
        end = after
    return join([*parts, text[end:]])


def _verdict_change(first: Sentiment, second: Sentiment) -> Markup:
    points = f"{100 * (second.positive - first.positive):+.1f} points".replace("-", "−")
    return figures(
        (
            ("probability of positive, A", percent(first.positive)),
            ("B", percent(second.positive)),
            ("change", points),
        )
    )


def _likelihood_change(first: Sequence[TokenScore], second: Sequence[TokenScore]) -> Markup:
    bits = edits.total_bits(first), edits.total_bits(second)
    values = figures((("surprisal of A", f"{bits[0]:,.1f} bits"), ("B", f"{bits[1]:,.1f} bits")))
    return values + note(likelier(*bits))


def likelier(first: float, second: float) -> str:
    """Which of two texts is more likely, given the surprisal of each in bits."""
    gap = abs(first - second)
    if gap < 0.05:
        return "Both are equally likely."
    times = "over a million times" if gap > MOST_BITS else f"{2**gap:,.1f} times"
    name = "A" if first < second else "B"
    return f"{name} is more likely, by {gap:.1f} bits: {times} as probable."


def _translation_change(first: Translation, second: Translation) -> Markup:
    same = first.text == second.text
    return note("The translation stays the same.") if same else Markup("")


def _verdict(pair: Pair, at: int) -> Markup:
    return verdict(pair[at])


def _words(pair: tuple[Attribution, Attribution], at: int) -> Markup:
    peak = full_tint([float(score) for each in pair for score in each.scores] or [0.0])
    text = Markup('<p class="dl-text">{}</p>').format(tinted_words(pair[at], peak))
    return caption("Contribution of each word, by integrated gradients") + text


def _translated(pair: tuple[Translation, Translation], at: int) -> Markup:
    spans = edits.differing(pair[0].text, pair[1].text)[at]
    text = Markup('<p class="dl-text" lang="fr">{}</p>').format(marked(pair[at].text, spans))
    words = word_attention(pair[at])
    return text + heatmap_by_words(words, SHOWN) if words.target else text


def _scored(pair: tuple[Sequence[TokenScore], Sequence[TokenScore]], at: int) -> Markup:
    text = Markup('<p class="dl-text">{}</p>').format(surprise_text(pair[at]))
    return caption("Tinted by surprisal; hover to see it in bits") + text


# What changed, said above both texts.
CHANGES: dict[str, Callable[[Any, Any], Markup]] = {
    "classify": _verdict_change,
    "translate": _translation_change,
    "score": _likelihood_change,
}
# The results of each verb below each text: a pair of results, and which of them (0 or 1).
SHOWN_AS: dict[str, Callable[[Any, int], Markup]] = {
    "classify": _verdict,
    "explain": _words,
    "translate": _translated,
    "score": _scored,
}
