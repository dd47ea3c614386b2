"""How well the sentiment models agree on many texts, and how often they are right."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from dlnlp.catalog import record
from dlnlp.compare.batch import Agreement, Batch, Quality
from dlnlp.ui.kit.markup import figures, join

SIDES = ("negative", "positive")


def progress(batch: Batch) -> Markup:
    """A bar with the number of texts that are done and the expected time left."""
    total = len(batch.texts)
    left = f", about {batch.seconds_left:.0f} s left" if batch.done < total else ""
    return Markup(
        '<p class="dl-note" role="status"><progress max="{}" value="{}"></progress> '
        "{:,} of {:,} texts{}</p>"
    ).format(total, batch.done, batch.done, total, left)


def summary(batch: Batch, agreements: Sequence[Agreement], qualities: Sequence[Quality]) -> Markup:
    """Agreement and speed and, with labels, quality and a confusion matrix per model."""
    both = [
        (f"agreement of {_title(each.models[0])} and {_title(each.models[1])}", f"{each.rate:.1%}")
        for each in agreements
    ]
    kappas = [("Cohen’s κ", f"{each.kappa:.2f}") for each in agreements]
    speeds = [
        (f"{_title(stem)} speed", f"{batch.done / max(seconds, 1e-9):,.0f} texts/s")
        for stem, seconds in batch.seconds.items()
    ]
    values = [value for pair in zip(both, kappas, strict=True) for value in pair]
    return figures([("texts", f"{batch.done:,}"), *values, *speeds]) + Markup(
        '<div class="dl-compare">{}</div>'
    ).format(join(map(_quality, qualities)))


def _title(stem: str) -> str:
    return record(stem).title


def _quality(found: Quality) -> Markup:
    values = (
        ("accuracy", f"{found.accuracy:.1%}"),
        ("macro F1", f"{found.f1:.1%}"),
        ("calibration error (ECE)", f"{100 * found.calibration_error:.1f} points"),
    )
    head = join(Markup("<th>{}</th>").format(side) for side in ("label ↓ predicted →", *SIDES))
    rows = join(
        Markup("<tr><td>{}</td>{}</tr>").format(
            side, join(Markup("<td>{:,}</td>").format(count) for count in counts)
        )
        for side, counts in zip(SIDES, found.confusion, strict=True)
    )
    return Markup(
        '<section class="dl-compared dl-words"><h3>{}</h3>{}<table><tr>{}</tr>{}</table></section>'
    ).format(_title(found.stem), figures(values), head, rows)
