"""The probabilities of a model's answers without and with a change inside the model, as bars."""

from __future__ import annotations

from markupsafe import Markup

from dlnlp.plots import visible
from dlnlp.ui.kit.markup import figures, join, note, percent, signed
from dlnlp.views import Intervention

MOST_ANSWERS = 10
TRUNCATED = "Only a part of this long text is used."


def changed(found: Intervention, change: str) -> Markup:
    """Two bars for each answer: as the model is, and with the change.

    Args:
        change: The change in a few words, such as "without head 5.3".
    """
    most = max(float(found.before.max()), float(found.after.max()))
    answers = list(zip(found.answers, found.before.tolist(), found.after.tolist(), strict=True))
    shift = (f"{found.measure} changes by", f"{signed(found.shift, plus=True)} nats")
    return Markup(
        '<section class="dl-changed" role="status">{}{}<p class="dl-legend"><span>'
        '<i class="dl-before"></i>unchanged</span> <span><i class="dl-after"></i>{}</span></p>'
        "<ol>{}</ol></section>"
    ).format(
        note(TRUNCATED) if found.truncated else "",
        figures([shift]),
        change,
        join(_row(*each, most) for each in answers[:MOST_ANSWERS]),
    )


def _row(answer: str, before: float, after: float, most: float) -> Markup:
    bar = Markup('<i class="{}" style="width:{:.1f}%"></i><span>{}</span>').format
    return Markup("<li><code>{}</code><div>{}</div><div>{}</div></li>").format(
        visible(answer, "·"),
        bar("dl-before", 80 * before / most, percent(before)),
        bar("dl-after", 80 * after / most, percent(after)),
    )
