"""What may come next: a distribution that the page keeps, its filters, and a choice from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr
import numpy as np

from dlnlp.inference.sampling import filtered, likeliest
from dlnlp.registry import Registry
from dlnlp.results import Distribution
from dlnlp.ui import parts, views
from dlnlp.ui.generation import BLANK, WINDOW, off, typed_prompt

NONE_YET = views.caption(
    "The likeliest next tokens, once there is a prompt. The settings change them at once."
)
CHOOSE = """
element.addEventListener("click", (event) => {
  const token = event.target.closest(".dl-next");
  if (token) trigger("click", {token: Number(token.dataset.token)});
});
"""


def filters(stem: str) -> tuple[gr.Slider, gr.Slider, gr.Slider, gr.Slider]:
    """What narrows the distribution: temperature, top k, top p, and how many are listed."""
    return (
        gr.Slider(
            0,
            2,
            1,
            step=0.05,
            label="Temperature",
            info="0 always takes the likeliest.",
            elem_id=f"{stem}_temperature",
        ),
        gr.Slider(
            0,
            100,
            0,
            step=1,
            label="Top k",
            info="Only the k likeliest; 0 is off.",
            elem_id=f"{stem}_top_k",
        ),
        gr.Slider(
            0.05,
            1,
            0.9,
            step=0.05,
            label="Top p",
            info="Only as many as reach this; 1 is off.",
            elem_id=f"{stem}_top_p",
        ),
        gr.Slider(
            1,
            30,
            10,
            step=1,
            label="Candidates",
            info="How many are listed.",
            elem_id=f"{stem}_candidates",
        ),
    )


def predicting(registry: Registry, stem: str) -> Callable[..., Iterator[list[Any]]]:
    """The handler that asks the model: a remark, the bars, the distribution, and its prompt."""

    def predict(
        prompt: str, k: float, temperature: float, top_k: float, top_p: float
    ) -> Iterator[list[Any]]:
        prompt, cut, spaces = typed_prompt(prompt)
        for shown, found in parts.answers(
            registry, stem, prompt, BLANK, lambda model: model.distribution(prompt)
        ):
            if found is None:
                yield [cut + spaces + shown, NONE_YET, None, prompt]
                continue
            remark = cut or (views.note(WINDOW) if found.truncated else "")
            yield [remark + spaces, narrowed(found, k, temperature, top_k, top_p), found, prompt]

    return predict


def narrowed(
    found: Distribution | None, k: float, temperature: float, top_k: float, top_p: float
) -> str:
    """The bars of what the settings leave of a distribution; the model is not asked again."""
    if found is None:
        return NONE_YET
    try:
        probabilities = filtered(found.log_probs, temperature, off(top_k), top_p)
        tokens = likeliest(found, probabilities, int(k))
    except (ValueError, TypeError) as error:  # as in parts.answers
        return views.fault(parts.sentence(error))
    return views.next_tokens(found, tokens, int(np.count_nonzero(probabilities)))


def appending(registry: Registry, stem: str) -> Callable[..., Iterator[list[Any]]]:
    """The handler that appends a chosen token to the prompt and asks what follows it.

    Where the box holds another prompt than the one which the token may follow, nothing is
    appended: that prompt is asked instead. So no token lands where it was not predicted, and a
    second click on the same one changes nothing.
    """
    predict = predicting(registry, stem)

    def append(
        prompt: str,
        found: Distribution | None,
        k: float,
        temperature: float,
        top_k: float,
        top_p: float,
        event: gr.EventData,
    ) -> Iterator[list[Any]]:
        token = getattr(event, "token", None)
        if found is None or not found.may_follow(token):
            yield [gr.skip()] * 5
            return
        prompt = prompt if isinstance(prompt, str) else ""
        longer = (prompt.rstrip(" ") or prompt) + found.texts[token]
        if typed_prompt(longer)[0] == found.prompt:  # a second click, before the first's answer
            yield [gr.skip()] * 5
            return
        if typed_prompt(prompt)[0] == found.prompt:
            prompt = longer
        for step in predict(prompt, k, temperature, top_k, top_p):
            yield [prompt, *step]

    return append
