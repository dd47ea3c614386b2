"""The tab of chapter 2."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import gradio as gr
from gradio.events import api

from dlnlp import plots
from dlnlp.registry import Registry
from dlnlp.results import Translation, as_json
from dlnlp.text import clean
from dlnlp.ui import parts, theme, views

STEM = "char_seq2seq"
BLANK = "Type a short English sentence, and the model writes it in French."
EXAMPLES = (
    "hello",
    "thanks",
    "I love you.",
    "Where are you?",
    "She reads a book.",
    "I don't know what to say.",
    "It is very cold today.",
)


def build_tab(registry: Registry) -> None:
    """English to French, and what the decoder looked at."""
    parts.intro(
        "Chapter 2 · Sequence to sequence with attention",
        "One network reads English letter by letter, another writes French letter by letter. "
        "The picture shows where the writer looked for each letter it wrote.",
    )
    box, button, samples = parts.question(
        STEM, "English", "A short sentence", "Translate", EXAMPLES
    )
    with gr.Accordion("Settings", open=False):
        beam = gr.Slider(
            1,
            10,
            5,
            step=1,
            label="Beam size",
            info="How many unfinished translations are followed at once; 1 takes the best "
            "letter each time.",
            elem_id=f"{STEM}_beam",
        )
    french = gr.Textbox(
        label="French", interactive=False, buttons=["copy"], elem_id=f"{STEM}_result"
    )
    remarks = gr.HTML(elem_id=f"{STEM}_remarks", elem_classes="dl-result")
    figure = gr.Plot(
        label="Attention", show_label=False, visible=False, elem_id=f"{STEM}_attention"
    )
    with gr.Accordion("Your own French", open=False, elem_id=f"{STEM}_own"):
        own = gr.Textbox(
            label="A translation of your own",
            placeholder="How would you say it?",
            max_lines=6,
            elem_id=f"{STEM}_own_text",
        )
        judge = gr.Button("How likely is it?", elem_id=f"{STEM}_own_run")
        judged = gr.HTML(elem_id=f"{STEM}_own_result", elem_classes="dl-result")
    parts.about(registry, STEM)
    gr.on(
        [judge.click, own.submit],
        _judging(registry),
        [box, own, beam],
        judged,
        show_progress="minimal",
        **parts.PRIVATE,
        **parts.alone(STEM),
    )

    def run(text: str, beam_size: float) -> Iterator[tuple[str, str, Any]]:
        text, cut = parts.readable(text)
        for shown, found in parts.answers(
            registry, STEM, text, BLANK, lambda model: model.translate([text], int(beam_size))[0]
        ):
            if found is None:
                yield "", cut + shown, gr.Plot(None, visible=False)
                continue
            drawn = plots.attention(found) if found.target else None
            yield (
                found.text,
                cut + views.translation(found, plots.PICTURED),
                gr.Plot(
                    drawn, visible=drawn is not None, elem_classes=theme.wide(plots.width(found))
                ),
            )

    parts.listen(
        run,
        box=box,
        button=button,
        samples=samples,
        inputs=[box, beam],
        outputs=[french, remarks, figure],
        stem=STEM,
    )

    _endpoint(registry)


def _judging(registry: Registry) -> Callable[[str, str, float], Iterator[str]]:
    """The handler that sets a user's French beside the model's."""

    def judge(text: str, target: str, beam_size: float) -> Iterator[str]:
        text, _ = parts.readable(text)
        target, cut = parts.readable(target)
        if not clean(target) or not clean(text):
            yield views.note("Type English above and its French here, and the model judges it.")
            return

        def ask(model: Any) -> tuple[Translation, Translation]:
            return model.force(text, target), model.translate([text], int(beam_size))[0]

        for shown, found in parts.answers(registry, STEM, text, BLANK, ask):
            yield cut + (shown if found is None else views.rivals(*found))

    return judge


def _endpoint(registry: Registry) -> None:
    def translate(texts: list[str], beam_size: int = 5) -> list[dict[str, Any]]:
        """Translate English into French, character by character.

        Args:
            texts: Short English sentences.
            beam_size: Unfinished translations followed at once, 1 to 20.
        """
        with parts.api_errors():
            readable = parts.api_texts(texts)
            found = registry.get(STEM).translate(readable, beam_size)
            return [
                as_json(replace(result, truncated=True) if len(text) > parts.LIMIT else result)
                for text, result in zip(texts, found, strict=True)
            ]

    api(translate, api_name=f"{STEM}_translate", **parts.alone(STEM))
