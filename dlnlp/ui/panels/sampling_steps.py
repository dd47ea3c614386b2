"""How the filters turn the logits of the next token into probabilities, as an animated chart."""

from __future__ import annotations

import json
from collections.abc import Sequence

import gradio as gr
import numpy as np
from markupsafe import Markup

from dlnlp.plots import visible
from dlnlp.text.words import clean
from dlnlp.ui.kit.markup import caption, join, note, percent
from dlnlp.ui.kit.model import Model
from dlnlp.ui.kit.panels import Asked, Panel, Values
from dlnlp.ui.panels.generation_settings import Filters, top_k_of
from dlnlp.views import SamplingSteps

TITLE = "From logits to probabilities"
ABOUT = (
    "The most likely tokens in each step, with the temperature, top-k and top-p that are set on "
    "the left. Logits are shown as log-probabilities: they differ from the output layer's by a "
    "constant, which the softmax removes."
)
BLANK = "Submit a prompt to see the steps."
STEPS = ("logits", "÷ temperature", "softmax", "top-k", "top-p")
LOWEST = -1000  # scaled logits below this are shown as minus infinity
# The steps are on the page, so that moving between them needs no server.
MOVE = """
const go = (chart, step) => {
  chart.dataset.step = step;
  chart.querySelectorAll("[data-go]").forEach((button, index) =>
    button.setAttribute("aria-pressed", index === step));
  for (const bar of chart.querySelectorAll("li")) {
    const [width, text] = JSON.parse(bar.dataset.steps)[step];
    bar.querySelector("i").style.width = `${width}%`;
    bar.querySelector("i").hidden = !width;
    bar.querySelector("span").textContent = text;
  }
};
let timer;
element.addEventListener("click", (event) => {
  const chart = event.target.closest(".dl-sampling");
  if (!chart) return;
  const button = event.target.closest("[data-go]");
  if (!button && !event.target.closest("[data-play]")) return;
  clearInterval(timer);
  if (button) return go(chart, Number(button.dataset.go));
  go(chart, 0);
  timer = setInterval(() => {
    const next = Number(chart.dataset.step) + 1;
    if (!chart.isConnected || next >= chart.querySelectorAll("[data-go]").length)
      return clearInterval(timer);
    go(chart, next);
  }, 1200);
});
"""


def sampling_steps_panel(model: Model, asked: Asked, filters: Filters) -> Panel:
    """A bar for each token, and a button for each step."""
    with Panel(model, asked, "sampling", TITLE, open=False, blank=BLANK, keep="end") as panel:
        gr.HTML(caption(ABOUT))
        chart = gr.HTML(
            elem_id=model.id("sampling_chart"), elem_classes="dl-result", js_on_load=MOVE
        )

    def show(prompt: str, temperature: float, top_k: float, top_p: float) -> Values:
        settings = {"temperature": temperature, "top_k": top_k_of(top_k), "top_p": top_p}
        return {chart: steps_chart(model.call("sampling_steps", prompt=prompt, **settings))}

    def narrow(prompt: str, opened: set[str], *settings: float) -> Values:
        shown = panel.id in opened and clean(prompt)
        return show(prompt, *settings) if shown else {panel.status: gr.skip()}

    panel.shows(show, filters.inputs, [chart])
    for slider in filters.inputs:
        given = [asked.text, asked.opened, *filters.inputs]
        panel.on(slider.change, narrow, given, [chart], trigger_mode="always_last")
    return panel


def steps_chart(found: SamplingSteps) -> Markup:
    """The chart, at its last step."""
    highest = max(
        float(each.max()) for each in (found.softmax, found.after_top_k, found.after_top_p)
    )
    columns = [
        _logits(found.logits),
        _logits(found.scaled),
        *(_shares(each, highest) for each in (found.softmax, found.after_top_k, found.after_top_p)),
    ]
    bars = [_bar(token, [column[i] for column in columns]) for i, token in enumerate(found.tokens)]
    buttons = [
        Markup(
            '<button type="button" class="dl-copy" data-go="{}" aria-pressed="{}">{}</button>'
        ).format(i, str(i == len(STEPS) - 1).lower(), name)
        for i, name in enumerate(STEPS)
    ]
    kept = f"{found.kept:,} {'token remains' if found.kept == 1 else 'tokens remain'} at the end."
    return Markup(
        '{}<section class="dl-sampling" data-step="{}"><p class="dl-switches">{} '
        '<button type="button" class="dl-copy" data-play>▶ Play</button></p>'
        '<ol>{}</ol><p class="dl-caption">{}</p></section>'
    ).format(
        note("Only the end of this long prompt is used.") if found.truncated else "",
        len(STEPS) - 1,
        join(buttons),
        join(bars),
        kept,
    )


def _bar(token: str, steps: Sequence[tuple[float, str]]) -> Markup:
    width, text = steps[-1]
    return Markup(
        '<li data-steps="{}"><code>{}</code><i style="width:{}%"{}></i><span>{}</span></li>'
    ).format(
        json.dumps(steps, ensure_ascii=False),
        visible(token, "·"),
        width,
        "" if width else Markup(" hidden"),
        text,
    )


def _logits(values: np.ndarray) -> list[tuple[float, str]]:
    """Widths in percent, from 5 for the lowest logit to 75 for the highest, and labels."""
    low, high = max(float(values.min()), LOWEST), float(values.max())
    span = max(high - low, 1e-9)
    return [
        (round(5 + 70 * max(0.0, value - low) / span, 1), _number(value))
        for value in values.tolist()
    ]


def _number(value: float) -> str:
    return "−∞" if value < LOWEST else f"{value:.2f}".replace("-", "−")


def _shares(values: np.ndarray, highest: float) -> list[tuple[float, str]]:
    """Widths in percent, and labels; excluded tokens have none."""
    return [
        (round(75 * value / highest, 1), _share(value)) if value > 0 else (0.0, "excluded")
        for value in values.tolist()
    ]


def _share(value: float) -> str:
    return "100%" if value == 1 else percent(value)
