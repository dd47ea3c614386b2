"""The tab of chapter 3."""

from __future__ import annotations

from typing import Any

import gradio as gr

from dlnlp.registry import Registry
from dlnlp.ui import parts
from dlnlp.ui.attention import build_attention
from dlnlp.ui.generation import Writing, continuing, settings
from dlnlp.ui.next_tokens import CHOOSE, NONE_YET, appending, filters, narrowed, predicting
from dlnlp.ui.surprise import build_surprise

STEM = "token_transformer"
BEGIN = frozenset(("<|endoftext|>",))
ABOUT_ATTENTION = (
    "This is a decoder with a causal mask: each token looks only at itself and at those before "
    "it, so nothing stands above the diagonal. The text begins with <|endoftext|>, where a head "
    "looks that has nothing to look for."
)
EXAMPLES = (
    "The meaning of life is",
    "Once upon a time",
    "The film was released in",
    "The war began when the",
    "He was born in the city of",
)
QUIET: dict[str, Any] = {"show_progress": "minimal", **parts.PRIVATE, **parts.alone(STEM)}
AT_ONCE: dict[str, Any] = {"queue": False, "show_progress": "hidden", **parts.PRIVATE}


def build_tab(registry: Registry) -> None:
    """What comes next, and next, and next."""
    parts.intro(
        "Chapter 3 · The Transformer",
        "A Transformer that only ever looks back guesses the next piece of text. Choose from "
        "what it finds likely, see what surprises it, or let it write on.",
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
    remarks = gr.HTML(elem_id=f"{STEM}_remarks", elem_classes="dl-result")
    with gr.Row():
        with gr.Column(scale=3, min_width=300):
            bars = gr.HTML(
                NONE_YET, elem_id=f"{STEM}_next", elem_classes="dl-result", js_on_load=CHOOSE
            )
        with gr.Column(scale=2, min_width=260):
            temperature, top_k, top_p, k = filters(STEM)
    with gr.Accordion("Settings of the continuation", open=False, elem_id=f"{STEM}_settings"):
        length, seed = settings(STEM)
    written = gr.Textbox(
        label="Continuation",
        interactive=False,
        lines=3,
        max_lines=16,
        buttons=["copy"],
        elem_id=f"{STEM}_result",
    )
    progress = gr.HTML(elem_id=f"{STEM}_progress", elem_classes=["dl-result", "dl-lasting"])
    adopt = gr.Button("Make it the prompt", size="sm", visible=False, elem_id=f"{STEM}_adopt")
    inside = [
        build_surprise(registry, STEM),
        build_attention(registry, STEM, BEGIN, ABOUT_ATTENTION, keep="end"),
    ]
    parts.about(registry, STEM)

    found, prompt = gr.State(None), gr.State("")  # the prompt asked; the box may hold another
    narrowing = [k, temperature, top_k, top_p]
    shown: list[Any] = [remarks, bars, found, prompt]
    asked = parts.listen(
        predicting(registry, STEM),
        box=box,
        button=button,
        samples=samples,
        inputs=[box, *narrowing],
        outputs=shown,
        stem=STEM,
    )
    # Every click counts: "always_last" would send the last one without its event's data.
    chosen = bars.click(
        appending(registry, STEM),
        [box, found, *narrowing],
        [box, *shown],
        trigger_mode="multiple",
        **QUIET,
    )
    whole = gr.State("")  # prompt and continuation; the page shows the end of a long one
    adopted = adopt.click(lambda text: text, whole, box, **AT_ONCE).then(
        predicting(registry, STEM),
        [box, *narrowing],
        shown,
        js=parts.noting(box, 1 + len(narrowing)),
        **QUIET,
    )
    parts.mark_changes(box, [*asked, adopted], filled=[chosen])
    for event in (*asked, chosen, adopted):
        for handler, inputs, outputs in inside:
            event = event.then(handler, [prompt, *inputs], outputs, **QUIET)
    for each in narrowing:
        each.change(narrowed, [found, *narrowing], bars, **AT_ONCE)

    writing = gr.State(Writing())  # every visitor gets a copy
    more.click(Writing.begin, writing, None, **AT_ONCE).then(
        continuing(registry, STEM),
        [box, length, temperature, top_k, top_p, seed, writing],
        [written, progress, whole],
        **QUIET,
    ).then(lambda text: gr.Button(visible=bool(text)), whole, adopt, **AT_ONCE)
    stop.click(Writing.stop, writing, None, **AT_ONCE)
