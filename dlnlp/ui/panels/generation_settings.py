"""The settings of a language model's predictions and continuations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from dlnlp.ui.kit.model import Model

REPETITION_PENALTY = 1.2  # fewer loops without unlikely tokens, also with greedy decoding
CONTINUE = "Continue"  # the button that generates text


@dataclass(frozen=True)
class Filters:
    """Sliders that change the distribution of the next token, and how much of it is shown."""

    temperature: gr.Slider
    top_k: gr.Slider
    top_p: gr.Slider
    shown: gr.Slider

    @property
    def inputs(self) -> list[gr.Slider]:
        """The sliders that filter, in the order in which handlers take their values."""
        return [self.temperature, self.top_k, self.top_p]


@dataclass(frozen=True)
class GenerationSettings:
    """The length of a continuation, the seed of its random draws, and the repetition penalty."""

    length: gr.Slider
    seed: gr.Textbox
    repetition_penalty: gr.Slider

    @property
    def inputs(self) -> list[Component]:
        """The components in the order in which handlers take their values."""
        return [self.length, self.seed, self.repetition_penalty]


def filters(model: Model) -> Filters:
    """Temperature, top-k, top-p and the number of tokens shown."""
    temperature = gr.Slider(
        0,
        2,
        1,
        step=0.05,
        label="Temperature",
        info="Below 1 sharpens the distribution, above 1 flattens it; 0 always picks the most "
        "likely token.",
        interactive=True,
        elem_id=model.id("temperature"),
    )
    with gr.Row():
        top_k = gr.Slider(
            0,
            100,
            0,
            step=1,
            label="Top-k",
            info="Only the k most likely tokens; 0 turns it off.",
            min_width=150,
            interactive=True,
            elem_id=model.id("top_k"),
        )
        top_p = gr.Slider(
            0.05,
            1,
            0.9,
            step=0.05,
            label="Top-p",
            info="The smallest set whose probabilities reach p; 1 turns it off.",
            min_width=150,
            interactive=True,
            elem_id=model.id("top_p"),
        )
    shown = gr.Slider(
        1, 30, 10, step=1, label="Tokens shown", interactive=True, elem_id=model.id("candidates")
    )
    return Filters(temperature, top_k, top_p, shown)


def generation_settings(model: Model) -> GenerationSettings:
    """Length, seed and repetition penalty, in a closed accordion."""
    with (
        gr.Accordion("Generation settings", open=False, elem_id=model.id("settings")),
        gr.Row(),
    ):
        length = gr.Slider(
            1,
            1000,
            60,
            step=1,
            label="Length",
            info=f"How many tokens “{CONTINUE}” generates.",
            min_width=150,
            interactive=True,
            elem_id=model.id("length"),
        )
        seed = gr.Textbox(
            label="Seed",
            info="The same seed and settings generate the same text.",
            placeholder="random",
            max_lines=2,  # with one line it is no textarea, which links need
            min_width=150,
            interactive=True,
            elem_id=model.id("seed"),
        )
        repetition_penalty = gr.Slider(
            1,
            2,
            REPETITION_PENALTY,
            step=0.05,
            label="Repetition penalty",
            info="Above 1 makes recent tokens less likely; 1 turns it off.",
            min_width=150,
            interactive=True,
            elem_id=model.id("repetition_penalty"),
        )
    return GenerationSettings(length, seed, repetition_penalty)


def generation_arguments(
    length: float,
    seed: str,
    repetition_penalty: float,
    temperature: float,
    top_k: float,
    top_p: float,
) -> dict[str, Any]:
    """The inputs of ``GenerationSettings`` and ``Filters`` as arguments of ``stream``.

    Raises:
        ValueError: The seed is not a whole number.
    """
    return {
        "max_new_tokens": int(length),
        "temperature": temperature,
        "top_k": top_k_of(top_k),
        "top_p": top_p,
        "seed": seed_of(seed),
        "repetition_penalty": repetition_penalty,
    }


def top_k_of(slider: float) -> int | None:
    """The slider's value as the model takes it: 0 turns the filter off."""
    return int(slider) or None


def seed_of(typed: object) -> int | None:
    """The seed that was typed, None for an empty box.

    Raises:
        ValueError: It is not a whole number.
    """
    text = str(typed or "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise ValueError(f"The seed must be a whole number of up to 18 digits, not “{text[:30]}”.")
    return int(text)
