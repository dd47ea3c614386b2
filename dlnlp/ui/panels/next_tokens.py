"""The most likely next tokens, as bars to choose from."""

from __future__ import annotations

import math
from collections.abc import Sequence

import gradio as gr
import numpy as np
from gradio.events import Dependency
from markupsafe import Markup

from dlnlp.inference.sampling import filtered, likeliest
from dlnlp.plots import visible
from dlnlp.results import Distribution, NextToken
from dlnlp.text.words import clean
from dlnlp.ui.kit.inputs import event_int
from dlnlp.ui.kit.markup import join, note, percent
from dlnlp.ui.kit.model import Model
from dlnlp.ui.kit.panels import Panel, Values
from dlnlp.ui.kit.recent import Recent
from dlnlp.ui.panels.generation_settings import Filters, top_k_of
from dlnlp.ui.panels.prompts import BLANK, SPACE, WINDOW, Prompt, model_prompt

CHOOSE = """
element.addEventListener("click", (event) => {
  const token = event.target.closest(".dl-next");
  if (token) trigger("click", {token: Number(token.dataset.token)});
});
"""
PROMPT_END = 24  # characters of a prompt that name it
FRAGMENT = "Only part of a character, so it can't be appended on its own."


def next_tokens_panel(model: Model, prompt: Prompt, filters: Filters) -> tuple[Panel, Dependency]:
    """Bars of the most likely tokens; returns the panel and the event of choosing one."""
    with Panel(model, prompt.box, "next_tokens", blank=BLANK, keep="end") as panel:
        bars = gr.HTML(elem_id=model.id("next"), elem_classes="dl-result", js_on_load=CHOOSE)
    recent = Recent(lambda text: model.predictor.distribution(text))

    def drawn(asked: str, filled: str, found: Distribution, *settings: float) -> Values:
        *how, shown = settings
        ignored = asked != found.prompt and asked != filled
        remarks = [note(WINDOW)] * found.truncated + [note(SPACE)] * ignored
        return {bars: join([*remarks, next_tokens(found, int(shown), *how)])}

    def show(asked: str, filled: str, *settings: float) -> Values:
        return drawn(asked, filled, recent.renew(model_prompt(asked, filled)), *settings)

    def narrow(asked: str, filled: str, *settings: float) -> Values:
        if not clean(asked):
            return {panel.status: gr.skip()}
        return drawn(asked, filled, recent.get(model_prompt(asked, filled)), *settings)

    def choose(typed: str, asked: str, filled: str, event: gr.EventData) -> Values:
        """Append the token if the box still holds the prompt that it was predicted for."""
        token = event_int(event, "token")
        if not clean(asked):
            return {}
        found = recent.get(model_prompt(asked, filled))
        if not found.may_follow(token):
            return {}
        longer = model_prompt(typed, filled) + found.texts[token]
        # The second is a repeated click, sent before the answer to the first one came.
        if found.prompt not in (model_prompt(typed, filled), longer):
            return {}
        return {prompt.box: longer, prompt.filled: longer}

    sliders = [*filters.inputs, filters.shown]
    panel.shows(show, inputs=[prompt.filled, *sliders], outputs=[bars])
    for slider in sliders:
        inputs = [panel.asked, prompt.filled, *sliders]
        panel.on(slider.change, narrow, inputs, [bars], at_once=True)
    # Every click counts; "always_last" would drop the event's data.
    inputs = [prompt.box, panel.asked, prompt.filled]
    outputs = [prompt.box, prompt.filled]
    chosen = panel.on(bars.click, choose, inputs, outputs, at_once=True, trigger_mode="multiple")
    return panel, chosen


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
    others = _others(kept, tokens)
    return Markup(
        '<section class="dl-nexts"><p class="dl-caption">After “{}”. {} Choose a token to append '
        "it (· is a space).</p><ol>{}{}</ol></section>"
    ).format(_end_of(found.prompt), _remaining(found, kept), join(rows), others)


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
        '<li><button type="button" class="dl-next" data-token="{}" {}><span>{}</span>'
        '<i style="width:{:.1f}%"></i><span>{}</span></button></li>'
    ).format(token.id, state, name, 100 * width, share)


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
    end = prompt[-PROMPT_END:].lstrip()
    spaces = end[len(end.rstrip()) :]
    return ("…" if len(end) < len(prompt) else "") + end.rstrip() + visible(spaces, "·")
