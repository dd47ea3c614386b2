"""The gates of an LSTM's units at each word, and the verdict when units are held at zero."""

from __future__ import annotations

import gradio as gr
import numpy as np
from markupsafe import Markup

from dlnlp.plots import visible
from dlnlp.text.words import clean
from dlnlp.ui.kit.inputs import event_texts
from dlnlp.ui.kit.markup import caption, join, note, row, signed, signed_tint, table, tint, verbatim
from dlnlp.ui.kit.model import Model
from dlnlp.ui.kit.panels import Asked, Panel, Values
from dlnlp.ui.panels.changed import changed
from dlnlp.views import Gates

TITLE = "Gates and sentiment units"
ABOUT = (
    "At each word, the input gate decides how much of the new candidate enters the cell, the "
    "forget gate how much of the cell stays, and the output gate how much of it is shown as the "
    "hidden state. The units below follow the sentiment of training sentences most closely; their "
    "number is the correlation of their largest hidden state with the label. Choose a unit to see "
    "its gates, and the verdict with its hidden state held at zero."
)
BLANK = "Submit a text to see the gates."
NOT_MEASURED = (
    "The checkpoint does not say which units follow sentiment, so the units shown are arbitrary."
)
LISTED = 6  # units of each sign
MOST_TOKENS = 60  # columns shown
# A click chooses one unit, or a group that is held at zero together.
CHOOSE = """
element.addEventListener("click", (event) => {
  const unit = event.target.closest("[data-units]");
  if (!unit) return;
  for (const each of element.querySelectorAll("[data-units]"))
    each.setAttribute("aria-pressed", each === unit);
  trigger("click", {units: unit.dataset.units.split(" ")});
});
"""


def gates_panel(model: Model, asked: Asked) -> Panel:
    """Units to choose from, the gates of one, and the verdict without it."""
    with Panel(model, asked, "gates", TITLE, open=False, blank=BLANK) as panel:
        gr.HTML(caption(ABOUT))
        listed = gr.HTML(elem_id=model.id("units"), elem_classes="dl-result", js_on_load=CHOOSE)
        shown = gr.HTML(elem_id=model.id("gates_table"), elem_classes="dl-result")
        answer = gr.HTML(elem_id=model.id("units_changed"), elem_classes="dl-result")

    def show(text: str) -> Values:
        found = model.call("gates", text=text)
        first = telling_units(found.leanings)[0]
        return {
            listed: units(found, first),
            shown: gates_of_unit(found, first),
            answer: _without(model, text, [str(first + 1)]),
        }

    def choose(text: str, event: gr.EventData) -> Values:
        names = event_texts(event, "units")
        if not clean(text) or not names:
            return {}
        changed_verdict = _without(model, text, names)  # checks the names
        if len(names) > 1:
            return {shown: "", answer: changed_verdict}
        found = model.call("gates", text=text)
        return {shown: gates_of_unit(found, int(names[0]) - 1), answer: changed_verdict}

    panel.shows(show, outputs=[listed, shown, answer])
    panel.on(listed.click, choose, [asked.text], [shown, answer], trigger_mode="multiple")
    return panel


def _without(model: Model, text: str, names: list[str]) -> Markup:
    found = model.call("units_off", text=text, units=names)
    what = f"unit {names[0]}" if len(names) == 1 else f"{len(names)} units"
    return changed(found, f"with {what} held at zero")


def telling_units(leanings: np.ndarray) -> list[int]:
    """The units that follow sentiment most closely, the most negative and most positive ones."""
    order = np.argsort(leanings, kind="stable").tolist()
    count = min(LISTED, len(order) // 2)
    chosen = [*order[:count], *order[-count:]] if count else order
    return sorted(chosen, key=lambda unit: -abs(float(leanings[unit])))


def units(found: Gates, chosen: int) -> Markup:
    """A button for each telling unit, and one for each group of them."""
    telling = telling_units(found.leanings)
    buttons = [_button([unit], _unit_name(found, unit), unit == chosen) for unit in telling]
    groups = (
        (f"all {name} ones", [unit for unit in telling if (found.leanings[unit] > 0) == side])
        for name, side in (("negative", False), ("positive", True))
    )
    buttons += [_button(group, name, False) for name, group in groups if len(group) > 1]
    remark = "" if found.leanings.any() else note(NOT_MEASURED)
    return Markup('{}<p class="dl-switches">{}</p>').format(remark, join(buttons))


def _unit_name(found: Gates, unit: int) -> str:
    arrow = "→" if unit < found.forward else "←"
    return f"{unit + 1} {arrow} {signed(float(found.leanings[unit]), plus=True)}"


def _button(group: list[int], name: str, pressed: bool) -> Markup:
    return Markup(
        '<button type="button" class="dl-copy" data-units="{}" aria-pressed="{}">{}</button>'
    ).format(" ".join(str(unit + 1) for unit in group), str(pressed).lower(), name)


def gates_of_unit(found: Gates, unit: int) -> Markup:
    """A row for each gate and state of a unit, and a column for each word."""
    count = min(len(found.tokens), MOST_TOKENS)
    gates = (
        ("input gate", found.input_gate),
        ("forget gate", found.forget_gate),
        ("output gate", found.output_gate),
    )
    states = (("cell", found.cell), ("hidden state", found.hidden))
    rows = [row(name, map(_gate, values[:count, unit].tolist())) for name, values in gates]
    for name, values in states:
        peak = max(1e-6, float(np.abs(values[:, unit]).max()))
        cells = [_state(value, peak) for value in values[:count, unit].tolist()]
        rows.append(row(name, cells))
    direction = "forwards" if unit < found.forward else "backwards"
    cut = f" Only the first {count} words are shown." if count < len(found.tokens) else ""
    about = caption(f"Unit {unit + 1} reads {direction}.{cut}")
    return about + table(
        ["unit", *(verbatim(visible(token)) for token in found.tokens[:count])], rows
    )


def _gate(value: float) -> Markup:
    colour = tint("--dl-unsure", round(60 * value))
    return Markup('<td style="{}">{:.2f}</td>').format(colour, value)


def _state(value: float, peak: float) -> Markup:
    return Markup('<td style="{}">{}</td>').format(
        signed_tint(value / peak), signed(value, plus=True)
    )
