"""Shared HTML of the page, built with ``markupsafe.Markup`` so that text is always escaped.

``Markup("<p>{}</p>").format(text)`` escapes ``text`` unless it is ``Markup`` itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from markupsafe import Markup


def join(parts: Iterable[str], separator: str = "") -> Markup:
    """The parts joined by the separator; plain strings are escaped."""
    return Markup(separator).join(parts)


# See ``links.js`` and ``language.js``.
BUTTONS = Markup(
    '<nav><button type="button" class="dl-copy" data-language lang="fr">Français</button>'
    '<button type="button" class="dl-copy" data-copy-link '
    'title="A link to this tab with your text and settings">Copy link</button>'
    '<button type="button" class="dl-copy" data-present '
    'title="Large type, question and answer only; Esc ends it">Present</button></nav>'
)


def header(untrained: bool) -> Markup:
    """The top of the page."""
    warning = Markup(
        '<p class="dl-untrained">Untrained: these are tiny models with random weights, so their '
        "answers are meaningless.</p>"
    )
    return Markup(
        '<header class="dl-header"><h1>dlnlp</h1>'
        "<p>Four trained NLP models to try out and look inside</p>{}{}</header>"
    ).format(warning if untrained else "", BUTTONS)


def intro(chapter: str, text: str, more: str = "") -> Markup:
    """The introduction of a tab.

    Args:
        more: What follows on a line of its own.
    """
    return Markup('<div class="dl-intro"><h2 class="dl-chapter">{}</h2><p>{}</p>{}</div>').format(
        chapter, text, more
    )


def own_model_button(stem: str) -> Markup:
    """A button that opens the tab for the visitor's own model with this tab's text."""
    return Markup(
        '<button type="button" class="dl-copy" data-own="{}">Look inside your own model</button>'
    ).format(stem)


def caption(text: str) -> Markup:
    """A line that explains a figure."""
    return Markup('<p class="dl-caption">{}</p>').format(text)


def note(text: str) -> Markup:
    """A remark in place of a result or above it."""
    return Markup('<p class="dl-note" role="status">{}</p>').format(text)


def fault(text: str) -> Markup:
    """An error in place of a result; a command after "run: " is shown as code."""
    message, _, command = text.partition(" run: ")
    shown = Markup("{} run:<code>{}</code>").format(message, command) if command else text
    return Markup('<p class="dl-fault" role="alert">{}</p>').format(shown)


def waiting(text: str) -> Markup:
    """Shown while something is computed."""
    return Markup('<p class="dl-note dl-loading" role="status">{}</p>').format(text)


def loading(title: str) -> Markup:
    """Shown while a model is loaded for the first time."""
    return waiting(f"Loading the model “{title}”. This happens once.")


def figures(named: Iterable[tuple[str, str]]) -> Markup:
    """A row of named values: (name, value)."""
    return Markup('<p class="dl-figures">{}</p>').format(
        join(Markup("<span>{} <b>{}</b></span>").format(*each) for each in named)
    )


def tint(colour: str, share: int) -> Markup:
    """A background colour of ``share`` percent opacity behind text, as a CSS declaration.

    Args:
        colour: A custom property of the style sheet, such as ``--dl-positive``.
        share: At most 75, so that the text can be read.
    """
    tinted = Markup("background:color-mix(in srgb, var({}-tint) {}%, transparent)")
    return tinted.format(colour, share)


def details(group: str, hint: str) -> Markup:
    """A group of pieces with details, and the line below it that shows those of the chosen one.

    Pieces have the attribute ``data-detail``; ``details.js`` lets visitors choose them by pointer,
    touch or arrow keys.

    Args:
        group: An element with the attributes of ``scrolling``.
        hint: What the line says until a piece is chosen.
    """
    return Markup('<div data-details>{}<output class="dl-caption">{}</output></div>').format(
        group, hint
    )


def table(
    head: Iterable[str], rows: Iterable[str], numbers: bool = True, name: str = "Table"
) -> Markup:
    """A table that scrolls sideways, whose first column stays in place.

    Args:
        head: The names of the columns; that of the first one may be empty.
        rows: Rows of ``row``.
        numbers: Whether the cells are numbers, which are aligned at the right.
        name: What it is, for screen readers.
    """
    return Markup(
        '<div class="dl-layers"{} {}><table><thead><tr>{}</tr></thead><tbody>{}</tbody>'
        "</table></div>"
    ).format(
        Markup(" data-numbers") if numbers else "",
        scrolling(name),
        join(Markup('<th scope="col">{}</th>').format(name) for name in head),
        join(rows),
    )


def scrolling(name: str) -> Markup:
    """Attributes of an element that scrolls, so that it can be scrolled with the keyboard, too."""
    return Markup('tabindex="0" role="group" aria-label="{}"').format(name)


def row(name: str, cells: Iterable[str]) -> Markup:
    """A row of a table, with ``<td>`` elements as cells."""
    return Markup('<tr><th scope="row">{}</th>{}</tr>').format(name, join(cells))


def signed_tint(share: float, strongest: int = 70) -> Markup:
    """The tint of a number from -1, towards negative, to 1, towards positive."""
    colour = "--dl-positive" if share > 0 else "--dl-negative"
    return tint(colour, round(strongest * min(1.0, abs(share))))


def verbatim(text: str) -> Markup:
    """A text of the visitor or of a model, which the page never translates (``language.js``)."""
    return Markup('<span translate="no">{}</span>').format(text)


def percent(probability: float) -> str:
    """A probability for readers, never rounded to 0% or 100%."""
    if probability > 0.999:
        return "over 99.9%"
    if probability < 0.001:
        return "under 0.1%"
    return f"{probability:.1%}"


def signed(number: float, plus: bool = False) -> str:
    """Two decimals with a proper minus sign, and with a plus sign on request."""
    return f"{number:{'+' if plus else ''}.2f}".replace("-", "−")


def change(number: float) -> str:
    """A change with its sign and two decimals, or "0" where it rounds to nothing."""
    return signed(number, plus=True) if abs(number) >= 0.005 else "0"


def card_text(markdown: str) -> str:
    """The Markdown of a model card, below the page's own heading and without the front matter."""
    text = re.sub(r"\A---\s*\n.*?\n---\s*\n", "", markdown, flags=re.DOTALL).strip()
    return re.sub(r"\A# ", "## ", text)
