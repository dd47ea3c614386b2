"""The contribution of each word to a verdict, and the verdict without chosen words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import gradio as gr
from markupsafe import Markup

from dlnlp.results import Attribution, Classification, LabelAttribution, Sentiment
from dlnlp.text.words import without, words
from dlnlp.ui.kit.inputs import event_ints
from dlnlp.ui.kit.markup import join, note, percent, signed, tint
from dlnlp.ui.kit.model import Model
from dlnlp.ui.kit.panels import Asked, Panel, Values
from dlnlp.ui.panels.verdict import scale

TITLE = "Which words decided?"
METHODS = {
    "integrated gradients": "integrated_gradients",
    "leave-one-out": "leave_one_out",
}
ABOUT_METHODS = (
    "Integrated gradients: how much each word contributes, compared with a text of padding. "
    "Leave-one-out: how the logit changes when the word (in long texts, its "
    "sentence or a part of it) is removed."
)
# A click removes a word or puts it back, and sends the indices of the removed words.
REMOVE = """
element.addEventListener("click", (event) => {
  const word = event.target.closest(".dl-word");
  if (!word) return;
  word.setAttribute("aria-pressed", word.getAttribute("aria-pressed") !== "true");
  const out = element.querySelectorAll('.dl-word[aria-pressed="true"]');
  trigger("click", {words: [...out].map((word) => Number(word.dataset.index))});
});
"""
JOINED = 20  # characters; words and punctuation up to this length are not separated
STRONGEST = 10
LEAST_PEAK = 1.5  # logits that get the full tint, unless a word contributes more
TELLING = 0.05  # logits; if all words contribute less, a note says so
SHORT = 10  # words; in longer texts each contributes less, so both thresholds shrink


def words_panel(model: Model, asked: Asked, waiting: str = "") -> Panel:
    """The text tinted by attribution; clicking words shows the verdict without them.

    Args:
        waiting: The message while attributions are computed, for models that take long.
    """
    with Panel(model, asked, "attribution", TITLE, waiting=waiting) as panel:
        method = gr.Radio(
            list(METHODS.items()),
            value=next(iter(METHODS.values())),
            label="Method",
            info=ABOUT_METHODS,
            interactive=True,
            elem_id=model.id("method"),
        )
        tinted = gr.HTML(elem_id=model.id("words"), elem_classes="dl-result", js_on_load=REMOVE)
        removed = gr.HTML(elem_id=model.id("without"), elem_classes="dl-result")
    explained = gr.State("")  # the text that was split into words

    def show(text: str, method: str) -> Values:
        found = model.call("explain", text=text, method=method)
        return {tinted: attribution(found), removed: "", explained: found.text}

    def remove(text: str | None, event: gr.EventData) -> Iterator[Values]:
        found = words(text or "")
        chosen = sorted({i for i in event_ints(event, "words") if i in range(len(found))})
        if not chosen:
            yield {removed: ""}
            return
        texts = [text, without(text or "", chosen)]
        before, after = model.call("classify", texts=texts)
        yield {removed: what_if([found[i][0] for i in chosen], before, after)}

    panel.shows(show, inputs=[method], outputs=[tinted, removed, explained])
    method.change(panel.run, **panel.event(asked.text))
    # No click may be lost, and "always_last" would drop the event's data.
    panel.on(tinted.click, remove, [explained], [removed], trigger_mode="multiple")
    return panel


def attribution(result: Attribution) -> Markup:
    """The text tinted by the contribution of each word, with the values on hover and in a table."""
    if not result.words:
        return Markup("")
    scores = [float(score) for score in result.scores]
    strength = max(abs(score) for score in scores)
    share = min(1.0, SHORT / len(scores))
    peak = full_tint(scores)
    buttons = [
        _button(index, word, score, peak)
        for index, (word, score) in enumerate(zip(result.words, scores, strict=True))
    ]
    remarks = []
    if result.truncated:
        remarks.append(note("Only the beginning of this text is explained."))
    if strength < TELLING * share:
        remarks.append(note("With this method, no single word changes the verdict much."))
    return Markup(
        '<section class="dl-words"><p class="dl-text">{}</p>'
        '<p class="dl-legend"><span><i class="dl-towards"></i>{}</span> '
        '<span><i class="dl-against"></i>{}</span> '
        "<span>Click words to see the verdict without them.</span></p>"
        "<details><summary>Strongest words, in logits</summary><table>{}</table></details>"
        "</section>{}"
    ).format(
        _text_with(result, buttons),
        *directions(result),
        _strongest(result.words, scores),
        join(remarks),
    )


def directions(result: Attribution) -> tuple[str, str]:
    """The directions of positive and negative contributions, in words."""
    if isinstance(result, LabelAttribution):
        return f"towards “{result.label}”", "towards other labels"
    return "towards positive", "towards negative"


def tinted_words(result: Attribution, peak: float | None = None) -> Markup:
    """The text with tinted words that only show their contribution on hover.

    Args:
        peak: The contribution, in logits, that gets the strongest tint; by default ``full_tint``.
    """
    scores = [float(score) for score in result.scores]
    if not scores:
        return Markup("{}").format(result.text)
    peak = peak or full_tint(scores)
    return _text_with(
        result,
        [
            Markup('<span title="{}" style="{}">{}</span>').format(
                signed(score, plus=True), _tint(score, peak), word
            )
            for word, score in zip(result.words, scores, strict=True)
        ],
    )


def full_tint(scores: Sequence[float]) -> float:
    """The contribution, in logits, of a word with the strongest tint."""
    share = min(1.0, SHORT / len(scores))
    return max(LEAST_PEAK * share, *map(abs, scores))


def _tint(score: float, peak: float) -> Markup:
    colour = "--dl-positive" if score > 0 else "--dl-negative"
    return tint(colour, round(62 * min(1.0, abs(score) / peak)))


def _button(index: int, word: str, score: float, peak: float) -> Markup:
    return Markup(
        '<button type="button" class="dl-word" data-index="{}" aria-pressed="false" '
        'title="{}" style="{}">{}</button>'
    ).format(index, signed(score, plus=True), _tint(score, peak), word)


def _strongest(found: Sequence[str], scores: Sequence[float]) -> Markup:
    order = sorted(range(len(scores)), key=lambda i: -abs(scores[i]))[:STRONGEST]
    row = Markup('<tr><td translate="no">{}</td><td>{}</td></tr>')
    return join(row.format(found[i], signed(scores[i], plus=True)) for i in order)


def _text_with(result: Attribution, buttons: Sequence[Markup]) -> Markup:
    """The text with an element for each word; short words stay on a line with their punctuation."""
    lines: list[str] = []
    together: list[Markup] = []
    begin = end = 0
    for word, start, button in zip(result.words, result.starts, buttons, strict=True):
        gap = result.text[end:start]
        end = start + len(word)
        if gap or not together or end - begin > JOINED:
            lines += [_joined(together), gap]
            together, begin = [], start
        together.append(button)
    return join([*lines, _joined(together), result.text[end:]])


def _joined(buttons: Sequence[Markup]) -> Markup:
    row = join(buttons)
    return Markup('<span class="dl-joined">{}</span>').format(row) if len(buttons) > 1 else row


def what_if(
    removed: Sequence[str],
    before: Sentiment | Classification,
    after: Sentiment | Classification,
) -> Markup:
    """The verdict on the text as written, and the verdict without some words."""
    quoted = join((Markup("<del>{}</del>").format(word) for word in removed), " ")
    rows = (("As written", before), (Markup("Without {}").format(quoted), after))
    row = Markup(
        '<div class="dl-{}"><p><span>{}</span><span><strong>{}</strong> {}</span></p>{}</div>'
    )
    return Markup('<section class="dl-whatif">{}</section>').format(
        join(row.format(_sign(found), title, *_verdict(found)) for title, found in rows)
    )


def _sign(found: Sentiment | Classification) -> str:
    """The end of a CSS class that colours a verdict."""
    return found.verdict if isinstance(found, Sentiment) else "unsure"


def _verdict(found: Sentiment | Classification) -> tuple[str, str, Markup]:
    """The verdict in a word, its probability, and a scale if there are two sides."""
    if isinstance(found, Sentiment):
        return found.verdict, percent(found.positive), scale(found.positive, ends=False)
    best = float(found.probabilities.max())
    return found.label, percent(best), Markup("")
