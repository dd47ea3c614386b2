"""Translations with fixed attention weights beside the model's own, and their quality by length."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import gradio as gr
from markupsafe import Markup

from dlnlp.checkpoint import CheckpointError
from dlnlp.results import Translation
from dlnlp.ui.kit.markup import caption, join, note, row, signed, table
from dlnlp.ui.kit.panels import Asked, Panel, Values
from dlnlp.ui.panels.translator import Translator

TITLE = "Without attention"
ABOUT = (
    "The decoder translates your text again, but its attention weights are fixed. With the "
    "patterns “uniform” and “last”, it reads the same context vector at every step: the "
    "bottleneck that attention removes (Bahdanau et al. 2015). The model was trained with "
    "attention, so this shows what it relies on, not how good a model trained without attention "
    "would be. A translation that does not end by itself is cut at about twice the length of the "
    "text."
)
BLANK = "Translate a text to see it without attention."
PATTERNS = {
    "own": "the model's own attention",
    "uniform": "uniform: the same weight on all characters",
    "last": "last: all weight on the last character",
    "diagonal": "diagonal: all weight on the character at the same position",
}
ABOUT_QUALITY = (
    "chrF on Tatoeba validation sentences by the length of the English, in characters, measured "
    "by the training script."
)


def fixed_attention_panel(translator: Translator, asked: Asked, beam: gr.Slider) -> Panel:
    """The translations, one after the other, and a table of their quality."""
    with Panel(translator, asked, "fixed", TITLE, open=False, blank=BLANK) as panel:
        gr.HTML(caption(ABOUT))
        listed = gr.HTML(elem_id=translator.id("fixed_translations"), elem_classes="dl-result")
        quality = gr.HTML(elem_id=translator.id("fixed_quality"), elem_classes="dl-result")

    def show(text: str, beam_size: float) -> Iterator[Values]:
        size = int(beam_size)
        found = {"own": translator.candidates(text, size)[0]}
        by_length = chrf_by_length(measured(translator))
        for pattern in list(PATTERNS)[1:]:
            found[pattern] = translator.call(
                "fixed_attention", text=text, attention=pattern, beam_size=size
            )
            yield {listed: translations(found), quality: by_length}

    return panel.shows(show, [beam], [listed, quality])


def translations(found: Mapping[str, Translation]) -> Markup:
    """The translations with their log-probabilities."""
    each = Markup(
        '<li><h3>{}</h3><p class="dl-text" lang="fr">{}</p><small>log-probability {} nats</small>'
        "</li>"
    ).format
    return Markup('<ol class="dl-versions">{}</ol>').format(
        join(each(PATTERNS[name], one.text, signed(one.score)) for name, one in found.items())
    )


def measured(translator: Translator) -> Mapping[str, Any]:
    """chrF by pattern and length from training.json, or {} if it is not there."""
    if translator.registry.untrained:
        return {}
    try:
        metrics = translator.registry.report(translator.stem).training["metrics"]
    except (CheckpointError, KeyError):
        return {}
    return dict(metrics.get("chrf_by_attention", {}))


def chrf_by_length(found: Mapping[str, Any]) -> Markup:
    """A table with a row for each pattern and a column for each range of lengths."""
    if not found:
        return note("This checkpoint has no measurements of quality with fixed attention.")
    lengths = list(found["own"])
    rows = [
        row(name, [Markup("<td>{:.1f}</td>").format(values[each]) for each in lengths])
        for name, values in found.items()
    ]
    return caption(ABOUT_QUALITY) + table(["attention", *lengths], rows)
