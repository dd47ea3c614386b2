"""The translation, with the probability of each character."""

from __future__ import annotations

import math

import gradio as gr
from markupsafe import Markup

from dlnlp.plots import visible
from dlnlp.results import Translation
from dlnlp.ui.kit.markup import details, figures, join, note, percent, scrolling, signed, tint
from dlnlp.ui.kit.panels import Asked, Panel, Values
from dlnlp.ui.panels.translator import Choice, Translator

BLANK = "Type one or more English sentences, and the model translates them into French."
NOT_ENGLISH = "This does not look like English. The model only translates from English."
LEGEND = "characters the model was less sure of"
NAME = "Translation; the arrow keys choose a tinted character"
HINT = "Choose a tinted character to see its probability."
CERTAIN = 0.95  # characters of a higher probability are not tinted
COPY = """
element.addEventListener("click", async (event) => {
  const button = event.target.closest(".dl-copy");
  if (!button) return;
  const text = element.querySelector(".dl-letters");
  if (!(await dlnlp.copy(text.textContent))) return getSelection().selectAllChildren(text);
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
});
"""


class TranslationPanel(Panel):
    """The best translation, or another candidate that the visitor chose.

    The state ``choice`` tells the other panels which translation is shown.
    """

    def __init__(self, translator: Translator, asked: Asked, beam: gr.Slider) -> None:
        super().__init__(translator, asked, "translation", blank=BLANK, waiting="Translating…")
        self.translator = translator
        self.choice = gr.State(None)
        with self:
            self.shown = gr.HTML(
                elem_id=translator.id("result"), elem_classes="dl-result", js_on_load=COPY
            )
        self.shows(self._best, [beam], [self.shown, self.choice])

    def _best(self, text: str, beam_size: float) -> Values:
        return self.values(Choice(text, int(beam_size)))

    def values(self, choice: Choice) -> Values:
        """The panel's values for one of the candidates."""
        return {
            self.shown: translation(self.translator.translation(choice), len(choice.text)),
            self.choice: choice,
        }


def translation(result: Translation, asked: int) -> Markup:
    """The French text, how likely it is, and how much of the English was translated.

    Args:
        asked: The length of the English text in characters.
    """
    return Markup(
        '<section class="dl-translation" role="status">'
        '<h3>French <button type="button" class="dl-copy">Copy</button></h3>{}{}{}{}{}</section>'
    ).format(
        note(NOT_ENGLISH) if not result.looks_english else "",
        letters(result),
        Markup('<p class="dl-legend"><i class="dl-against"></i>{}</p>').format(LEGEND),
        likelihood(result),
        left_out(result, asked),
    )


def left_out(result: Translation, asked: int) -> Markup:
    """A note if only the beginning of the text was translated."""
    if not result.truncated:
        return Markup("")
    read = "".join(result.source)
    return note(
        f"This text is too long. Only its first {len(read):,} of "
        f"{asked:,} characters were translated, up to “…{read[-30:].lstrip()}”."
    )


def letters(result: Translation) -> Markup:
    """The translation, with characters tinted by how unlikely they were."""
    pieces = [
        _letter(character, min(1.0, math.exp(float(log_prob))))
        for character, log_prob in zip(result.target, result.log_probs, strict=True)
    ]
    text = Markup('<p class="dl-text dl-letters" lang="fr">{}</p>').format(join(pieces))
    if not any(isinstance(piece, Markup) for piece in pieces):
        return text
    return details(Markup("<div {}>{}</div>").format(scrolling(NAME), text), HINT)


def _letter(character: str, probability: float) -> str:
    if probability > CERTAIN:
        return character
    shade = tint("--dl-negative", round(75 * (1 - probability)))
    return Markup('<span data-detail="“{}”, {}" style="{}">{}</span>').format(
        visible(character), percent(probability), shade, character
    )


def likelihood(result: Translation) -> Markup:
    """The probability of the whole translation and of a character on average."""
    return figures(
        (
            ("log-probability", f"{signed(result.score)} nats"),
            ("average per character", percent(average(result))),
        )
    )


def average(result: Translation) -> float:
    """The geometric mean of the characters' probabilities, including that of the end."""
    return math.exp(result.score / (len(result.target) + 1))
