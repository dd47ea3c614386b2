"""The tutorial's listing beside our code, with its errors marked, explained, repaired and run."""

from __future__ import annotations

from collections.abc import Collection

from markupsafe import Markup

from dlnlp.learn.corrections import CORRECTIONS, Correction, edited, listing, ours
from dlnlp.learn.running import Outcome, run
from dlnlp.ui.kit.markup import caption, join, verbatim

ABOUT = (
    "The listing below follows the tutorial's and keeps its errors, which are numbered. "
    "Run it to see what happens, then repair errors one by one and run it again."
)
TINY = (
    "Nothing is downloaded: a tiny BERT with random weights takes the place of the Hub's, so its "
    "loss and accuracy say nothing about the real one."
)
NO_REPAIR = "It takes more than a few lines to repair, so there is no switch for it."
AROUND = 5  # lines of ours shown around a marked one
RUNS = "Runs for a second or two on the tutorial's few examples."


def tutorial(stem: str) -> Markup:
    """Both listings, the errors with a switch to repair each, and the button that runs it."""
    found = CORRECTIONS[stem]
    return Markup(
        '<details class="dl-tutorial"><summary>The tutorial, corrected: {} errors</summary>{}'
        '<div class="dl-listings"><figure><figcaption>The tutorial</figcaption>{}</figure>'
        "<figure><figcaption>Ours: <code>dlnlp/models/{}/model.py</code></figcaption>{}</figure>"
        '</div><ol class="dl-errors">{}</ol>'
        '<p><button type="button" class="dl-copy" data-run>Run the tutorial’s version</button></p>'
        "{}</details>"
    ).format(
        len(found),
        caption(ABOUT),
        _listing(stem),
        stem,
        _ours(stem),
        join(_error(i, each) for i, each in enumerate(found)),
        caption(f"{TINY} {RUNS}" if "bert" in listing(stem) else RUNS),
    )


def _listing(stem: str) -> Markup:
    """The lines of the listing; the edited ones twice, of which one is hidden."""
    lines = []
    for line in listing(stem).split("\n"):
        number = badge = None
        for i, each in enumerate(CORRECTIONS[stem]):
            if line.strip() == each.line:
                badge = i
            if edited(line, each.edits) is not None:
                number = i
        lines.append(_line(stem, line, badge, number))
    return Markup('<pre tabindex="0">{}</pre>').format(join(lines))


def _line(stem: str, line: str, badge: int | None, number: int | None) -> Markup:
    mark = _badge(badge) if badge is not None else Markup("")
    if number is None:
        shown = Markup("<mark>{}</mark>").format(line) if mark else line
        return Markup("<span>{}{}\n</span>").format(mark, shown)
    right = edited(line, CORRECTIONS[stem][number].edits)
    return Markup(
        '<span data-wrong="{0}">{1}<mark>{2}</mark>\n</span>'
        '<span data-right="{0}" hidden>{1}<ins>{3}</ins>\n</span>'
    ).format(number, mark, line, right)


def _badge(index: int) -> Markup:
    return Markup('<b class="dl-badge" aria-label="Error {0}">{0}</b>').format(index + 1)


def _ours(stem: str) -> Markup:
    """The parts of our file around the lines that the errors are about, which are marked."""
    lines = ours(stem).split("\n")
    marks = {
        i: [n for n, each in enumerate(CORRECTIONS[stem]) if each.here and each.here in line]
        for i, line in enumerate(lines)
    }
    near = [i for i in marks if any(marks.get(i + by) for by in range(-AROUND, AROUND + 1))]
    shown = []
    for before, i in zip([None, *near], near, strict=False):
        if before is not None and i > before + 1:
            shown.append(Markup("<span>…\n</span>"))
        line = Markup("<ins>{}</ins>").format(lines[i]) if marks[i] else lines[i]
        shown.append(Markup("<span>{}{}\n</span>").format(join(map(_badge, marks[i])), line))
    return Markup('<pre tabindex="0">{}</pre>').format(join(shown))


def _error(index: int, error: Correction) -> Markup:
    switch = Markup(" <small>{}</small>").format(NO_REPAIR)
    if error.edits:
        switch = Markup(' <label><input type="checkbox" data-repair="{}"> Repair</label>').format(
            index
        )
    return Markup("<li>{} {} <small>Ours: {}</small>{}</li>").format(
        _badge(index), error.wrong, error.ours, switch
    )


def outcome(stem: str, repairs: Collection[int]) -> Markup:
    """What the listing prints with these errors repaired.

    Raises:
        ValueError: There is no error with such an index.
    """
    return report(stem, run(stem, repairs), repairs)


def report(stem: str, found: Outcome, repairs: Collection[int]) -> Markup:
    """The printed lines, the error that ended the run, and the errors that remain."""
    said = Markup("<pre>{}</pre>").format(found.printed.rstrip("\n")) if found.printed else ""
    ended = Markup("")
    if found.error:
        ended = Markup('<p class="dl-fault" role="alert">{}<code>{}</code></p>').format(
            verbatim(found.error) if found.line else found.error, found.line
        )
    return Markup('<section class="dl-ran"><h4>{}</h4>{}{}{}</section>').format(
        _title(stem, repairs), said, ended, _remaining(stem, found)
    )


def _title(stem: str, repairs: Collection[int]) -> str:
    count, total = len(set(repairs)), len(CORRECTIONS[stem])
    return f"The tutorial’s version with {count or 'none'} of {total} errors repaired"


def _remaining(stem: str, found: Outcome) -> Markup:
    if found.error:
        return caption("The run ended at this line, so it does not show later errors.")
    wrong = [i for i, shows in enumerate(found.faults) if shows]
    if not wrong:
        return caption("No error is left.")
    about = join(
        (Markup("{} {}").format(_badge(i), CORRECTIONS[stem][i].wrong) for i in wrong), " "
    )
    return Markup('<p class="dl-caption">It runs to the end, but is still wrong: {}</p>').format(
        about
    )
