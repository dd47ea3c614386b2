"""A table of all models, baselines and published results, and a plot of quality against latency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from dlnlp.compare.models import Score
from dlnlp.compare.scoreboard import Baseline, OwnRow, Row, Speed
from dlnlp.ui.kit.markup import join, scrolling, verbatim

HEAD = ("model", "parameters", "size", "quality", "latency", "throughput")
UNMEASURED = "–"
TASKS = {
    "text-classification": "Sentiment",
    "translation": "Translation, English to French",
    "text-generation": "Next-token prediction",
}


def scoreboard(
    rows: Sequence[Row],
    baselines: Sequence[Baseline],
    speeds: Mapping[str, Speed],
    own: OwnRow | None = None,
) -> Markup:
    """One table per task: the models, then the baselines, then published results.

    Args:
        speeds: What was measured on this machine so far, by stem.
        own: The visitor's own model, which comes after ours.
    """
    tasks = dict.fromkeys(row.record.task for row in rows)
    return join(
        _table(
            task,
            [row for row in rows if row.record.task == task],
            [each for each in baselines if each.task == task],
            speeds,
            own if own and own.task == task else None,
        )
        for task in tasks
    )


def _table(
    task: str,
    rows: Sequence[Row],
    baselines: Sequence[Baseline],
    speeds: Mapping[str, Speed],
    own: OwnRow | None,
) -> Markup:
    lines = [_model(row, speeds.get(row.record.stem)) for row in rows]
    if own:
        lines.append(_own(own))
    lines += [_other(each.name, each.description, _quality(each.scores)) for each in baselines]
    lines += [_other(name, where, value) for name, where, value in _published(rows)]
    head = join(Markup('<th scope="col">{}</th>').format(name) for name in HEAD)
    title = TASKS.get(task, task)
    return Markup(
        '<section class="dl-words dl-board"><h3>{}</h3><div class="dl-board-scroll" {}>'
        "<table><tr>{}</tr>{}</table></div></section>"
    ).format(title, scrolling(title), head, join(lines))


def _model(row: Row, speed: Speed | None) -> Markup:
    cells = (
        "unknown" if row.parameters is None else f"{row.parameters / 1e6:,.1f} M",
        "unknown" if row.bytes is None else f"{row.bytes / 1e6:,.1f} MB",
        _quality(row.scores) or "unknown",
        *_speed(speed),
    )
    name = Markup("<strong>{}</strong><small>{}</small>").format(
        row.record.title, row.record.family
    )
    return _line(name, cells)


def _own(row: OwnRow) -> Markup:
    name = Markup("<strong>{}</strong><small>{}</small>").format(
        verbatim(row.name), verbatim(row.architecture)
    )
    return _line(name, (f"{row.parameters / 1e6:,.1f} M", "", UNMEASURED, *_speed(row.speed)))


def _speed(speed: Speed | None) -> tuple[str, str]:
    if speed is None:
        return UNMEASURED, UNMEASURED
    return f"{1000 * speed.latency:,.1f} ms", f"{speed.throughput:,.0f} {speed.unit}/s"


def _other(name: str, description: str, quality: str) -> Markup:
    label = Markup("{}<small>{}</small>").format(name, description)
    return _line(label, ("", "", quality, "", ""))


def _line(name: Markup, cells: Sequence[str]) -> Markup:
    row = join(Markup("<td>{}</td>").format(cell) for cell in cells)
    return Markup("<tr><td>{}</td>{}</tr>").format(name, row)


def _quality(scores: Sequence[Score]) -> str:
    return ", ".join(f"{each.metric.label} {each.value:.1f}{each.metric.unit}" for each in scores)


def _published(rows: Sequence[Row]) -> list[tuple[str, str, str]]:
    """Each published result once: its name, what it was measured on, and its value."""
    found: dict[tuple[str, str, str], None] = {}
    for row in rows:
        for metric in row.record.metrics:
            for each in metric.references:
                kind = "published" if each.published else "not published"
                where = f"{kind}: {each.source}, {each.split}"
                value = f"{metric.label} {each.value:.1f}{metric.unit}"
                found[(each.name, where, value)] = None
    return list(found)
