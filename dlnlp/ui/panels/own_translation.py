"""Compare the likelihood of the visitor's own translation with the model's."""

from __future__ import annotations

from collections.abc import Iterator

import gradio as gr
from markupsafe import Markup

from dlnlp.results import Translation
from dlnlp.text.words import clean
from dlnlp.ui.kit.inputs import readable
from dlnlp.ui.kit.markup import note
from dlnlp.ui.kit.panels import AT_ONCE, Asked, Panel, Values, answers, revealing
from dlnlp.ui.panels.translation import average, letters, likelihood
from dlnlp.ui.panels.translator import Translator

BLANK = "Type an English text first."
OWN_BLANK = "Type your French translation to see how likely the model finds it."


def own_translation_panel(translator: Translator, asked: Asked, beam: gr.Slider) -> Panel:
    """A box for a French translation, and its log-probability next to the model's."""
    with Panel(translator, asked, "own", "Your own translation", open=False, blank=BLANK) as panel:
        own = gr.Textbox(
            label="Your French translation",
            placeholder="How would you translate it?",
            max_lines=6,
            elem_id=translator.id("own_text"),
        )
        button = gr.Button("How likely is it?", elem_id=translator.id("own_run"))
        # Results for two boxes: the panel is marked with the English text, this with the French.
        compared = gr.HTML(
            elem_id=translator.id("own_result"), elem_classes=["dl-result", "dl-panel"]
        )

    def show(text: str, typed: object, beam_size: float) -> Values:
        target, remark = readable(typed)
        if not clean(target):
            return {}
        forced = translator.call("force", text=text, target=target)
        return {
            panel.status: remark,
            compared: answers(own, typed)
            + comparison(forced, translator.candidates(text, int(beam_size))[0]),
        }

    def judge(text: object, opened: set[str], typed: object, beam_size: float) -> Iterator[Values]:
        for values in panel.run(text, opened, typed, beam_size):
            blank = clean(readable(text)[0]) and not clean(readable(typed)[0])
            yield {**values, panel.status: note(OWN_BLANK)} if blank else values

    panel.shows(show, [own, beam], [compared])
    panel.more_texts["target"] = own
    judged = gr.on([button.click, own.submit], judge, **panel.event(asked.box))
    judged.then(None, js=revealing(translator.id("own_result")), **AT_ONCE)
    return panel


def comparison(own: Translation, best: Translation) -> Markup:
    """Both translations with their probabilities, and which of them is more likely."""
    cut = own.truncated or best.truncated
    return Markup(
        '<section class="dl-rivals">{}<h3>Yours</h3>{}{}<h3>The model’s</h3>{}{}</section>{}'
    ).format(
        note("Only the beginning of the text is compared.") if cut else "",
        letters(own),
        likelihood(own),
        letters(best),
        likelihood(best),
        note(verdict(own, best)),
    )


def verdict(own: Translation, best: Translation) -> str:
    """Which of the two is more likely."""
    if own.text == best.text:
        return "The model translates it the same way."
    if own.score <= best.score:
        return f"The model’s translation is more likely, by {best.score - own.score:.1f} nats."
    if average(own) < average(best):
        return (
            "Yours is more likely as a whole because it is shorter; per character, the model’s "
            "is more likely."
        )
    return "Yours is more likely: beam search did not find it."
