"""What the page shows of a training run: its state, figures, answer, curves and histograms."""

from __future__ import annotations

from markupsafe import Markup

from dlnlp.results import Sentiment
from dlnlp.service.training import MOST_RUNNING, Trainings
from dlnlp.service.training_run import ENDED, FAILED, PAUSED, RUNNING, STARTING, Training
from dlnlp.training.progress import EARLY, FINISHED, STOPPED, TIMED_OUT, Answer, Progress
from dlnlp.ui.kit.markup import fault, figures, join, note, percent, waiting
from dlnlp.ui.panels.verdict import scale
from dlnlp.ui.training.curves import curves, histograms

NONE = "Press Train: the curves and the model's answer to your sentence will appear here."
ENDS = {
    FINISHED: "Finished.",
    STOPPED: "Stopped; the weights so far are kept.",
    EARLY: "Stopped early, because the held-out loss no longer fell; the best weights are kept.",
    TIMED_OUT: "Stopped at the time limit; the weights so far are kept.",
}


def status(trainings: Trainings, training: Training) -> Markup:
    """The state of a run in a sentence."""
    if place := trainings.place(training):
        return waiting(
            f"Waiting: position {place} in the queue; this server trains {MOST_RUNNING} at a time."
        )
    if training.state == FAILED:
        return fault(training.error)
    if training.state == ENDED and training.progress:
        return note(ENDS.get(training.progress.end, ""))
    return {
        STARTING: waiting("Starting…"),
        RUNNING: waiting("Training…"),
        PAUSED: note("Paused. Step runs one training step; Resume continues."),
    }.get(training.state, waiting("Waiting…"))


def report(training: Training | None, previous: Training | None = None) -> Markup:
    """The figures, the answer and the curves of a run."""
    if training is None or training.progress is None:
        return Markup("")
    found = training.progress
    parts = [numbers(training, found)]
    if found.answer:
        parts.append(answer(found.sentence, found.answer))
    if training.losses:
        parts.append(curves(training, previous))
    if training.wants_histogram and found.histograms:
        parts.append(histograms(found.histograms))
    return Markup('<div class="dl-training">{}</div>').format(join(parts))


def numbers(training: Training, found: Progress) -> Markup:
    """Step, epoch, losses, accuracy and time."""
    named = [("step", f"{found.step:,} of {found.steps:,}"), ("epoch", f"{found.epoch:,}")]
    if training.losses:
        named.append(("loss", f"{training.losses[-1]:.4f}"))
    if training.evaluation:
        _, loss, accuracy = training.evaluation
        named += [("held-out loss", f"{loss:.4f}"), ("held-out accuracy", f"{accuracy:.1%}")]
    return figures([*named, ("seconds", f"{found.seconds:.1f}")])


def answer(sentence: str, found: Answer) -> Markup:
    """The model's answer to the reader's sentence."""
    if found.probability is None:
        return Markup(
            '<section class="dl-verdict"><p class="dl-caption">“{}”</p>'
            '<p class="dl-text">{}</p></section>'
        ).format(sentence, found.text)
    verdict = Sentiment(sentence, found.probability).verdict
    return Markup(
        '<section class="dl-verdict dl-{}"><p class="dl-caption">“{}”</p>'
        '<div class="dl-verdict-head"><strong>{}</strong>'
        "<span>probability of positive: <b>{}</b></span></div>{}</section>"
    ).format(
        verdict, sentence, verdict.upper(), percent(found.probability), scale(found.probability)
    )
