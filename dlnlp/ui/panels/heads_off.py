"""Switch attention heads off, and see how the answer changes."""

from __future__ import annotations

import gradio as gr
import numpy as np
from markupsafe import Markup

from dlnlp.text.words import clean
from dlnlp.ui.kit.inputs import event_texts
from dlnlp.ui.kit.markup import (
    caption,
    change,
    figures,
    join,
    note,
    row,
    signed_tint,
    table,
    verbatim,
)
from dlnlp.ui.kit.model import Model
from dlnlp.ui.kit.panels import Asked, Panel, Values
from dlnlp.ui.panels.changed import changed
from dlnlp.views import HeadEffects

TITLE = "Switch attention heads off"
ABOUT = (
    "Each cell is an attention head, and its number is how much the answer changes when that head "
    "alone is switched off: its output is replaced by zeros. Click heads to switch several off. A "
    "head with a small effect may still matter, because others can do the same work."
)
BLANK = "Submit a text to see the effect of each attention head."
NAMED = 5  # heads with the largest effects
LEAST_PEAK = 0.2  # nats that get the strongest tint, unless a head has a larger effect
# A click switches a head off or on, and sends the names of all heads that are off.
SWITCH = """
element.addEventListener("click", (event) => {
  const head = event.target.closest("[data-head]"), all = event.target.closest("[data-all-on]");
  if (!head && !all) return;
  const heads = [...element.querySelectorAll("[data-head]")];
  const off = new Set(heads.filter((each) => each.getAttribute("aria-pressed") === "true")
    .map((each) => each.dataset.head));
  if (all) off.clear();
  else if (!off.delete(head.dataset.head)) off.add(head.dataset.head);
  for (const each of heads) each.setAttribute("aria-pressed", off.has(each.dataset.head));
  trigger("click", {heads: [...off]});
});
"""


def heads_off_panel(model: Model, asked: Asked, keep: str = "beginning") -> Panel:
    """The effect of each head; a click switches heads off."""
    with Panel(model, asked, "heads_off", TITLE, open=False, blank=BLANK, keep=keep) as panel:
        gr.HTML(caption(ABOUT))
        grid = gr.HTML(elem_id=model.id("effects"), elem_classes="dl-result", js_on_load=SWITCH)
        answer = gr.HTML(elem_id=model.id("heads_changed"), elem_classes="dl-result")

    def show(text: str) -> Values:
        return {grid: effects(model.call("head_effects", text=text)), answer: ""}

    def switch(text: str, event: gr.EventData) -> Values:
        heads = event_texts(event, "heads")
        if not clean(text) or not heads:
            return {answer: ""}
        found = model.call("heads_off", text=text, heads=heads)
        return {answer: changed(found, _without(heads))}

    panel.shows(show, outputs=[grid, answer])
    # No click may be lost, and "always_last" would drop the event's data.
    panel.on(grid.click, switch, [asked.text], [answer], trigger_mode="multiple")
    return panel


def effects(found: HeadEffects) -> Markup:
    """A button for each head with its effect, below the largest effects."""
    layers, heads = found.effects.shape
    peak = max(LEAST_PEAK, float(np.abs(found.effects).max()))
    rows = [
        row(
            f"layer {layer + 1}",
            [_cell(layer, head, found.effects[layer, head], peak) for head in range(heads)],
        )
        for layer in range(layers)
    ]
    order = np.argsort(-np.abs(found.effects), axis=None, kind="stable")[:NAMED]
    best = [(divmod(int(i), heads), float(found.effects.flat[i])) for i in order]
    named = join(
        Markup(
            '<button type="button" class="dl-copy" data-head="{0}" aria-pressed="false">head {0} '
            "{1}</button>"
        ).format(f"{layer + 1}.{head + 1}", change(value))
        for (layer, head), value in best
    )
    cut = note("Only a part of this long text is used.") if found.truncated else ""
    return Markup(
        '{}{}<p class="dl-switches">Largest effects: {} '
        '<button type="button" class="dl-copy" data-all-on>All heads on</button></p>{}'
    ).format(
        cut,
        figures([("effect on", f"{found.measure}, in nats")]),
        named,
        table(["head", *map(str, range(1, heads + 1))], rows),
    )


def _cell(layer: int, head: int, effect: float, peak: float) -> Markup:
    return Markup(
        '<td class="dl-cell"><button type="button" class="dl-switch" data-head="{0}" '
        'aria-pressed="false" aria-label="head {0}, {1}" style="{2}">{1}</button></td>'
    ).format(f"{layer + 1}.{head + 1}", change(float(effect)), signed_tint(effect / peak))


def _without(heads: list[str]) -> str:
    if len(heads) > NAMED:
        return f"without {len(heads)} heads"
    if len(heads) == 1:
        return f"without head {heads[0]}"
    return Markup("without heads {}").format(verbatim(", ".join(heads)))
