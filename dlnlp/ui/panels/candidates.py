"""The candidates of beam search; a click shows one of them instead of the best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import gradio as gr
from markupsafe import Markup

from dlnlp.results import Translation
from dlnlp.ui.kit.inputs import event_int
from dlnlp.ui.kit.markup import caption, join, signed
from dlnlp.ui.kit.panels import Asked, Panel, Values, together
from dlnlp.ui.panels.translation import TranslationPanel
from dlnlp.ui.panels.translator import Choice

BLANK = "The best translations that beam search finds appear here."
ORDER = (
    "Best first, by log-probability with a length penalty, because every further character lowers "
    "the log-probability. 1 nat is 1.44 bits."
)
CHOOSE = """
element.addEventListener("click", (event) => {
  const chosen = event.target.closest(".dl-candidate");
  if (!chosen) return;
  for (const each of element.querySelectorAll(".dl-candidate"))
    each.setAttribute("aria-pressed", each === chosen);
  trigger("click", {index: Number(chosen.dataset.index)});
});
"""


def candidates_panel(translation: TranslationPanel, asked: Asked, others: Sequence[Panel]) -> Panel:
    """The candidates to choose from.

    Args:
        translation: Shows the chosen one.
        others: The other panels that show the chosen one.
    """
    translator = translation.translator
    with Panel(translator, asked, "candidates", "Candidates", open=False, blank=BLANK) as panel:
        listed = gr.HTML(elem_classes="dl-result", js_on_load=CHOOSE)

    def show(text: str, choice: Choice | None) -> Values:
        if not choice:
            return {}
        return {listed: candidates(translator.candidates(text, choice.beam_size), choice.index)}

    def choose(choice: Choice | None, event: gr.EventData) -> Values:
        index = event_int(event, "index")
        found = translator.candidates(choice.text, choice.beam_size) if choice else ()
        if not choice or index not in range(len(found)):
            raise ValueError(f"There is no candidate {index + 1}: translate the text again.")
        return translation.values(replace(choice, index=index))

    panel.shows(show, [translation.choice], [listed])
    chosen = panel.on(
        listed.click, choose, [translation.choice], translation.outputs, trigger_mode="multiple"
    )
    chosen.then(**together(others, asked.text))
    return panel


def candidates(found: Sequence[Translation], chosen: int) -> Markup:
    """The translations with their log-probability and length."""
    row = Markup(
        '<li><button type="button" class="dl-candidate" data-index="{}" aria-pressed="{}">'
        '<span lang="fr">{}</span><small>log-probability {} nats · {} characters</small>'
        "</button></li>"
    ).format
    rows = (
        row(i, str(i == chosen).lower(), each.text, signed(each.score), len(each.target))
        for i, each in enumerate(found)
    )
    return Markup('{}<ol class="dl-candidates">{}</ol>').format(caption(ORDER), join(rows))
