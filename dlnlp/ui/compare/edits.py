"""The screen that compares a text with an edited version of it, for one model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr
from gradio.events import api

from dlnlp import __version__
from dlnlp.catalog import CATALOG
from dlnlp.compare import edits
from dlnlp.results import as_json
from dlnlp.service import Service
from dlnlp.service.code import endpoint_code
from dlnlp.text.checks import check_text
from dlnlp.text.words import clean
from dlnlp.ui.kit import layout, markup
from dlnlp.ui.kit.errors import api_errors
from dlnlp.ui.kit.inputs import readable
from dlnlp.ui.kit.model import Model
from dlnlp.ui.kit.panels import AT_ONCE, Values, asking, pressing, revealing
from dlnlp.ui.kit.questions import STALE
from dlnlp.ui.panels.edits import EditsPanel
from dlnlp.ui.panels.export import CLIENT, Export, saving_panel

STEM = "edits"
RECORDS = tuple(entry for entry in CATALOG if any(entry.can(verb) for verb in edits.VERBS))
INTRO = "See how a model's answer changes when you change a few words."
EXAMPLES = (  # the model, and both texts
    ("sentiment_lstm", "The plot is thin, but I loved it.", "The plot is thin, and I hated it."),
    ("char_seq2seq", "I saw a white horse.", "I saw two white horses."),
    ("token_transformer", "She has been working all day.", "She have been working all day."),
    ("sentiment_bert", "The hotel was not bad.", "The hotel was not good."),
)


def build(service: Service) -> None:
    """Two boxes and a choice of the model; each model has a panel and answers in its own queue."""

    def export(text: str, typed: object, stem: str) -> Export:
        arguments = {"model": stem, "first": text, "second": readable(typed)[0]}
        results = {
            "dlnlp": __version__,
            "weights_sha256": Model(service, stem).version,
            **arguments,
            **compared(service, *arguments.values()),
        }
        return results, {CLIENT: endpoint_code("/compare_edits", arguments)}

    with layout.columns():
        first, second, chosen, button, examples = question()
        asked = asking(first)
        with layout.answer_column(STEM):
            panels = [
                EditsPanel(Model(service, entry.stem), asked, second, chosen) for entry in RECORDS
            ]
            saving = saving_panel(
                Model(service, RECORDS[-1].stem),
                asked,
                f"{STEM}_export",
                [("Comparison", f"{STEM}_answer")],
                export,
                [second, chosen],
            )
    filled = examples.click(
        lambda place: EXAMPLES[place],
        examples,
        [chosen, first, second],
        trigger_mode="always_last",
        **AT_ONCE,
    )

    filled.then(None, js=pressing(button))

    def save(text: object, opened: set[str], other: object, stem: object) -> Iterator[Values]:
        both = clean(readable(text)[0]) and clean(readable(other)[0])
        yield from saving.ask(text if both else "", opened, other, stem)

    runs = {panel: panel.answer for panel in panels} | {saving: save}
    for panel, run in runs.items():
        event = {**panel.asking_event(first), "fn": run, "trigger_mode": "always_last"}
        js = {"js": revealing(f"{STEM}_answer")} if panel is panels[0] else {}
        gr.on([button.click, first.submit, second.submit], **event, **js)
        chosen.input(**event)
    expose(service)


def question() -> tuple[gr.Textbox, gr.Textbox, gr.Radio, gr.Button, gr.Dataset]:
    """The left column: both boxes, the choice of the model, the button and the examples."""
    with layout.question_column("All chapters · Two versions of a text", INTRO):
        first = gr.Textbox(label="Text A", lines=1, max_lines=6, elem_id=f"{STEM}_text")
        second = gr.Textbox(label="Text B", lines=1, max_lines=6, elem_id=f"{STEM}_other")
        chosen = gr.Radio(
            [(entry.title, entry.stem) for entry in RECORDS],
            value=RECORDS[0].stem,
            label="Model",
            elem_id=f"{STEM}_model",
        )
        with gr.Row(elem_classes="dl-buttons"):
            button = gr.Button("Compare", variant="primary", elem_id=f"{STEM}_run")
        examples = gr.Dataset(
            label="Examples",
            components=[gr.Textbox(visible=False), gr.Textbox(visible=False)],
            samples=[list(texts) for _, *texts in EXAMPLES],
            type="index",
            elem_id=f"{STEM}_examples",
            elem_classes="dl-examples",
        )
        gr.HTML(markup.note(STALE), elem_classes="dl-stale")
    return first, second, chosen, button, examples


def compared(service: Service, model: str, first: str, second: str) -> dict[str, Any]:
    """The JSON of ``/compare_edits``.

    Raises:
        ValueError: There is no such model, or a text is blank.
    """
    texts = readable(check_text(first))[0], readable(check_text(second))[0]
    stems = [entry.stem for entry in RECORDS]
    if model not in stems:
        raise ValueError(f"The model must be one of {', '.join(stems)}, not {model!r}.")
    found = edits.both(service, model, *texts)
    return {
        "model": model,
        "differences": [list(map(list, spans)) for spans in edits.differing(*texts)],
        **{verb: as_json(list(pair)) for verb, pair in found.items()},
    }


def expose(service: Service) -> None:
    """The endpoint ``/compare_edits``, in the queue of the last model."""

    def compare_edits(model: str, first: str, second: str) -> dict[str, Any]:
        """What one model makes of a text and of an edited version of it.

        Args:
            model: The model, such as "sentiment_lstm" or "token_transformer".
            first: An English text.
            second: The edited text.
        """
        with api_errors():
            return compared(service, model, first, second)

    queue = Model(service, RECORDS[-1].stem).queue()
    api(compare_edits, api_name="compare_edits", **queue)
