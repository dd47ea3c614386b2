"""What every view is made of."""

from __future__ import annotations

import re
from html import escape


def header(untrained: bool) -> str:
    """The top of the page."""
    warning = (
        '<p class="dl-untrained">Untrained: these are tiny random models, so their answers '
        "mean nothing.</p>"
        if untrained
        else ""
    )
    return (
        '<header class="dl-header"><h1>dlnlp</h1>'
        "<p>Four models from a tutorial on deep learning for language, trained, to try out and "
        f"to look inside of.</p>{warning}</header>"
    )


def intro(chapter: str, text: str) -> str:
    """The first lines of a tab."""
    return (
        f'<div class="dl-intro"><span class="dl-chapter">{escape(chapter)}</span>'
        f"<p>{escape(text)}</p></div>"
    )


def caption(text: str) -> str:
    """A line that says what the picture below it shows."""
    return f'<p class="dl-caption">{escape(text)}</p>'


def note(text: str) -> str:
    """A remark in the place of a result, or above one."""
    return f'<p class="dl-note" role="status">{escape(text)}</p>'


def fault(text: str) -> str:
    """An error in the place of a result; the command that mends it stands out."""
    shown = re.sub(r"\brun: (.+)\Z", r"run:<code>\1</code>", escape(text), flags=re.DOTALL)
    return f'<p class="dl-fault" role="alert">{shown}</p>'


def waiting(text: str) -> str:
    """Shown while something is computed."""
    return f'<p class="dl-note dl-loading" role="status">{escape(text)}</p>'


def loading(title: str) -> str:
    """Shown while a model is loaded for the first time."""
    return waiting(f"Loading the model “{title}”… this happens once.")


def percent(probability: float) -> str:
    """A probability for people, never rounded to certainty."""
    if probability > 0.999:
        return "over 99.9%"
    if probability < 0.001:
        return "under 0.1%"
    return f"{probability:.1%}"


def signed(number: float, plus: bool = False) -> str:
    """Two decimals, with a real minus sign, and a plus sign where it is asked for."""
    return f"{number:{'+' if plus else ''}.2f}".replace("-", "−")


def column(title: str, body: str) -> str:
    """A titled column around HTML that a view made."""
    return f'<article class="dl-column"><h3>{escape(title)}</h3>{body}</article>'


def card(markdown: str) -> str:
    """A model card's Markdown without the YAML in front of it."""
    return re.sub(r"\A---\s*\n.*?\n---\s*\n", "", markdown, flags=re.DOTALL).strip()
