"""The surprisal of each token of a text, and what the model expected instead."""

from __future__ import annotations

import json
from collections.abc import Sequence

import gradio as gr
from markupsafe import Markup

from dlnlp.plots import visible
from dlnlp.results import TokenScore
from dlnlp.ui.kit.markup import caption, figures, join, note, percent, tint
from dlnlp.ui.kit.model import Model
from dlnlp.ui.kit.panels import Asked, Panel, Values

ABOUT = (
    "The prompt, token by token. Surprisal is −log₂ of a token's probability given the tokens "
    "before it. A perplexity of 50 is the uncertainty of a choice between 50 equally likely "
    "tokens; above the size of the vocabulary, guessing at random would do better."
)
MOST_TOKENS = 400
MOST_CHARACTERS = 4000  # nearly always more than MOST_TOKENS tokens
MOST_BITS = 12  # the surprisal with the strongest tint
# Each token carries what was expected in its place, so that a click needs no server. Texts enter
# the page as text, never as HTML.
SHOW = """
const show = (token) => {
  const on = token.getAttribute("aria-pressed") !== "true";
  for (const each of element.querySelectorAll('[aria-pressed="true"]'))
    each.setAttribute("aria-pressed", false);
  token.setAttribute("aria-pressed", on);
  const panel = element.querySelector(".dl-expected");
  panel.replaceChildren();
  if (!on) return;
  const line = document.createElement("p");
  const {token: text, probability, expected} = token.dataset;
  const had = `“${text}” had a probability of ${probability} (${token.title}).`;
  line.textContent = `${had} Most likely here:`;
  const list = document.createElement("ol");
  for (const [text, probability] of JSON.parse(expected)) {
    const name = document.createElement("code");
    name.textContent = text;
    const item = document.createElement("li");
    item.append(name, probability);
    list.append(item);
  }
  panel.append(line, list);
};
element.addEventListener("click", (event) => {
  const token = event.target.closest(".dl-word");
  if (token) show(token);
});
element.addEventListener("keydown", (event) => {
  if (!["Enter", " "].includes(event.key) || !event.target.matches(".dl-word")) return;
  event.preventDefault();
  show(event.target);
});
"""


def surprise_panel(model: Model, asked: Asked) -> Panel:
    """The text tinted by surprisal; clicking a token shows what was expected."""
    with Panel(model, asked, "surprise", "What surprised the model?", keep="end") as panel:
        gr.HTML(caption(ABOUT))
        tinted = gr.HTML(elem_id=model.id("tokens"), elem_classes="dl-result", js_on_load=SHOW)

    def show(text: str) -> Values:
        found = model.call("score", text=text[:MOST_CHARACTERS])
        more = len(found) > MOST_TOKENS or len(text) > MOST_CHARACTERS
        return {tinted: surprise(found[:MOST_TOKENS], more)}

    return panel.shows(show, outputs=[tinted])


def surprise(found: Sequence[TokenScore], more: bool) -> Markup:
    """The text tinted by surprisal, below its perplexities.

    Args:
        more: Whether the text goes on beyond these tokens.
    """
    if not found:
        return Markup("")
    count = sum(token.tokens for token in found)
    words = max(1, len("".join(token.text for token in found).split()))
    bits = sum(token.bits for token in found)
    values = (
        ("perplexity per token", perplexity(bits / count)),
        ("perplexity per word", perplexity(bits / words)),
        ("total", f"{bits:,.1f} bits"),
    )
    return Markup(
        '{}<section class="dl-surprise">{}<p class="dl-text">{}</p>'
        '<p class="dl-legend"><span><i class="dl-against"></i>more surprising (darkest: {} bits or '
        "more)</span> <span>Choose a token to see what was expected in its place.</span></p>"
        '<div class="dl-expected" role="status"></div></section>'
    ).format(
        note(f"Only the first {count} tokens are shown and counted.") if more else "",
        figures(values),
        join(map(_token, found)),
        MOST_BITS,
    )


def surprise_text(found: Sequence[TokenScore]) -> Markup:
    """The text with tinted tokens that only show their surprisal on hover."""
    span = Markup('<span title="{:.1f} bits" style="{}">{}</span>')
    return join(span.format(each.bits, _tint(each), _drawn(each.text)) for each in found)


def _tint(token: TokenScore) -> Markup:
    return tint("--dl-negative", round(60 * min(1.0, token.bits / MOST_BITS)))


def _token(token: TokenScore) -> Markup:
    expected = [[visible(each.text, "·"), percent(each.probability)] for each in token.expected]
    return Markup(
        '<span role="button" tabindex="0" class="dl-word" aria-pressed="false" data-token="{}" '
        'data-expected="{}" data-probability="{}" title="{:.1f} bits" style="{}">{}</span>'
    ).format(
        visible(token.text, "·"),
        json.dumps(expected, ensure_ascii=False),
        percent(2**-token.bits),
        token.bits,
        _tint(token),
        _drawn(token.text),
    )


def _drawn(text: str) -> str:
    """A token within a text: spaces are drawn only where the token has nothing else."""
    space = "·" if not text.strip(" ") else " "
    return "".join(visible(c, space) + ("\n" if c == "\n" else "") for c in text)


def perplexity(bits: float) -> str:
    """The perplexity of an average surprisal in bits."""
    if bits >= 20:
        return "over a million"
    return f"{2**bits:,.1f}" if bits < 10 else f"{2**bits:,.0f}"
