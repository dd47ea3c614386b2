"""Both texts; clicking a French word marks the English characters that it attended to."""

from __future__ import annotations

import gradio as gr
import numpy as np
from markupsafe import Markup

from dlnlp.inference.attention import word_attention
from dlnlp.results import Translation
from dlnlp.text.words import words
from dlnlp.ui.kit.markup import caption, join
from dlnlp.ui.kit.panels import Asked, Panel, Values
from dlnlp.ui.panels.translator import Choice, Translator

ABOUT = "Click a French word to mark the English characters that it attended to."
# Each French word holds its attention weights, so that a click needs no call to the server.
MARK = """
const mark = (word) => {
  const letters = element.querySelectorAll('[lang="en"] span');
  const shares = word ? word.dataset.shares.split(",") : [];
  const first = word ? Number(word.dataset.first) : 0;
  letters.forEach((letter, i) => {
    const share = shares[i - first];
    letter.style.background = share
      ? `color-mix(in srgb, var(--dl-positive-tint) ${0.7 * share}%, transparent)` : "";
  });
};
element.addEventListener("click", (event) => {
  const word = event.target.closest(".dl-word");
  if (!word) return;
  const on = word.getAttribute("aria-pressed") !== "true";
  for (const each of element.querySelectorAll(".dl-word")) each.setAttribute("aria-pressed", false);
  word.setAttribute("aria-pressed", on);
  mark(on ? word : null);
});
"""


def reading_panel(translator: Translator, asked: Asked, choice: gr.State) -> Panel:
    """Both texts, with French words as buttons."""
    with Panel(translator, asked, "reading") as panel:
        texts = gr.HTML(elem_id=translator.id("reading"), elem_classes="dl-result", js_on_load=MARK)

    def show(text: str, choice: Choice | None) -> Values:
        return {texts: reading(translator.translation(choice))} if choice else {}

    return panel.shows(show, [choice], [texts])


def reading(result: Translation) -> Markup:
    """The English text in characters and the French one in words, line breaks included."""
    if not result.target:
        return Markup("")
    french = "".join(result.target)
    pieces: list[str] = []
    end = 0
    rows = word_attention(result).characters
    for (word, start), row in zip(words(french), rows, strict=True):
        pieces += [french[end:start], _button(word, row)]
        end = start + len(word)
    return Markup(
        '<section class="dl-reading">{}<p class="dl-text" lang="en">{}</p>'
        '<p class="dl-text" lang="fr">{}</p></section>'
    ).format(
        caption(ABOUT),
        join(map(Markup("<span>{}</span>").format, result.source)),
        join([*pieces, french[end:]]),
    )


def _button(word: str, row: np.ndarray) -> Markup:
    """A French word with its attention to English characters, relative to the strongest."""
    shares = np.round(100 * row / row.max()).astype(int)  # the maximum is above 0: rows sum to 1
    seen = shares.nonzero()[0]
    within = shares[seen[0] : seen[-1] + 1]  # in a long text, only those of its sentence
    return Markup(
        '<button type="button" class="dl-word" data-first="{}" data-shares="{}" '
        'aria-pressed="false">{}</button>'
    ).format(seen[0], ",".join(map(str, within)), word)
