"""How byte-level BPE merges the bytes of the prompt into tokens, with a slider over the merges."""

from __future__ import annotations

import json

import gradio as gr
from markupsafe import Markup

from dlnlp.plots import visible
from dlnlp.ui.kit.markup import caption, note
from dlnlp.ui.kit.model import Model
from dlnlp.ui.kit.panels import Asked, Panel, Values
from dlnlp.views import Merges

TITLE = "Byte-level BPE"
ABOUT = (
    "The tokenizer starts with the bytes of the text. Again and again, it merges the pair of "
    "neighbouring pieces that comes first in its list of merges, which were learnt from frequent "
    "pairs. What remains are the tokens. Move the slider to see each merge."
)
BLANK = "Submit a prompt to see how it is split into tokens."
# All steps are on the page, so that the slider needs no server.
SLIDE = """
const show = (slider) => {
  const box = slider.closest(".dl-merges");
  const [pieces, about] = JSON.parse(box.dataset.steps)[Number(slider.value)];
  const line = box.querySelector(".dl-pieces");
  line.replaceChildren(...pieces.map((piece) => {
    const span = document.createElement("span");
    span.textContent = piece;
    return span;
  }));
  box.querySelector("output").textContent = about;
};
element.addEventListener("input", (event) => {
  if (event.target.matches(".dl-merges input")) show(event.target);
});
"""


def merges_panel(model: Model, asked: Asked) -> Panel:
    """The pieces of the prompt after each merge."""
    with Panel(model, asked, "merges", TITLE, open=False, blank=BLANK) as panel:
        gr.HTML(caption(ABOUT))
        shown = gr.HTML(elem_id=model.id("pieces"), elem_classes="dl-result", js_on_load=SLIDE)

    def show(text: str) -> Values:
        return {shown: pieces(model.call("merges", text=text))}

    return panel.shows(show, outputs=[shown])


def pieces(found: Merges) -> Markup:
    """The pieces, at first after all merges, and the slider."""
    steps = [
        [[visible(piece, "·") for piece in step], _about(found, index)]
        for index, step in enumerate(found.steps)
    ]
    last = len(steps) - 1
    names, about = steps[-1]
    cut = note(f"Only the first {len(found.text)} characters are shown.")
    return Markup(
        '{}<section class="dl-merges" data-steps="{}"><p class="dl-pieces">{}</p>'
        '<label>Merges <input type="range" min="0" max="{}" value="{}" aria-label="Merges"></label>'
        "<output>{}</output></section>"
    ).format(
        cut if found.truncated else "",
        json.dumps(steps, ensure_ascii=False),
        Markup("").join(Markup("<span>{}</span>").format(name) for name in names),
        last,
        last,
        about,
    )


def _about(found: Merges, index: int) -> str:
    count = len(found.steps[index])
    size = f"{count} {'piece' if count == 1 else 'pieces'}"
    if not index:
        return f"no merges: {size}"
    rank = found.ranks[index - 1] + 1
    return f"merge {index} of {len(found.ranks)}, number {rank:,} of the list: {size}"
