"""How much each token of a text surprises a model that predicts tokens."""

from __future__ import annotations

import gradio as gr

from dlnlp.registry import Registry
from dlnlp.ui import parts, views
from dlnlp.ui.parts import Inside

MOST_TOKENS = 400
SCORED = 4000  # characters: nearly always more than so many tokens
# A token carries what was expected in its place; texts enter the page as text, never as HTML.
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
  line.textContent = `“${text}” had ${probability}, ${token.title}. Most expected here:`;
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


def build_surprise(registry: Registry, stem: str) -> Inside:
    """The user's text, tinted by the predictor's ``score``; its handler and outputs."""
    with gr.Accordion("What surprised it?", open=True, elem_id=f"{stem}_surprise"):
        gr.HTML(
            views.caption(
                "The text of the prompt as the model reads it, token by token. Surprisal is "
                "−log₂ of the probability that a token had, given those before it. A perplexity "
                "of 50 is the uncertainty of 50 tokens that are equally likely; one per token "
                "above the size of the whole vocabulary is worse than a blind guess."
            )
        )
        tinted = gr.HTML(elem_id=f"{stem}_tokens", elem_classes="dl-result", js_on_load=SHOW)

    def run(typed: str) -> str:
        text = parts.answered(registry, stem, typed)
        if not text:
            return ""
        found, fault = parts.asked(registry, stem, lambda model: model.score(text[:SCORED]))
        if found is None:
            return fault
        more = len(found) > MOST_TOKENS or len(text) > SCORED
        return views.surprise(found[:MOST_TOKENS], more)

    return run, [], [tinted]
