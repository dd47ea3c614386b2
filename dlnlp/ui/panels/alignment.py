"""The attention of a translation, by characters and by words, as heatmaps."""

from __future__ import annotations

import gradio as gr
from markupsafe import Markup

from dlnlp.inference.attention import WordAttention, word_attention
from dlnlp.results import Translation
from dlnlp.ui.kit.markup import caption
from dlnlp.ui.kit.panels import AT_ONCE, Asked, Panel, Values
from dlnlp.ui.panels.heatmap import HEATMAP_JS, heatmap
from dlnlp.ui.panels.translator import Choice, Translator

UNITS = [("Attention by characters", "characters"), ("by words", "words")]
SHOWN = 300  # characters or words of each text
HOVER = "writing “{row}”, attention to “{column}”"
DESCRIPTION = "Attention weights: a row for each French {0}, a column for each English {0}"
ABOUT = (
    "Rows are French, columns English. Stronger colours mean more attention to that English "
    "character or word when the model wrote the French one."
)
PARTS = (
    " The model translated {} parts separately (sentences, or pieces of long ones), so there is "
    "no attention from one to another. The spaces between them are copied."
)
# A phone has no room for so many characters.
UNIT_OF_SCREEN = "() => window.innerWidth < 640 ? 'words' : 'characters'"


def attention_panel(translator: Translator, asked: Asked, choice: gr.State) -> Panel:
    """Heatmaps by characters and by words; the style sheet shows the chosen one."""
    with Panel(translator, asked, "attention") as panel:
        unit = gr.Radio(
            UNITS,
            value="characters",
            container=False,
            show_label=False,
            label="Attention",
            interactive=True,  # Gradio disables components that are only outputs
            elem_id=translator.id("unit"),
            elem_classes="dl-unit",
        )
        maps = gr.HTML(
            elem_id=translator.id("attention"), elem_classes="dl-result", js_on_load=HEATMAP_JS
        )

    def show(text: str, choice: Choice | None) -> Values:
        return {maps: attention(translator.translation(choice))} if choice else {}

    gr.on(None, None, None, unit, js=UNIT_OF_SCREEN, **AT_ONCE)  # when the page loads
    return panel.shows(show, [choice], [maps])


def attention(result: Translation) -> Markup:
    """The attention by characters and by words, each with an explanation."""
    if not result.target:
        return Markup("")
    words = word_attention(result)
    by_characters = heatmap(
        result.target[:SHOWN],
        result.source[:SHOWN],
        result.attention[:SHOWN, :SHOWN],
        HOVER,
        description=DESCRIPTION.format("character"),
    )
    return Markup('<div data-unit="characters">{}{}</div><div data-unit="words">{}{}</div>').format(
        by_characters,
        explanation(result, len(result.source), len(result.target), "characters"),
        heatmap_by_words(words, SHOWN),
        explanation(result, len(words.source), len(words.target), "words"),
    )


def heatmap_by_words(words: WordAttention, shown: int) -> Markup:
    """The attention of the first ``shown`` words of both texts."""
    return heatmap(
        words.target[:shown],
        words.source[:shown],
        words.weights[:shown, :shown],
        HOVER,
        description=DESCRIPTION.format("word"),
        words=True,
    )


def explanation(result: Translation, across: int, down: int, unit: str) -> Markup:
    """How to read the heatmap, and which part of a long text it shows."""
    text = ABOUT
    if max(across, down) > SHOWN:
        text += f" Only the first {SHOWN} {unit} of each text are shown."
    if result.parts > 1:
        text += PARTS.format(result.parts)
    return caption(text)
