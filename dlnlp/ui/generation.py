"""Continuations that stream, and the endpoints of a model that predicts tokens."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.events import api

from dlnlp.registry import Registry
from dlnlp.results import as_json
from dlnlp.text.checks import check_text
from dlnlp.ui import parts, views

BLANK = "Type the beginning of a sentence, and the model says how it may go on."
WINDOW = "The prompt is longer than the model's window: it read the end of it."
SPACE = "The space at the end was left out: the tokens that follow bring their own."
BETWEEN = 0.04  # seconds between updates: each takes the page longer than a token takes the model
STOPPED = "Stopped; what was written so far stays."
SHOWN = 400  # characters of the prompt in front of a continuation


@dataclass
class Writing:
    """A visitor's continuation; Stop and the stream share it.

    The stream itself ends and says so, because Gradio's way of cancelling an event lets late
    pieces overwrite what Stop has said, and now and then shows an error.
    """

    stopped: bool = False

    def begin(self) -> None:
        """Called before the stream waits for its turn, so that it can be stopped there."""
        self.stopped = False

    def stop(self) -> None:
        """Let the stream end after the token that is being computed."""
        self.stopped = True


def settings(stem: str) -> tuple[gr.Slider, gr.Textbox]:
    """What only a continuation needs: its length and its seed."""
    with gr.Row():
        return (
            gr.Slider(
                1,
                1000,
                60,
                step=1,
                label="Length",
                info="Tokens to write.",
                elem_id=f"{stem}_length",
            ),
            gr.Textbox(
                label="Seed",
                info="The same seed, the same text.",
                placeholder="random",
                max_lines=1,
            ),
        )


def continuing(registry: Registry, stem: str) -> Callable[..., Iterator[tuple[str, str, str]]]:
    """The handler that streams prompt and continuation, how fast they come, and both whole.

    Of a long prompt the page is shown the end.
    """

    def proceed(
        prompt: str,
        length: float,
        temperature: float,
        top_k: float,
        top_p: float,
        seed: str,
        writing: Writing,
    ) -> Iterator[tuple[str, str, str]]:
        prompt, cut, spaces = typed_prompt(prompt)
        for shown, found in parts.answers(
            registry,
            stem,
            prompt,
            BLANK,
            lambda model: (
                model.stream(prompt, int(length), temperature, off(top_k), top_p, typed_seed(seed)),
                model.is_cut(prompt, int(length)),
            ),
        ):
            if found is None:
                yield "", cut + spaces + shown, ""
                continue
            pieces, window_full = found
            remark = (cut or (views.note(WINDOW) if window_full else "")) + spaces
            text, unseen = prompt, max(0, len(prompt) - SHOWN)
            dots = "…" if unseen else ""
            tokens, begin, said, sent = 0, time.perf_counter(), remark, 0.0
            try:
                while not writing.stopped and (piece := next(pieces, None)):
                    text, tokens = text + piece.text, tokens + piece.tokens
                    now = time.perf_counter()
                    said = remark + views.rate(tokens, now - begin)
                    if now - sent > BETWEEN:
                        yield dots + text[unseen:], said, text
                        sent = time.perf_counter()
                said += views.note(STOPPED) if writing.stopped else ""
            except Exception as error:  # as in parts.answers: what was written stays
                said += views.fault(parts.sentence(error))
            yield dots + text[unseen:], said, text

    return proceed


def expose(registry: Registry, stem: str) -> None:
    """The endpoints of both verbs."""

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
            found = registry.get(stem).next_tokens(
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
            for piece in registry.get(stem).generate(prompt, **settings):
                text += piece
                yield text
            if not text:
                yield text

    api(next_tokens, api_name=f"{stem}_next_tokens", **parts.alone(stem))
    api(generate, api_name=f"{stem}_generate", **parts.alone(stem))


def typed_prompt(typed: object) -> tuple[str, str, str]:
    """A prompt that the model can take, without spaces at its end, and two remarks.

    One is about its length, the other about those spaces: after "on the " no word fits, since
    words begin with their space.
    """
    prompt, cut = parts.readable(typed, "end")
    bare = prompt.rstrip(" ") or prompt
    return bare, cut, views.note(SPACE) if bare != prompt else ""


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
