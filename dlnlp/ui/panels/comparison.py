"""The verdicts of all sentiment models on one text, with their costs and attributions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import gradio as gr
from markupsafe import Markup

from dlnlp import catalog
from dlnlp.compare import models
from dlnlp.compare.models import Cost, Score
from dlnlp.results import Attribution, Sentiment
from dlnlp.service import Service
from dlnlp.service.errors import sentence
from dlnlp.ui.kit.markup import caption, fault, join, percent, signed, verbatim
from dlnlp.ui.kit.model import Model
from dlnlp.ui.kit.panels import Asked, Panel, Values
from dlnlp.ui.panels.verdict import verdict
from dlnlp.ui.panels.words import full_tint, tinted_words

BLANK = "Type a text to see the verdicts of all models."
ABOUT = (
    "Contributions to the logit of positive, by integrated gradients, on one scale: blue towards "
    "positive, orange towards negative."
)
DIFFERENCE = "{} minus {}"
UNKNOWN = "unknown"
DIFFERENT = 8  # words in the table of the largest differences


def comparison_panel(service: Service, asked: Asked) -> Panel:
    """One column per model; whether they agree comes first, their attributions last.

    The models run one after the other, so that their times do not influence each other.
    """
    with Panel(Model(service, models.MODELS[-1]), asked, "comparison", blank=BLANK) as panel:
        result = gr.HTML(elem_id="compare_result", elem_classes="dl-result")

    def show(text: str) -> Iterator[Values]:
        verdicts: dict[str, Sentiment] = {}
        costs: dict[str, Cost] = {}
        faults: dict[str, str] = {}
        for stem in models.MODELS:
            try:
                verdicts[stem], costs[stem] = models.measured(service, stem, text)
            except Exception as error:  # an error of one model must not hide the others' answers
                faults[stem] = sentence(error)
            yield {result: comparison(verdicts, faults)}
        explained = models.explained(service, verdicts, text)
        scores = {stem: models.known_scores(service.registry, stem) for stem in costs}
        yield {
            result: comparison(verdicts, faults) + attributions(explained) + facts(costs, scores)
        }

    return panel.shows(show, outputs=[result])


def comparison(verdicts: Mapping[str, Sentiment], faults: Mapping[str, str]) -> Markup:
    """Whether the models agree, and each model's verdict or error."""
    shown = {
        stem: verdict(verdicts[stem]) if stem in verdicts else fault(faults[stem])
        for stem in models.MODELS
        if stem in verdicts or stem in faults
    }
    row = Markup('<section id="compare_{}" class="dl-compared"><h3>{}</h3>{}</section>')
    return Markup('{}<div class="dl-compare">{}</div>').format(
        agreement(verdicts),
        join(row.format(stem, catalog.record(stem).title, each) for stem, each in shown.items()),
    )


def agreement(verdicts: Mapping[str, Sentiment]) -> Markup:
    """A sentence on whether the models have the same verdict; empty for fewer than two."""
    if len(verdicts) < 2:
        return Markup("")
    if models.agreed(verdicts):
        text = f"The models agree: {next(iter(verdicts.values())).verdict}."
        return Markup('<p class="dl-agreement">{}</p>').format(text)
    each = (
        f"{catalog.record(stem).title}: {found.verdict} ({percent(found.positive)} positive)"
        for stem, found in verdicts.items()
    )
    return Markup(
        '<p class="dl-agreement dl-disagreement"><strong>The models disagree.</strong> {}</p>'
    ).format("; ".join(each))


def facts(costs: Mapping[str, Cost], scores: Mapping[str, Sequence[Score]]) -> Markup:
    """A table with a column per model: time, size and quality beside a published reference."""
    if not costs:
        return Markup("")
    rows = [("time (median)", [f"{each.milliseconds:.1f} ms" for each in costs.values()])]
    loading = [each.loading_seconds for each in costs.values()]
    if any(seconds is not None for seconds in loading):
        rows.append(("loading, once", ["" if s is None else f"{s:.1f} s" for s in loading]))
    parameters = [each.parameters for each in costs.values()]
    sizes = [each.bytes for each in costs.values()]
    rows += [
        ("parameters", [UNKNOWN if n is None else f"{n:,}" for n in parameters]),
        ("size on disk", [UNKNOWN if n is None else f"{n / 1e6:.1f} MB" for n in sizes]),
        *_quality([scores.get(stem, ()) for stem in costs]),
    ]
    head = join(Markup("<th>{}</th>").format(catalog.record(stem).title) for stem in costs)
    body = join(_row(name, cells) for name, cells in rows)
    return Markup(
        '<section class="dl-words dl-costs"><h3>Cost and quality</h3>'
        "<table><tr><td></td>{}</tr>{}</table></section>"
    ).format(head, body)


def _quality(scores: Sequence[Sequence[Score]]) -> list[tuple[str, list[str]]]:
    """A row with the first metric of each model, if it is the same one for all; or no row."""
    metrics = {each[0].metric.key: each[0].metric for each in scores if each}
    if len(metrics) != 1:
        return []
    [metric] = metrics.values()
    values = [f"{each[0].value:.1f}{metric.unit}" if each else UNKNOWN for each in scores]
    references = ", ".join(
        f"{each.name} {each.value:.1f}" for each in metric.references if each.published
    )
    label = f"{metric.label} (published: {references})" if references else metric.label
    return [(label, values)]


def _row(name: str, cells: Sequence[str]) -> Markup:
    row = join(Markup("<td>{}</td>").format(cell) for cell in (name, *cells))
    return Markup("<tr>{}</tr>").format(row)


def attributions(found: Mapping[str, Attribution]) -> Markup:
    """The text once per model, tinted on one scale, and the differences if there are two."""
    if not any(len(each.words) for each in found.values()):
        return Markup("")
    shown = {catalog.record(stem).title: each for stem, each in found.items()}
    rows = models.same_words(found)
    titles = list(shown)
    if len(shown) == 2:
        first, second = shown.values()
        if first.starts == second.starts:
            name = DIFFERENCE.format(*titles)
            shown[name] = Attribution(
                first.text, first.words, first.starts, first.scores - second.scores, first.method
            )
    peak = full_tint([float(score) for each in shown.values() for score in each.scores])
    text = Markup('<h3>{}</h3><p class="dl-text">{}</p>')
    return Markup('<section class="dl-words">{}{}{}</section>').format(
        caption(ABOUT),
        join(text.format(title, tinted_words(each, peak)) for title, each in shown.items()),
        _differences(titles, rows),
    )


def _differences(titles: list[str], rows: list[tuple[str, dict[str, float]]]) -> Markup:
    """A table of the words on which the models differ most."""
    known = [(word, list(scores.values())) for word, scores in rows]
    largest = sorted(known, key=lambda row: min(row[1]) - max(row[1]))[:DIFFERENT]
    head = join(Markup("<th>{}</th>").format(title) for title in ("word", *titles))
    body = join(
        _row(verbatim(word), [signed(score, plus=True) for score in scores])
        for word, scores in largest
    )
    return Markup(
        "<details><summary>Words on which the models differ most, in logits</summary>"
        "<table><tr>{}</tr>{}</table></details>"
    ).format(head, body)
