"""Where a model's heads look, for every model that has such heads."""

from __future__ import annotations

from typing import Any

import gradio as gr
import numpy as np

from dlnlp import plots
from dlnlp.registry import Registry
from dlnlp.results import Glance, glance
from dlnlp.text.words import clean
from dlnlp.ui import parts, theme, views
from dlnlp.ui.parts import Inside

WINDOW = 64  # tokens: 72 heads of them are less than a megabyte
CHOOSE = """
element.addEventListener("click", (event) => {
  const head = event.target.closest(".dl-head");
  if (head) trigger("click", {layer: Number(head.dataset.layer), head: Number(head.dataset.head)});
});
"""


def build_attention(
    registry: Registry,
    stem: str,
    special: frozenset[str],
    remark: str,
    keep: str = "beginning",
) -> Inside:
    """All heads small and one large, of the predictor's ``attention``; its handler and outputs.

    Args:
        special: Tokens that can be hidden.
        remark: What a reader should know about this model's attention.
        keep: The end of a very long text that the model reads, as in ``parts.readable``.
    """
    names = " and ".join(sorted(special))
    with gr.Accordion("Where its heads look", open=False, elem_id=f"{stem}_attention") as accordion:
        with gr.Row(equal_height=True):
            hide = gr.Checkbox(
                value=True, label=f"Hide {names}", container=False, elem_id=f"{stem}_hide"
            )
            begin = gr.Slider(
                1,
                2,
                1,
                step=1,
                label=f"First of {WINDOW} tokens",
                visible=False,
                elem_id=f"{stem}_begin",
            )
        small = gr.HTML(elem_id=f"{stem}_heads", elem_classes="dl-result", js_on_load=CHOOSE)
        line = gr.HTML(elem_classes="dl-result")
        large = gr.Plot(show_label=False, visible=False, elem_id=f"{stem}_head")
    text, chosen = gr.State(""), gr.State(None)
    is_open, opening = parts.watched(accordion)

    def look(text: str, hide: bool, begin: float, chosen: tuple[int, int] | None) -> list[Any]:
        nothing = ["", "", gr.Plot(None, visible=False), gr.Slider(visible=False), chosen]
        if not clean(text) or not registry.is_loaded(stem):
            return nothing
        maps, fault = parts.asked(registry, stem, lambda model: model.attention(text))
        if maps is None:
            return [fault, *nothing[1:]]
        found = glance(maps, int(begin) - 1, WINDOW, special, bool(hide))
        if not found.tokens:
            return nothing
        layers, heads = found.weights.shape[:2]
        if chosen is None:
            chosen = busiest(found)
        chosen = (min(chosen[0], layers - 1), min(chosen[1], heads - 1))
        pictures = [[plots.thumbnail(weights) for weights in layer] for layer in found.weights]
        cut = f" Of this long text only the {keep} is shown." if maps.truncated else ""
        more = found.total > WINDOW
        return [
            views.heads(pictures, chosen),
            views.looked(found, chosen, bool(hide), remark + cut),
            gr.Plot(
                plots.head(found, *chosen),
                visible=True,
                elem_classes=theme.wide(plots.head_width(found)),
            ),
            gr.Slider(1, found.total - WINDOW + 1, value=found.begin + 1, visible=True)
            if more
            else gr.Slider(1, 2, value=1, visible=False),
            chosen,
        ]

    def fresh(typed: str, is_open: bool, hide: bool, chosen: tuple[int, int] | None) -> list[Any]:
        typed, _ = parts.readable(typed, keep)
        return [*look(typed if is_open else "", hide, 1, chosen), typed]

    def choose(text: str, hide: bool, begin: float, event: gr.EventData) -> list[Any]:
        layer, head = (getattr(event, name, 0) for name in ("layer", "head"))
        if not all(isinstance(number, int) and number >= 0 for number in (layer, head)):
            layer, head = 0, 0
        return look(text, hide, begin, (layer, head))

    shown = [small, line, large, begin, chosen]
    quiet: dict[str, Any] = {"show_progress": "minimal", **parts.PRIVATE, **parts.alone(stem)}
    opening.then(look, [text, hide, begin, chosen], shown, **quiet)
    hide.change(look, [text, hide, begin, chosen], shown, **quiet)
    begin.release(look, [text, hide, begin, chosen], shown, **quiet)
    small.click(choose, [text, hide, begin], shown, trigger_mode="multiple", **quiet)
    return fresh, [is_open, hide, chosen], [*shown, text]


def busiest(look: Glance) -> tuple[int, int]:
    """The head whose tokens look most at single other tokens: one worth beginning with."""
    others = look.weights * (1 - np.eye(len(look.tokens)))
    strength = others.max(axis=-1).mean(axis=-1)  # (layers, heads)
    layer, head = np.unravel_index(int(strength.argmax()), strength.shape)
    return int(layer), int(head)
