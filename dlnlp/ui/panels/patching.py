"""Patch the states of one text into another, and see how far the answer moves."""

from __future__ import annotations

import gradio as gr
import numpy as np
from markupsafe import Markup

from dlnlp.plots import visible
from dlnlp.text.words import clean
from dlnlp.ui.kit.inputs import readable
from dlnlp.ui.kit.markup import caption, figures, note, row, signed, signed_tint, table, verbatim
from dlnlp.ui.kit.model import Model
from dlnlp.ui.kit.panels import AT_ONCE, Asked, Panel, Values, answers, revealing
from dlnlp.views import Patches

TITLE = "Patch from another text"
ABOUT = (
    "Activation patching: the model reads your text, but at one place its state is replaced by the "
    "state for the other text. Each cell shows how far that moves the answer, from that for your "
    "text (0%) to that for the other text (100%). Use texts that differ in few words, because "
    "only words with a counterpart can be patched."
)
BLANK = "Submit a text to patch it."
OTHER_BLANK = "Enter the other text, preferably yours with one word changed."
SAME = "The model gives the same answer to both texts, so there is nothing to move."
NO_COUNTERPART = (
    "No word of your text has a counterpart in the other text, so nothing can be patched; copy "
    "your text and change one word of it."
)
LEAST = 0.005  # smaller shares are left blank
SAME_ANSWER = 1e-6  # nats


def patching_panel(model: Model, asked: Asked, other_text: str, keep: str = "beginning") -> Panel:
    """A box for another text, and a table of shares, one row for each layer or direction.

    Args:
        other_text: The other text at first.
    """
    with Panel(model, asked, "patching", TITLE, open=False, blank=BLANK, keep=keep) as panel:
        gr.HTML(caption(ABOUT))
        other = gr.Textbox(
            other_text, label="Other text", max_lines=6, elem_id=model.id("patch_text")
        )
        with gr.Row(elem_classes="dl-buttons"):
            button = gr.Button("Patch", elem_id=model.id("patch_run"))
            copy = gr.Button("Copy my text", elem_id=model.id("patch_copy"))
        # Results for two boxes: the panel is marked with the first text, this with the other.
        shown = gr.HTML(elem_id=model.id("patches"), elem_classes=["dl-result", "dl-panel"])

    def show(text: str, typed: object) -> Values:
        second, remark = readable(typed, keep)
        if not clean(second):
            return {panel.status: note(OTHER_BLANK)}
        found = model.call("patch", text=text, other=second)
        return {panel.status: remark, shown: answers(other, typed) + patches(found)}

    panel.shows(show, [other], [shown])
    panel.more_texts["other"] = other
    panel.on(copy.click, lambda text: {other: text}, [asked.box], [other], at_once=True)
    patched = gr.on([button.click, other.submit], panel.run, **panel.event(asked.box))
    patched.then(None, js=revealing(model.id("patches")), **AT_ONCE)
    return panel


def patches(found: Patches) -> Markup:
    """The table of shares, below the values for both texts."""
    values = (
        ("", f"{found.measure}:"),
        ("your text", signed(found.before, plus=True)),
        ("other text", signed(found.after, plus=True)),
    )
    if abs(found.after - found.before) < SAME_ANSWER:
        return figures(values) + note(SAME)
    if not any(source is not None for source in found.sources):
        return figures(values) + note(NO_COUNTERPART)
    rows = [
        row(name, [_cell(found, index, place) for place in range(len(found.places))])
        for index, name in enumerate(found.rows)
    ]
    cut = "Only a part of this long text is patched."
    remark = note(cut) if found.truncated else Markup("")
    head = [_name(place, source) for place, source in zip(found.places, found.sources, strict=True)]
    return remark + figures(values) + table(["state of", *head], rows)


def _name(place: str, source: str | None) -> Markup:
    """A token, above its counterpart if that is another one."""
    if source == place:
        return verbatim(visible(place, "·"))
    return Markup("{}<br><small>{}</small>").format(
        verbatim(visible(place, "·")),
        "none" if source is None else verbatim(f"← {visible(source, '·')}"),
    )


def _cell(found: Patches, index: int, place: int) -> Markup:
    share = float(found.moved[index, place])
    if found.sources[place] is None or not np.isfinite(share) or abs(share) < LEAST:
        return Markup("<td></td>")
    return Markup('<td style="{}">{}</td>').format(
        signed_tint(share), f"{share:.0%}".replace("-", "−")
    )
