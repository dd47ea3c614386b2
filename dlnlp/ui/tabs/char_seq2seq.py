"""The tab of chapter 2, the translator."""

from __future__ import annotations

import gradio as gr

from dlnlp import catalog
from dlnlp.service import Service
from dlnlp.ui.kit import layout
from dlnlp.ui.kit.questions import answer, question
from dlnlp.ui.panels.about import about_panel
from dlnlp.ui.panels.alignment import attention_panel
from dlnlp.ui.panels.candidates import candidates_panel
from dlnlp.ui.panels.export import export_panel
from dlnlp.ui.panels.fixed_attention import fixed_attention_panel
from dlnlp.ui.panels.learn import learn_panel
from dlnlp.ui.panels.own_translation import own_translation_panel
from dlnlp.ui.panels.reading import reading_panel
from dlnlp.ui.panels.trained import trained_panel
from dlnlp.ui.panels.translation import TranslationPanel
from dlnlp.ui.panels.translator import Translator

STEM = "char_seq2seq"
INTRO = (
    "An encoder reads English character by character, and a decoder writes French character by "
    "character. The heatmap shows which English characters the decoder attends to at each step."
)
EXAMPLES = (
    "hello",
    "thanks",
    "I love you.",
    "Where are you?",
    "She reads a book.",
    "I don't know what to say.",
    "It is very cold today.",
)
BEAM_SIZE = "Number of hypotheses kept at each step; 1 is greedy search."


def build_tab(service: Service) -> None:
    """Translation from English to French with attention."""
    translator = Translator(service, STEM)
    with layout.columns():
        with layout.question_column(str(catalog.record(STEM).chapter), INTRO):
            asked = question(STEM, "English", "One or more sentences", "Translate", EXAMPLES)
            beam = gr.Slider(
                1, 10, 5, step=1, label="Beam size", info=BEAM_SIZE, elem_id=f"{STEM}_beam"
            )
        with layout.answer_column(STEM):
            learn = learn_panel(translator, asked, EXAMPLES[0])
            translation = TranslationPanel(translator, asked, beam)
            views = [
                build(translator, asked, translation.choice)
                for build in (attention_panel, reading_panel)
            ]
            candidates = candidates_panel(translation, asked, views)
            own = own_translation_panel(translator, asked, beam)
            fixed = fixed_attention_panel(translator, asked, beam)
            panels = [translation, *views, candidates, own, fixed]
            trained = trained_panel(service, STEM, asked)
            export = export_panel(
                translator, asked, panels, [beam], lambda size: {"beam_size": int(size)}
            )
            about_panel(translator)
    answer(asked, [*panels, learn, trained, export])
