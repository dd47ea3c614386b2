"""The probabilities of a model's answers without and with a change inside the model, as bars."""

from __future__ import annotations

from markupsafe import Markup

from dlnlp.plots import visible
from dlnlp.ui.kit.markup import caption, figures, join, note, percent, signed
from dlnlp.views import SENTIMENTS, Intervention

MOST_ANSWERS = 10
TRUNCATED = "Only a part of this long text is used."
UNFILTERED = "Probabilities before the generation settings are applied."


def changed(found: Intervention, change: str) -> Markup:
    """Two bars for each answer: as the model is, and with the change.

    Args:
        change: The change in a few words, such as "without head 5.3".
    """
    most = max(float(found.before.max()), float(found.after.max()))
    answers = list(zip(found.answers, found.before.tolist(), found.after.tolist(), strict=True))
    shift = (f"{found.measure} changes by", f"{signed(found.shift, plus=True)} nats")
    # Tokens are shown as they are; names of sentiments are words of the page's language.
    of_sentiments = found.answers == SENTIMENTS
    name = _sentiment if of_sentiments else _token
    return Markup(
        '<section class="dl-changed" role="status">{}{}<p class="dl-legend"><span>'
        '<i class="dl-before"></i>unchanged</span> <span><i class="dl-after"></i>{}</span></p>'
        "<ol>{}</ol>{}</section>"
    ).format(
        note(TRUNCATED) if found.truncated else "",
        figures([shift]),
        change,
        join(
            _row(name(answer), before, after, most)
            for answer, before, after in answers[:MOST_ANSWERS]
        ),
        "" if of_sentiments else caption(UNFILTERED),
    )


def _sentiment(answer: str) -> Markup:
    return Markup("<span>{}</span>").format(answer)


def _token(answer: str) -> Markup:
    return Markup("<code>{}</code>").format(visible(answer, "·"))


def _row(name: Markup, before: float, after: float, most: float) -> Markup:
    bar = Markup('<i class="{}" style="width:{:.1f}%"></i><span>{}</span>').format
    return Markup("<li>{}<div>{}</div><div>{}</div></li>").format(
        name,
        bar("dl-before", 80 * before / most, percent(before)),
        bar("dl-after", 80 * after / most, percent(after)),
    )
