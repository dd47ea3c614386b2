"""One attention head step by step: queries, keys, scores, mask, weights and values."""

from __future__ import annotations

import gradio as gr
import numpy as np
from markupsafe import Markup

from dlnlp.plots import visible
from dlnlp.text.words import clean
from dlnlp.ui.kit.inputs import event_int
from dlnlp.ui.kit.markup import caption, join, note, percent, row, signed, table, tint, verbatim
from dlnlp.ui.kit.model import Model
from dlnlp.ui.kit.panels import Asked, Panel, Values
from dlnlp.views import HeadSteps

TITLE = "One attention head step by step"
ABOUT = (
    "Choose the token that attends. The dot product of its query and each token's key (Q·K) is "
    "divided by the square root of their size. The causal mask hides later tokens, the softmax "
    "turns the scores into weights, and the output is the sum of the values times their weights."
)
BLANK = "Submit a prompt to see the computation."
FEATURES = 16  # of each vector are drawn
MOST_TOKENS = 40
CHOOSE = """
element.addEventListener("click", (event) => {
  const token = event.target.closest("[data-position]");
  if (token) trigger("click", {token: Number(token.dataset.position)});
});
"""


def head_steps_panel(model: Model, asked: Asked) -> Panel:
    """Sliders for layer and head, the tokens to choose from, and the table of steps."""
    with Panel(model, asked, "head_steps", TITLE, open=False, blank=BLANK, keep="end") as panel:
        gr.HTML(caption(ABOUT))
        with gr.Row():
            layer, head = (
                gr.Number(1, label=name, precision=0, minimum=1, elem_id=model.id(f"steps_{name}"))
                for name in ("Layer", "Head")
            )
        tokens = gr.HTML(
            elem_id=model.id("steps_tokens"), elem_classes="dl-result", js_on_load=CHOOSE
        )
        shown = gr.HTML(elem_id=model.id("steps_table"), elem_classes="dl-result")

    def show(text: str, layer: object, head: object, token: int = 0) -> Values:
        found = model.call("head_steps", text=text, layer=layer, head=head, token=token)
        return {tokens: token_buttons(found), shown: steps_table(found)}

    def look(text: str, opened: set[str], layer: object, head: object) -> Values:
        shown = panel.id in opened and clean(text)
        return show(text, layer, head) if shown else {panel.status: gr.skip()}

    def choose(text: str, layer: object, head: object, event: gr.EventData) -> Values:
        token = event_int(event, "token")
        return show(text, layer, head, token) if clean(text) else {}

    panel.shows(show, [layer, head], [tokens, shown])
    for number in (layer, head):
        inputs = [asked.text, asked.opened, layer, head]
        panel.on(number.change, look, inputs, [tokens, shown])
    inputs = [asked.text, layer, head]
    panel.on(tokens.click, choose, inputs, [tokens, shown], trigger_mode="multiple")
    return panel


def token_buttons(found: HeadSteps) -> Markup:
    """The last tokens of the text, with the one that attends pressed."""
    every = [*found.tokens, *found.later]
    chosen = len(found.tokens) - 1
    button = Markup(
        '<button type="button" class="dl-copy" data-position="{}" aria-pressed="{}">{}</button>'
    ).format
    first = max(0, len(every) - MOST_TOKENS)
    cut = f"Only the last {len(every) - first} tokens can be chosen."
    return Markup('{}<p class="dl-switches">{}</p>').format(
        note(cut) if first or found.truncated else "",
        join(
            button(i + 1, str(i == chosen).lower(), verbatim(visible(every[i], "·")))
            for i in range(first, len(every))
        ),
    )


def steps_table(found: HeadSteps) -> Markup:
    """A row for each token with its key, score, weight and value, and the output below."""
    count, width = len(found.tokens), len(found.query)
    first = max(0, count - MOST_TOKENS)
    peak = float(np.abs(np.concatenate([found.keys, found.values, found.query[None]])).max())
    rows = [
        row(
            verbatim(visible(found.tokens[i], "·")),
            [
                _strip(found.keys[i], peak),
                _number(found.products[i]),
                _number(found.scores[i]),
                _weight(float(found.weights[i])),
                _strip(found.values[i], peak),
            ],
        )
        for i in range(first, count)
    ]
    masked = Markup('<td></td><td colspan="3">hidden by the causal mask</td><td></td>')
    rows += [
        row(verbatim(visible(token, "·")), [masked]) for token in found.later[: MOST_TOKENS // 4]
    ]
    dashes = [Markup("<td></td>")] * 3
    rows.append(row("output", [Markup("<td></td>"), *dashes, _strip(found.output, peak)]))
    drawn = min(FEATURES, width)
    query = Markup(
        '<p class="dl-caption">The query of “{}” (the first {} of {} features): {}</p>'
    ).format(visible(found.tokens[-1], "·"), drawn, width, _bar(found.query, peak))
    head = ["token", "key", "Q·K", f"÷ √{width}", "softmax", "value"]
    return query + table(head, rows)


def _number(value: float) -> Markup:
    return Markup("<td>{}</td>").format(signed(float(value)))


def _weight(weight: float) -> Markup:
    return Markup('<td style="{}">{}</td>').format(
        tint("--dl-positive", round(70 * weight)), percent(weight)
    )


def _strip(vector: np.ndarray, peak: float) -> Markup:
    return Markup("<td>{}</td>").format(_bar(vector, peak))


def _bar(vector: np.ndarray, peak: float) -> Markup:
    """The first features as a row of tinted cells, with their numbers on hover."""
    values = vector[:FEATURES].tolist()
    size = 100 / len(values)
    stops = [
        Markup("color-mix(in srgb, var({}-tint) {}%, transparent) {:.1f}% {:.1f}%").format(
            "--dl-positive" if value > 0 else "--dl-negative",
            round(100 * min(1.0, abs(value) / peak) ** 0.5),
            i * size,
            (i + 1) * size,
        )
        for i, value in enumerate(values)
    ]
    numbers = " ".join(signed(value) for value in values)
    return Markup(
        '<i class="dl-strip" title="{}" style="background:linear-gradient(to right, {})"></i>'
    ).format(numbers, join(stops, ", "))
