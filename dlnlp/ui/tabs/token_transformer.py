"""The tab of chapter 3."""

from __future__ import annotations

from dlnlp.service import Service
from dlnlp.service.own import OwnModels
from dlnlp.ui.kit import layout
from dlnlp.ui.kit.markup import own_model_button
from dlnlp.ui.kit.model import Model
from dlnlp.ui.kit.questions import answer, question
from dlnlp.ui.panels.about import about_panel
from dlnlp.ui.panels.continuation import continuation_panel, continue_buttons
from dlnlp.ui.panels.export import export_panel
from dlnlp.ui.panels.generation_settings import (
    filters,
    generation_arguments,
    generation_settings,
)
from dlnlp.ui.panels.head_steps import head_steps_panel
from dlnlp.ui.panels.heads import heads_panel
from dlnlp.ui.panels.heads_off import heads_off_panel
from dlnlp.ui.panels.induction import induction_panel
from dlnlp.ui.panels.learn import learn_panel
from dlnlp.ui.panels.lens import lens_panel
from dlnlp.ui.panels.merges import merges_panel
from dlnlp.ui.panels.next_tokens import next_tokens_panel
from dlnlp.ui.panels.patching import patching_panel
from dlnlp.ui.panels.sampling_steps import sampling_steps_panel
from dlnlp.ui.panels.surprise import surprise_panel
from dlnlp.ui.panels.trained import trained_panel

STEM = "token_transformer"
SPECIAL = frozenset(("<|endoftext|>",))
INTRO = (
    "A Transformer decoder predicts the next token from those before it. See its predictions and "
    "choose one, find out which tokens surprised it, or let it continue your text."
)
ABOUT_ATTENTION = (
    "A causal mask lets each token attend only to itself and to earlier tokens, so everything "
    "above the diagonal is empty. The text begins with <|endoftext|>, which many heads attend to "
    "when no other token is relevant."
)
EXAMPLES = (
    "The meaning of life is",
    "Once upon a time",
    "The film was released in",
    "The war began when the",
    "He was born in the city of",
)
OTHER = "The meaning of death is"  # to patch from


def build_tab(service: Service) -> None:
    """Next tokens, continuations, surprisal and attention of a language model."""
    model = Model(service, STEM)
    buttons = continue_buttons(model)
    with layout.columns():
        own = own_model_button(STEM) if OwnModels(service).choices else ""
        with layout.question_column("Chapter 3 · The Transformer", INTRO, own):
            asked = question(
                STEM,
                "Prompt",
                "The beginning of a sentence",
                "Predict",
                EXAMPLES,
                beside=buttons.all,
            )
            filtering = filters(model)
            settings = generation_settings(model)
        with layout.answer_column(STEM):
            learn = learn_panel(model, asked, EXAMPLES[0], keep="end")
            adopted = continuation_panel(model, asked, buttons, filtering, settings)
            next_tokens, chosen = next_tokens_panel(model, asked, filtering)
            surprise = surprise_panel(model, asked)
            lens = lens_panel(model, asked)
            heads = heads_panel(model, asked, SPECIAL, ABOUT_ATTENTION, keep="end")
            panels = [
                next_tokens,
                surprise,
                sampling_steps_panel(model, asked, filtering),
                lens,
                heads,
                head_steps_panel(model, asked),
                heads_off_panel(model, asked, keep="end"),
                induction_panel(model, asked),
                patching_panel(model, asked, OTHER, keep="end"),
                merges_panel(model, asked),
            ]
            trained = trained_panel(service, STEM, asked)
            export = export_panel(
                model,
                asked,
                panels,
                [*settings.inputs, *filtering.inputs],
                generation_arguments,
                keep="end",
            )
            about_panel(model)
    answer(asked, [*panels, learn, trained, export], filled=[chosen, adopted])
