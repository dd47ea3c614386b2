"""The curves of one or two training runs, drawn as SVG by the server."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from dlnlp.service.training_run import Training
from dlnlp.training.progress import Histogram, Settings
from dlnlp.ui.kit.markup import join, signed

POINTS = 150  # of a curve; more steps are averaged
Curve = list[tuple[float, float]]
LOSS, HELD_OUT, ACCURACY = "loss", "held-out loss", "held-out accuracy"
NAMES = {
    "learning_rate": "learning rate",
    "epochs": "epochs",
    "width": "width",
    "seed": "seed",
    "patience": "early stopping",
    "pretrained": "trained embeddings",
}


def curves(current: Training, previous: Training | None = None) -> Markup:
    """Loss, held-out loss and held-out accuracy by step; those of an earlier run are pale."""
    drawn = [(kind, curve, "") for kind, curve in of(current).items()]
    if previous:
        drawn = [(kind, curve, " dl-earlier") for kind, curve in of(previous).items()] + drawn
    last = max((curve[-1][0] for _, curve, _ in drawn if curve), default=1.0)
    top = max((y for kind, curve, _ in drawn if kind != ACCURACY for _, y in curve), default=1.0)
    has_accuracy = any(kind == ACCURACY and curve for kind, curve, _ in drawn)
    lines = join(
        _line(curve, last, 1.0 if kind == ACCURACY else top, f"dl-{kind.replace(' ', '-')}{more}")
        for kind, curve, more in drawn
        if curve
    )
    right = _axis(["100%", "50%", "0%"]) if has_accuracy else ""
    return Markup(
        '<figure class="dl-curves" role="img" aria-label="{}"><div>{}'
        '<svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">'
        '<path class="dl-grid" d="M0 0H100M0 50H100M0 100H100"/>{}</svg>{}</div>'
        "<p><span>step 1</span><span>{:,.0f}</span></p>"
        "<figcaption>{}</figcaption></figure>"
    ).format(
        spoken(current),
        _axis([_number(top), _number(top / 2), "0"]),
        lines,
        right,
        last,
        _legend(has_accuracy, bool(of(current)[HELD_OUT]), current, previous),
    )


def of(training: Training) -> dict[str, Curve]:
    """The curves of a run, as (step, value)."""
    losses = [(float(step), loss) for step, loss in enumerate(training.losses, 1)]
    return {
        LOSS: _thinned(losses),
        HELD_OUT: _thinned([(float(step), loss) for step, loss, _ in training.held_out]),
        ACCURACY: _thinned([(float(step), share) for step, _, share in training.held_out]),
    }


def _thinned(curve: Curve) -> Curve:
    """At most ``POINTS`` points: the means of neighbours."""
    size = -(-len(curve) // POINTS) or 1
    parts = [curve[i : i + size] for i in range(0, len(curve), size)]
    return [(part[-1][0], sum(y for _, y in part) / len(part)) for part in parts]


def _line(curve: Curve, last: float, top: float, classes: str) -> Markup:
    points = [
        f"{100 * (x - 1) / max(1.0, last - 1):.2f} {100 - 100 * y / (top or 1.0):.2f}"
        for x, y in curve
    ]
    if len(points) == 1:  # a line to the point itself, which a round cap makes visible
        points *= 2
    return Markup('<path class="{}" d="M{}"/>').format(classes, "L".join(points))


def _axis(labels: Sequence[str]) -> Markup:
    return Markup("<ol>{}</ol>").format(join(Markup("<li>{}</li>").format(x) for x in labels))


def _number(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:,.0f}"


def _legend(
    has_accuracy: bool, has_held_out: bool, current: Training, previous: Training | None
) -> Markup:
    shown = [LOSS, *([HELD_OUT] if has_held_out else []), *([ACCURACY] if has_accuracy else [])]
    entries = [
        Markup('<span><i class="dl-{}"></i>{}</span>').format(name.replace(" ", "-"), name)
        for name in shown
    ]
    if previous:
        differs = difference(previous.settings, current.settings)
        text = Markup("<span><span>pale: your previous run</span> (<span>{}</span>)</span>")
        entries.append(text.format(differs))
        if previous.data != current.data:
            counts = f"{previous.data['rows']:,}, now {current.data['rows']:,}"
            remark = f"That run had other rows ({counts}): do not compare its losses with these."
            entries.append(Markup("<span>{}</span>").format(remark))
    return join(entries)


def difference(one: Settings, other: Settings) -> str:
    """The settings of ``one`` that differ from those of ``other``."""
    found = [
        f"{NAMES[name]} {_said(name, value)}"
        for name, value in vars(one).items()
        if value != getattr(other, name)
    ]
    return ", ".join(found) or "the same settings"


def _said(name: str, value: object) -> str:
    if name == "patience" and not value:
        return "off"
    return ("off", "on")[value] if isinstance(value, bool) else f"{value:g}"


def spoken(training: Training) -> str:
    """What the curves show, in words."""
    if not training.losses:
        return "No training step has run yet."
    text = f"The loss went from {training.losses[0]:.3f} to {training.losses[-1]:.3f}"
    text += f" in {len(training.losses):,} steps"
    if training.evaluation:
        _, loss, accuracy = training.evaluation
        text += f"; the held-out loss is {loss:.3f} and the held-out accuracy {accuracy:.1%}"
    return text + "."


def histograms(found: Sequence[Histogram]) -> Markup:
    """The distributions of weights, one small chart each."""
    return Markup('<div class="dl-histograms">{}</div>').format(join(map(_histogram, found)))


def _histogram(found: Histogram) -> Markup:
    most, count = max(found.counts, default=1) or 1, len(found.counts) or 1
    bars = join(
        Markup('<rect x="{:.2f}" y="{:.2f}" width="{:.2f}" height="{:.2f}"/>').format(
            100 * i / count, 100 - 100 * each / most, 90 / count, 100 * each / most
        )
        for i, each in enumerate(found.counts)
    )
    return Markup(
        '<figure role="img" aria-label="Weights of “{name}”, from {low} to {high}">'
        '<figcaption translate="no">{name}</figcaption>'
        '<svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">{bars}</svg>'
        "<p><span>{low}</span><span>{high}</span></p></figure>"
    ).format(name=found.name, low=signed(found.low), high=signed(found.high), bars=bars)
