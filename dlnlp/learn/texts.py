"""Read the chapters' texts, ``learn/<stem>.md``: guided steps, and questions with folded answers.

The same texts in French are ``learn/fr/<stem>.md``.

A text has the parts ``# Steps`` and ``# Questions``, whose ``##`` headings begin a step or a
question. Lines such as ``Picture: embedding`` are its settings; the rest is prose with `code`,
**bold** and *italic* words, $formulas$, and {placeholders} for numbers (see ``facts``).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup, escape

from dlnlp.learn.formulas import mathml

ROOT = Path(__file__).resolve().parent.parent.parent / "learn"
FOLDERS = {"en": ROOT, "fr": ROOT / "fr"}
UNKNOWN = Markup('<span title="Unknown without the model’s checkpoint">…</span>')
_HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
_SETTING = re.compile(r"^(Picture|Live|Try|Answer): *(.*)$", re.MULTILINE)
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_FORMULA = re.compile(r"\$\$(.+?)\$\$|\$(.+?)\$", re.DOTALL)
_INLINE = (
    (re.compile(r"`([^`]+)`"), r"<code>\1</code>"),
    (re.compile(r"\*\*([^*]+)\*\*"), r"<strong>\1</strong>"),
    (re.compile(r"\*([^*]+)\*"), r"<em>\1</em>"),
)


@dataclass(frozen=True)
class Link:
    """A panel of the tab: the end of the HTML id of its accordion, and its title."""

    panel: str
    title: str


@dataclass(frozen=True)
class Step:
    """One step of the tour; ``picture`` is "shapes", a module, or "function: variable"."""

    title: str
    text: str
    picture: str
    live: Link | None = None


@dataclass(frozen=True)
class Trial:
    """A button that sets components of the tab, by the ends of their HTML ids.

    ``opens`` are panels to open; ``press`` is the button to press afterwards.
    """

    label: str
    values: Mapping[str, str]
    opens: tuple[str, ...] = ()
    press: str = "run"


@dataclass(frozen=True)
class Question:
    """A question with what to try and look for, and its answer."""

    title: str
    text: str
    trials: tuple[Trial, ...]
    answer: str


@dataclass(frozen=True)
class Guide:
    """The text of a chapter."""

    steps: tuple[Step, ...]
    questions: tuple[Question, ...]


@functools.cache
def guide(stem: str, language: str = "en") -> Guide:
    """The text of a chapter, in English ("en") or French ("fr").

    Raises:
        ValueError: The file is not as described above.
    """
    return parsed((FOLDERS[language] / f"{stem}.md").read_text(encoding="utf-8"))


def parsed(markdown: str) -> Guide:
    """The guide that a text describes.

    Raises:
        ValueError: A part or a setting is missing or unknown.
    """
    _, found, rest = markdown.partition("# Steps\n")
    steps, also, questions = rest.partition("\n# Questions\n")
    if not found or not also:
        raise ValueError('A text needs the headings "# Steps" and "# Questions".')
    return Guide(
        tuple(_step(title, body) for title, body in _sections(steps)),
        tuple(_question(title, body) for title, body in _sections(questions)),
    )


def _sections(markdown: str) -> list[tuple[str, str]]:
    _, *parts = _HEADING.split(markdown)
    return list(zip(parts[::2], parts[1::2], strict=True))


def _settings(title: str, body: str, needed: str) -> tuple[str, dict[str, list[str]]]:
    """The prose of a section, and the values of its settings."""
    found: dict[str, list[str]] = {}
    for name, value in _SETTING.findall(body):
        found.setdefault(name, []).append(value.strip())
    if needed not in found:
        raise ValueError(f'The section "{title}" has no line "{needed}: …".')
    return _SETTING.sub("", body).strip(), found


def _step(title: str, body: str) -> Step:
    prose, settings = _settings(title, body, "Picture")
    live = None
    if "Live" in settings:
        panel, _, name = settings["Live"][0].partition("|")
        live = Link(panel.strip(), name.strip())
    return Step(title, prose, settings["Picture"][0], live)


def _question(title: str, body: str) -> Question:
    before, found, answer = body.partition("\nAnswer:")
    if not found:
        raise ValueError(f'The question "{title}" has no line "Answer:".')
    prose, settings = _settings(title, before, "Try")
    return Question(title, prose, tuple(map(_trial, settings["Try"])), answer.strip())


def _trial(line: str) -> Trial:
    """A trial as it is written: ``label | text = …; temperature = 1; open = gates``."""
    label, _, rest = line.partition("|")
    values, opens, press = {}, [], "run"
    for each in filter(None, map(str.strip, rest.split(";"))):
        name, equals, value = (part.strip() for part in each.partition("="))
        if not equals:
            raise ValueError(f'"{each}" must be "name = value".')
        if name == "open":
            opens.append(value)
        elif name == "press":
            press = value
        else:
            values[name] = value
    return Trial(label.strip(), values, tuple(opens), press)


def placeholders(text: str) -> list[str]:
    """The names of the placeholders in a text, outside of its formulas."""
    return _PLACEHOLDER.findall(_FORMULA.sub(" ", text))


def html(text: str, known: Mapping[str, str]) -> Markup:
    """Prose as paragraphs.

    Args:
        known: The values of placeholders; the others are shown as unknown.
    """
    return Markup("").join(_paragraph(each, known) for each in text.split("\n\n"))


def _paragraph(text: str, known: Mapping[str, str]) -> Markup:
    if text.startswith("$$"):
        return Markup("<p>{}</p>").format(mathml(text.strip().strip("$").strip(), block=True))
    parts, end = [], 0
    for match in _FORMULA.finditer(text):
        parts += [_prose(text[end : match.start()], known), mathml(match[2])]
        end = match.end()
    parts.append(_prose(text[end:], known))
    return Markup("<p>{}</p>").format(Markup("").join(parts))


def _prose(text: str, known: Mapping[str, str]) -> Markup:
    marked = str(escape(text))
    for pattern, replacement in _INLINE:
        marked = pattern.sub(replacement, marked)
    filled = _PLACEHOLDER.sub(lambda m: str(escape(known.get(m[1], UNKNOWN))), marked)
    return Markup(filled)  # every part of it was escaped
