"""A model's answer in short, on a card of the Start tab."""

from __future__ import annotations

from collections.abc import Callable

import gradio as gr
from markupsafe import Markup

from dlnlp import catalog
from dlnlp.plots import visible
from dlnlp.results import NextToken
from dlnlp.text.sentences import cut
from dlnlp.ui.kit.cache import Cache
from dlnlp.ui.kit.markup import join, percent, scrolling
from dlnlp.ui.kit.model import Model
from dlnlp.ui.kit.panels import Asked, Panel, Values
from dlnlp.ui.panels.surprise import surprise_text
from dlnlp.ui.panels.translation import NOT_ENGLISH, letters
from dlnlp.ui.panels.verdict import verdict
from dlnlp.ui.panels.words import tinted_words

BLANK = "Type a sentence to see this model's answer."
CACHED = 2_000_000  # bytes of HTML; every visitor's page begins with the same example
LIKELY = 5  # next tokens
MOST_CHARACTERS = 500  # of a text that is translated or tinted by surprisal
CONTRIBUTIONS = "Words tinted by how they change the verdict: blue positive, orange negative."
LONG = 150  # characters; a longer text may have to be scrolled
BEGINNING = f"Only the first {MOST_CHARACTERS} characters are used; open the tab for more. "
UNLIKELY = "Characters that the model was less sure of are tinted."
SURPRISING = "The text tinted by surprisal, and the most likely next tokens:"


def summary_panel(model: Model, asked: Asked) -> Panel:
    """A card with the model's family, its answer, and a button that opens its tab."""
    record = catalog.record(model.stem)
    cache: Cache[Markup] = Cache(CACHED, lambda html: len(html.encode()))
    with gr.Column(min_width=280, elem_classes="dl-summary"):
        gr.HTML(heading(record))
        panel = Panel(model, asked, "summary", blank=BLANK)
    with panel:
        result = gr.HTML(elem_id=model.id("summary"), elem_classes="dl-result")

    def show(text: str) -> Values:
        key = (id(model.predictor), text)
        return {result: cache.get(key, lambda: summary(model, text))}

    return panel.shows(show, outputs=[result])


def heading(record: catalog.Record) -> Markup:
    """The name and family of a model, with a button that opens its tab (see ``page.js``)."""
    return Markup(
        '<div class="dl-summary-head"><h2>{}</h2>'
        '<button type="button" class="dl-copy" data-open="{}" '
        'aria-label="Open this sentence in the tab {}">Open</button></div>'
        '<p class="dl-caption">{}</p>'
    ).format(record.title, record.stem, record.title, record.description)


def summary(model: Model, text: str, record: catalog.Record | None = None) -> Markup:
    """The answers to a text of all capabilities that have a short form.

    Args:
        record: By default that of the model's stem.

    Raises:
        CheckpointError, TypeError, ValueError, DeadlineExceeded: See ``Model.call``.
    """
    record = record or catalog.record(model.stem)
    return join(show(model, text) for verb, show in SHORT.items() if record.can(verb))


def _verdict(model: Model, text: str) -> Markup:
    [found] = model.call("classify", texts=[text])
    return verdict(found)


def _words(model: Model, text: str) -> Markup:
    found = model.call("explain", text=text)
    return _described(_text(tinted_words(found)), CONTRIBUTIONS)


def _translation(model: Model, text: str) -> Markup:
    kept, remark = _beginning(text)
    [found] = model.call("translate", texts=[kept])
    return _described(letters(found), remark + (UNLIKELY if found.looks_english else NOT_ENGLISH))


def _surprise(model: Model, text: str) -> Markup:
    kept, remark = _beginning(text)
    found = model.call("score", text=kept)
    return _described(_text(surprise_text(found)), remark + SURPRISING)


def _next_tokens(model: Model, text: str) -> Markup:
    found = model.call("next_tokens", prompt=text.rstrip(), k=LIKELY)
    return Markup('<ol class="dl-likely">{}</ol>').format(join(map(_token, found)))


def _token(token: NextToken) -> Markup:
    return Markup("<li><code>{}</code><i style='width:{:.0f}%'></i><span>{}</span></li>").format(
        visible(token.text, "·"), 100 * token.probability, percent(token.probability)
    )


def _beginning(text: str) -> tuple[str, str]:
    """The part of a text for which a card has room and time, and a remark if it was cut."""
    text = text.strip()
    kept = cut(text, MOST_CHARACTERS)
    return kept, BEGINNING if len(kept) < len(text) else ""


def _text(tinted: Markup) -> Markup:
    return Markup('<p class="dl-text">{}</p>').format(tinted)


def _described(text: Markup, caption: str) -> Markup:
    scrolls = scrolling("Text") if len(text.striptags()) > LONG else ""
    return Markup('<div class="dl-scrolls" {}>{}</div><p class="dl-legend">{}</p>').format(
        scrolls, text, caption
    )


# The short form of each capability's answer, in the order in which they are shown.
SHORT: dict[str, Callable[[Model, str], Markup]] = {
    "classify": _verdict,
    "explain": _words,
    "translate": _translation,
    "score": _surprise,
    "next_tokens": _next_tokens,
}
