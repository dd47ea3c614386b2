"""The tab for the visitor's own model, from the Hugging Face Hub or a folder."""

from __future__ import annotations

import gradio as gr

from dlnlp.hub import CHAPTER, CLASSIFICATION, GENERATION, PREFIX, PRESETS
from dlnlp.service import Service
from dlnlp.service.own import STEM, OwnModels
from dlnlp.ui.kit import layout
from dlnlp.ui.kit.own import OwnModel
from dlnlp.ui.kit.panels import AT_ONCE, Panel
from dlnlp.ui.kit.questions import answer, question
from dlnlp.ui.panels.continuation import continuation_panel, continue_buttons
from dlnlp.ui.panels.generation_settings import filters, generation_settings
from dlnlp.ui.panels.heads import heads_panel
from dlnlp.ui.panels.heads_off import heads_off_panel
from dlnlp.ui.panels.label_layers import label_layers_panel
from dlnlp.ui.panels.labels import labels_panel
from dlnlp.ui.panels.lens import lens_panel
from dlnlp.ui.panels.next_tokens import next_tokens_panel
from dlnlp.ui.panels.own_chapter import own_chapter_panel
from dlnlp.ui.panels.own_model import own_model_panel
from dlnlp.ui.panels.surprise import surprise_panel
from dlnlp.ui.panels.words import words_panel

TITLE = OwnModel.title
INTRO = (
    "Look inside any text classifier or causal language model of the transformers library. "
    "Models are downloaded from the Hugging Face Hub once; code that comes with a model is never "
    "run."
)
LISTED = "This server offers the models below."
ANY = "“owner/name” of a model on the Hugging Face Hub, or the path of a folder on this machine."
ABOUT_ATTENTION = "Attention shows which tokens a head attends to, not what the answer depends on."
SPECIAL = frozenset(("[CLS]", "[SEP]", "<s>", "</s>", "<|endoftext|>"))
ABOUT = {each.name: each.about for each in PRESETS}
EXAMPLES = (
    "I thought it would be dull, but it wasn't.",
    "The delivery was late and the box was damaged.",
    "The capital of France is",
    "Once upon a time",
)


def is_offered(service: Service) -> bool:
    """Whether the server loads other models (``DLNLP_HUB``)."""
    return bool(OwnModels(service).choices)


def build_when_opened(service: Service, tab: gr.Tab) -> None:
    """Build the tab when a visitor opens it for the first time."""
    layout.when_opened(tab, STEM, lambda: build_tab(service))


def model_box(own: OwnModels) -> gr.Textbox:
    """A box for the model's name, and models that fill it."""
    choices = [each.removeprefix(PREFIX) for each in own.choices]
    name = gr.Textbox(
        choices[0],
        label="Model",
        info=ANY if own.mode == "any" else LISTED,
        interactive=True,
        max_lines=2,  # with one line it is no textarea, which links need
        elem_id=f"{STEM}_model",
    )
    presets = gr.Dataset(
        label="Models to try",
        components=[gr.Textbox(visible=False)],
        samples=[[each] for each in choices],
        sample_labels=[ABOUT.get(each, each) for each in choices],
        elem_id=f"{STEM}_presets",
        elem_classes="dl-examples",
    )
    presets.click(lambda row: row[0], presets, name, **AT_ONCE)
    return name


def build_tab(service: Service) -> None:
    """A box for the model, one for the text, and the views that fit the model's task."""
    own, chosen = OwnModels(service), gr.State(None)
    classifier, writer, trained = (
        OwnModel(service, task, chosen) for task in (CLASSIFICATION, GENERATION, CHAPTER)
    )
    buttons = continue_buttons(writer)
    with layout.columns():
        with layout.question_column("Beyond the tutorial", INTRO):
            name = model_box(own)
            asked = question(STEM, "Your text", "A sentence", "Run", EXAMPLES, value=EXAMPLES[0])
            with gr.Column(visible=False) as settings_column:
                with gr.Row(elem_classes="dl-buttons"):
                    for button in buttons.all:
                        button.render()
                filtering = filters(writer)
                settings = generation_settings(writer)
        with layout.answer_column(STEM):
            views = [gr.Column(visible=False, render=False) for _ in range(3)]
            columns = list(zip(views, (CLASSIFICATION, GENERATION, CHAPTER), strict=True))
            columns.append((settings_column, GENERATION))
            loading = own_model_panel(service, asked, name, chosen, columns)
            for view in views:
                view.render()
            with views[0]:
                classifying: list[Panel] = [
                    labels_panel(classifier, asked),
                    words_panel(classifier, asked, waiting="Computing attributions…"),
                    label_layers_panel(classifier, asked),
                    heads_panel(classifier, asked, SPECIAL, ABOUT_ATTENTION),
                    heads_off_panel(classifier, asked),
                ]
            with views[1]:
                adopted = continuation_panel(writer, asked, buttons, filtering, settings)
                next_tokens, token = next_tokens_panel(writer, asked, filtering)
                writing: list[Panel] = [
                    next_tokens,
                    surprise_panel(writer, asked),
                    lens_panel(writer, asked),
                    heads_panel(writer, asked, SPECIAL, ABOUT_ATTENTION, keep="end"),
                    heads_off_panel(writer, asked, keep="end"),
                ]
            with views[2]:
                answers = own_chapter_panel(trained, asked)
    answer(asked, [loading, *classifying, *writing, answers], filled=[adopted, token])
