"""Continuations that stream, by a model that predicts tokens."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import gradio as gr

from dlnlp.registry import Registry
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
