"""The most likely next tokens, as bars to choose from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import gradio as gr
import numpy as np
from gradio.events import Dependency
from markupsafe import Markup

from dlnlp.inference.sampling import filtered, likeliest
from dlnlp.plots import visible
from dlnlp.results import Distribution, NextToken
from dlnlp.text.words import clean
from dlnlp.ui.kit.cache import Cache
from dlnlp.ui.kit.inputs import event_int, readable
from dlnlp.ui.kit.markup import join, note, percent, verbatim
from dlnlp.ui.kit.model import Model
from dlnlp.ui.kit.panels import Asked, Panel, Values
from dlnlp.ui.panels.generation_settings import Filters, top_k_of

BLANK = "Type the beginning of a sentence, and the model predicts the next token."
WINDOW = "The prompt is longer than the model's context window; only its end is used."
CACHED = 16_000_000  # bytes of distributions, so that the filters work without the model
CHOOSE = """
element.addEventListener("click", (event) => {
  const token = event.target.closest(".dl-next");
  if (token) trigger("click", {token: Number(token.dataset.token)});
});
"""
PROMPT_END = 24  # characters of a prompt that name it
FRAGMENT = "Only part of a character, so it can't be appended on its own."


def next_tokens_panel(model: Model, asked: Asked, filters: Filters) -> tuple[Panel, Dependency]:
    """Bars of the most likely tokens; returns the panel and the event of choosing one."""
    with Panel(model, asked, "next_tokens", blank=BLANK, keep="end") as panel:
        bars = gr.HTML(elem_id=model.id("next"), elem_classes="dl-result", js_on_load=CHOOSE)
    # By predictor, so that a reloaded model starts with an empty cache.
    caches: WeakKeyDictionary[Any, Cache[Distribution]] = WeakKeyDictionary()

    def distribution(prompt: str) -> Distribution:
        prompt, _ = readable(prompt, "end")
        cache = caches.setdefault(model.predictor, Cache(CACHED, size))
        return cache.get(prompt, lambda: model.call("distribution", prompt=prompt))

    def show(prompt: str, *settings: float) -> Values:
        *how, shown = settings
        shown_tokens = next_tokens(distribution(prompt), int(shown), *how)
        return {bars: shown_tokens + model.language_note(prompt)}

    def narrow(prompt: str, *settings: float) -> Values:
        return show(prompt, *settings) if clean(prompt) else {panel.status: gr.skip()}

    def choose(typed: str, prompt: str, event: gr.EventData) -> Values:
        """Append the token if the box still holds the prompt that it was predicted for."""
        token = event_int(event, "token")
        typed, prompt = (readable(text, "end")[0] for text in (typed, prompt))
        if not clean(prompt):
            return {}
        found = distribution(prompt)
        if not found.may_follow(token):
            return {}
        longer = typed + found.texts[token]
        # The box is not up to date in a second click that was sent before the first one's answer.
        return {asked.box: longer} if prompt in (typed, longer) else {}

    sliders = [*filters.inputs, filters.shown]
    panel.shows(show, inputs=sliders, outputs=[bars])
    for slider in sliders:
        panel.on(slider.change, narrow, [asked.text, *sliders], [bars], at_once=True)
    # Every click counts; "always_last" would drop the event's data.
    options: dict[str, Any] = {"at_once": True, "trigger_mode": "multiple"}
    return panel, panel.on(bars.click, choose, [asked.box, asked.text], [asked.box], **options)


def size(found: Distribution) -> int:
    """The bytes of a distribution, roughly."""
    return found.log_probs.nbytes


def next_tokens(
    found: Distribution, shown: int, temperature: float, top_k: float, top_p: float
) -> Markup:
    """The tokens that the filters leave as bars, the most likely on top.

    Args:
        shown: How many tokens to list.

    Raises:
        ValueError: A setting is out of its range.
    """
    probabilities = filtered(found.log_probs, temperature, top_k_of(top_k), top_p)
    tokens = likeliest(found, probabilities, shown)
    kept = int(np.count_nonzero(probabilities))
    # At least the probability before filtering, so that flattening makes the bars shorter.
    widest = max([math.exp(found.log_probs.max()), *(token.probability for token in tokens)])
    rows = [_bar(token, token.probability / widest, certain=kept == 1) for token in tokens]
    return Markup(
        '{}<section class="dl-nexts"><p class="dl-caption">After “{}”. {} Choose a token to append '
        "it (· is a space).</p><ol>{}{}</ol></section>"
    ).format(
        note(WINDOW) if found.truncated else "",
        _end_of(found.prompt),
        _remaining(found, kept),
        join(rows),
        _others(kept, tokens),
    )


def _bar(token: NextToken, width: float, certain: bool) -> Markup:
    # A filter can make a token certain; the model itself never is.
    share = "100%" if certain else percent(token.probability)
    name = visible(token.text, "·")
    if token.whole:
        label = Markup("Append “{}”, {}").format(name, share)
        state = Markup('title="{0}" aria-label="{0}"').format(label)
    else:
        state = Markup('disabled title="{}"').format(FRAGMENT)
    return Markup(
        '<li><button type="button" class="dl-next" data-token="{}" {}>{}'
        '<i style="width:{:.1f}%"></i><span>{}</span></button></li>'
    ).format(token.id, state, verbatim(name), 100 * width, share)


def _others(kept: int, tokens: Sequence[NextToken]) -> Markup:
    count = kept - len(tokens)
    if count < 1:
        return Markup("")
    share = percent(max(0.0, 1 - sum(token.probability for token in tokens)))
    name = "the other one" if count == 1 else f"the other {count:,} together"
    return Markup('<li class="dl-others"><span>{}</span><span>{}</span></li>').format(name, share)


def _remaining(found: Distribution, kept: int) -> str:
    total = int((found.log_probs > -math.inf).sum())
    if kept >= total:
        return f"All {total:,} tokens are possible."
    return f"{kept:,} of {total:,} tokens remain after filtering."


def _end_of(prompt: str) -> str:
    """The last characters of a prompt; spaces at its end are drawn since the model reads them."""
    end = prompt[-PROMPT_END:]
    if len(end) < len(prompt) and " " in end.strip():  # begin with a whole word
        end = end.lstrip().partition(" ")[2]
    spaces = end[len(end.rstrip()) :]
    return ("…" if len(end) < len(prompt) else "") + end.rstrip() + visible(spaces, "·")
