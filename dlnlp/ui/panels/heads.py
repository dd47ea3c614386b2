"""The attention heads of a Transformer: all of them small, one of them large."""

from __future__ import annotations

import gradio as gr
from markupsafe import Markup

from dlnlp import plots
from dlnlp.inference.attention import AttentionWindow, attention_window
from dlnlp.inference.attention_heads import informative_head
from dlnlp.text.words import clean
from dlnlp.ui.kit.inputs import event_int
from dlnlp.ui.kit.markup import join, percent
from dlnlp.ui.kit.model import Model
from dlnlp.ui.kit.panels import Asked, Panel, Values
from dlnlp.ui.panels.heatmap import HEATMAP_JS, heatmap

TITLE = "Attention heads"
BLANK = "Submit a text to see its attention heads."
WINDOW = 64  # tokens shown at once: thumbnails of 72 heads are then less than a megabyte
Head = tuple[int, int]  # layer and head, from 0
CHOOSE = """
element.addEventListener("click", (event) => {
  const head = event.target.closest(".dl-head");
  if (head) trigger("click", {layer: Number(head.dataset.layer), head: Number(head.dataset.head)});
});
"""


def heads_panel(
    model: Model,
    asked: Asked,
    special: frozenset[str],
    about: str,
    keep: str = "beginning",
) -> Panel:
    """Thumbnails of all attention heads, and a heatmap of the chosen one.

    Args:
        special: Tokens that can be hidden.
        about: What a reader should know about this model's attention.
        keep: The part of a very long text that the model reads, as in ``Panel``.
    """
    with Panel(model, asked, "attention", TITLE, open=False, blank=BLANK, keep=keep) as panel:
        hiding, begin = _controls(model, special)
        small = gr.HTML(elem_id=model.id("heads"), elem_classes="dl-result", js_on_load=CHOOSE)
        line = gr.HTML(elem_classes="dl-result")
        large = gr.HTML(elem_id=model.id("head"), elem_classes="dl-result", js_on_load=HEATMAP_JS)
    chosen = gr.State(None)  # None: the most informative head

    def show(text: str, hide: bool, chosen: Head | None, first: float = 1) -> Values:
        maps = model.call("attention", text=text)
        found = attention_window(maps, int(first) - 1, WINDOW, special, bool(hide))
        if not found.tokens:
            return {}
        layers, heads = maps.weights.shape[:2]
        if not chosen or chosen[0] >= layers or chosen[1] >= heads:  # none, or a larger model's
            chosen = informative_head(maps, special)
        cut = f" Only the {keep} of this long text is shown." if maps.truncated else ""
        return {
            hiding: gr.Checkbox(visible=True),
            begin: _first_token(found),
            small: thumbnails(found, chosen),
            line: description(found, chosen, bool(hide), about + cut),
            large: enlarged(found, chosen),
        }

    def look(text: str, hide: bool, chosen: Head | None, first: float) -> Values:
        if not clean(text):
            return {panel.status: gr.skip()}
        found = show(text, hide, chosen, first)
        return {each: found[each] for each in found if each is not begin}  # it may have moved on

    def choose(text: str, hide: bool, first: float, event: gr.EventData) -> Values:
        head = (event_int(event, "layer"), event_int(event, "head"))
        layers, heads = model.call("attention", text=text).weights.shape[:2]
        if head[0] not in range(layers) or head[1] not in range(heads):
            raise ValueError(f"The model has {layers} layers of {heads} heads each.")
        return {**look(text, hide, head, first), chosen: head}

    shown = [hiding, small, line, large]
    panel.shows(show, inputs=[hiding, chosen], outputs=[begin, *shown])
    # A slider's "input" is for keys and drags, "release" for its number and its reset button.
    inputs = [asked.text, hiding, chosen, begin]
    for listen in (hiding.input, begin.input, begin.release):
        panel.on(listen, look, inputs, shown, trigger_mode="always_last")
    inputs = [asked.text, hiding, begin]
    panel.on(small.click, choose, inputs, [*shown, chosen], trigger_mode="multiple")
    return panel


def _controls(model: Model, special: frozenset[str]) -> tuple[gr.Checkbox, gr.Slider]:
    """Whether special tokens are hidden, and where the window of tokens begins."""
    names = " and ".join(sorted(special)) if len(special) <= 2 else "special tokens"
    label = f"Hide {names}"
    with gr.Row(equal_height=True):
        hiding = gr.Checkbox(
            True,
            label=label,
            container=False,
            interactive=True,
            visible=False,
            elem_id=model.id("hide"),
        )
        begin = gr.Slider(
            1,
            2,
            1,
            step=1,
            label=f"First token shown ({WINDOW} at a time)",
            interactive=True,
            visible=False,
            elem_id=model.id("begin"),
        )
    return hiding, begin


def _first_token(found: AttentionWindow) -> gr.Slider:
    """The slider that selects the window of a text with more tokens than are shown."""
    if found.total <= WINDOW:
        return gr.Slider(1, 2, value=1, visible=False)
    return gr.Slider(1, found.total - WINDOW + 1, value=found.begin + 1, visible=True)


def thumbnails(found: AttentionWindow, chosen: Head) -> Markup:
    """All heads as small pictures, a row for each layer; ``chosen`` is marked."""
    rows = []
    for layer, heads in enumerate(found.weights):
        cells = [
            Markup(
                '<button type="button" class="dl-head" data-layer="{0}" data-head="{1}" '
                'aria-pressed="{2}" aria-label="{3}" title="{3}"><img src="{4}" alt=""></button>'
            ).format(
                layer,
                head,
                "true" if (layer, head) == chosen else "false",
                f"layer {layer + 1}, head {head + 1}",
                plots.thumbnail(weights),
            )
            for head, weights in enumerate(heads)
        ]
        rows.append(
            Markup('<div class="dl-heads-row"><span>{}</span>{}</div>').format(
                layer + 1, join(cells)
            )
        )
    return Markup(
        '<section class="dl-heads"><p class="dl-caption">One row per layer, the first layer on '
        'top. Choose a head to enlarge it.</p><div class="dl-heads-grid">{}</div></section>'
    ).format(join(rows))


def enlarged(found: AttentionWindow, chosen: Head) -> Markup:
    """The heatmap of one head, a row per token that attends and a column per token attended to."""
    layer, head = chosen
    return heatmap(
        found.tokens,
        found.tokens,
        found.weights[layer, head],
        "“{row}” attends to “{column}”",
        description=f"Attention weights of layer {layer + 1}, head {head + 1}",
        words=True,
    )


def description(found: AttentionWindow, chosen: Head, hide: bool, about: str) -> Markup:
    """What the heatmap of one head shows."""
    layer, head = chosen
    count = len(found.tokens)
    shown = ""
    if found.total > count:
        shown = f" Tokens {found.begin + 1} to {found.begin + count} of {found.total} are shown."
    hidden = ""
    if hide:
        share = percent(float(found.hidden_share[layer, head]))
        hidden = f" {share} of its attention goes to the hidden special tokens."
    return Markup(
        '<p class="dl-caption"><b>Layer {}, head {}.</b> Each row shows how much its token '
        "attends to the token of each column.{}{} {}</p>"
    ).format(layer + 1, head + 1, hidden, shown, about)
