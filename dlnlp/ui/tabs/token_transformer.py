"""The tab of chapter 3."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr
from gradio.events import api

from dlnlp import plots
from dlnlp.registry import Registry
from dlnlp.results import as_json
from dlnlp.text import check_text
from dlnlp.ui import parts, views

STEM = "token_transformer"
BLANK = "Type the beginning of a sentence, and the model says how it may go on."
EXAMPLES = (
    "The meaning of life is",
    "Once upon a time",
    "The film was released in",
    "The war began when the",
    "He was born in the city of",
)
SHOWN = 400  # characters of the prompt in front of a continuation


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
                0.05, 1, 1, step=0.05, label="Top p", info="Only as many as reach this; 1 is off."
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

    def predict(
        prompt: str, k: float, temperature: float, top_k: float, top_p: float
    ) -> Iterator[tuple[str, Any]]:
        prompt, cut = parts.readable(prompt, "end")
        for shown, found in parts.answers(
            registry,
            STEM,
            prompt,
            BLANK,
            lambda model: model.next_tokens(prompt, int(k), temperature, off(top_k), top_p),
        ):
            drawn = None if found is None else plots.next_tokens(found)
            yield cut + shown, gr.Plot(drawn, visible=drawn is not None)

    parts.listen(
        predict,
        box=box,
        button=button,
        samples=samples,
        inputs=[box, k, temperature, top_k, top_p],
        outputs=[remarks, figure],
        stem=STEM,
    )

    def proceed(
        prompt: str, length: float, temperature: float, top_k: float, top_p: float, seed: str
    ) -> Iterator[tuple[str, str]]:
        prompt, cut = parts.readable(prompt, "end")
        for shown, pieces in parts.answers(
            registry,
            STEM,
            prompt,
            BLANK,
            lambda model: model.generate(
                prompt, int(length), temperature, off(top_k), top_p, typed_seed(seed)
            ),
        ):
            if pieces is None:
                yield "", cut + shown
                continue
            text = prompt if len(prompt) <= SHOWN else "…" + prompt[-SHOWN:]
            try:
                for piece in pieces:
                    text += piece
                    yield text, cut + views.note("Writing…")
            except Exception as error:  # as in parts.answers: what was written stays
                yield text, views.fault(parts.sentence(error))
            else:
                yield text, cut

    event = more.click(
        proceed,
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
    _endpoints(registry)


def _endpoints(registry: Registry) -> None:
    def next_tokens(
        prompt: str,
        k: int = 10,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
    ) -> list[dict[str, Any]]:
        """The likeliest next tokens after a prompt, with their probabilities.

        Args:
            prompt: English text; of a long one the end is read.
            k: How many tokens to list.
            temperature: Below 1 sharpens the distribution, above 1 flattens it.
            top_k: Keep only so many tokens.
            top_p: Keep the smallest set of tokens that reaches this probability.
        """
        with parts.api_errors():
            prompt, _ = parts.readable(check_text(prompt, "prompt"), "end")
            found = registry.get(STEM).next_tokens(
                prompt, whole("k", k), temperature, whole("top_k", top_k), top_p
            )
            return [as_json(token) for token in found]

    def generate(
        prompt: str,
        max_new_tokens: int = 50,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
    ) -> Iterator[str]:
        """Continue a prompt; what has been written so far is sent again with every piece.

        Args:
            prompt: English text; of a long one the end is read.
            max_new_tokens: How many tokens to write at most.
            temperature: 0 always takes the likeliest token.
            top_k: Draw from only so many tokens.
            top_p: Draw from the smallest set of tokens that reaches this probability.
            seed: The same seed gives the same text.
        """
        with parts.api_errors():
            prompt, _ = parts.readable(check_text(prompt, "prompt"), "end")
            settings = {
                "max_new_tokens": whole("max_new_tokens", max_new_tokens),
                "temperature": temperature,
                "top_k": whole("top_k", top_k),
                "top_p": top_p,
                "seed": whole("seed", seed),
            }
            text = ""
            for piece in registry.get(STEM).generate(prompt, **settings):
                text += piece
                yield text
            if not text:
                yield text

    api(next_tokens, api_name=f"{STEM}_next_tokens", **parts.alone(STEM))
    api(generate, api_name=f"{STEM}_generate", **parts.alone(STEM))


def off(top_k: float) -> int | None:
    """The slider's 0 is no limit."""
    return int(top_k) or None


def typed_seed(text: str) -> int | None:
    """The number that was typed, None for an empty box.

    Raises:
        ValueError: Something else was typed.
    """
    text = str(text or "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise ValueError(f"The seed must be a whole number from 0 on, not “{text[:30]}”.")
    return int(text)


def whole(name: str, value: float | None) -> int | None:
    """The number as an int; JSON and Gradio may make it a float.

    Raises:
        ValueError: It is no whole number, or negative.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value % 1 or value < 0:
        raise ValueError(f"{name} must be a whole number from 0 on, not {value!r}.")
    return int(value)
