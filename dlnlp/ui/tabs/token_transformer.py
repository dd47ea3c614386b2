"""The tab of chapter 3."""

from __future__ import annotations

import gradio as gr

from dlnlp.registry import Registry
from dlnlp.ui import parts, views
from dlnlp.ui.generation import continuing, expose, predicting

STEM = "token_transformer"
EXAMPLES = (
    "The meaning of life is",
    "Once upon a time",
    "The film was released in",
    "The war began when the",
    "He was born in the city of",
)


def build_tab(registry: Registry) -> None:
    """What comes next, and next, and next."""
    parts.intro(
        "Chapter 3 · The Transformer",
        "A Transformer that only ever looks back guesses the next piece of text. See what it "
        "finds likely, then let it write on.",
    )
    box = gr.Textbox(
        label="Prompt",
        placeholder="The beginning of a sentence",
        lines=1,
        max_lines=8,
        elem_id=f"{STEM}_text",
    )
    with gr.Row(elem_classes="dl-buttons"):
        button = gr.Button(
            "What comes next?", variant="primary", scale=2, min_width=180, elem_id=f"{STEM}_run"
        )
        more = gr.Button("Continue", scale=2, min_width=140, elem_id=f"{STEM}_continue")
        stop = gr.Button(
            "Stop",
            variant="stop",
            scale=1,
            min_width=90,
            elem_id=f"{STEM}_stop",
            elem_classes="dl-stop",
        )
    samples = parts.examples(EXAMPLES, STEM)
    with gr.Accordion("Settings", open=False, elem_id=f"{STEM}_settings"):
        with gr.Row():
            temperature = gr.Slider(
                0, 2, 1, step=0.05, label="Temperature", info="0 always takes the likeliest."
            )
            top_k = gr.Slider(
                0, 100, 0, step=1, label="Top k", info="Only the k likeliest; 0 is off."
            )
            top_p = gr.Slider(
                0.05, 1, 0.9, step=0.05, label="Top p", info="Only as many as reach this; 1 is off."
            )
        with gr.Row():
            k = gr.Slider(1, 30, 10, step=1, label="Candidates", info="How many are drawn.")
            length = gr.Slider(
                1,
                1000,
                60,
                step=1,
                label="Length",
                info="Tokens to write.",
                elem_id=f"{STEM}_length",
            )
            seed = gr.Textbox(
                label="Seed",
                info="The same seed, the same text.",
                placeholder="random",
                max_lines=1,
            )
    remarks = gr.HTML(elem_id=f"{STEM}_remarks", elem_classes="dl-result")
    figure = gr.Plot(label="Next token", show_label=False, visible=False, elem_id=f"{STEM}_plot")
    written = gr.Textbox(
        label="Continuation",
        interactive=False,
        lines=3,
        max_lines=16,
        buttons=["copy"],
        elem_id=f"{STEM}_result",
    )
    progress = gr.HTML(elem_id=f"{STEM}_progress", elem_classes="dl-result")
    parts.about(registry, STEM)

    parts.listen(
        predicting(registry, STEM),
        box=box,
        button=button,
        samples=samples,
        inputs=[box, k, temperature, top_k, top_p],
        outputs=[remarks, figure],
        stem=STEM,
    )

    event = more.click(
        continuing(registry, STEM),
        [box, length, temperature, top_k, top_p, seed],
        [written, progress],
        show_progress="minimal",
        **parts.PRIVATE,
        **parts.alone(STEM),
    )
    stop.click(
        lambda: views.note("Stopped; what was written so far stays."),
        None,
        progress,
        cancels=[event],
        queue=False,
        show_progress="hidden",
        **parts.PRIVATE,
    )
    expose(registry, STEM)
