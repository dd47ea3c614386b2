"""Turn formulas of LaTeX's mathematics into MathML, which browsers draw without a script.

Only what the texts of ``learn/`` use is known. KaTeX, which Gradio's Markdown has, would need a
component of its own for each text and a megabyte of fonts.
"""

from __future__ import annotations

import re

from markupsafe import Markup, escape

_TOKEN = re.compile(r"\\[a-zA-Z]+|\\.|\d+(?:\.\d+)?|[^\s]")
_SYMBOLS = {
    "sigma": "σ",
    "theta": "θ",
    "alpha": "α",
    "tau": "τ",
    "cdot": "·",
    "odot": "⊙",
    "times": "×",
    "top": "⊤",
    "sum": "∑",
    "max": "max",
    "le": "≤",
    "to": "→",
    "ldots": "…",
    "infty": "∞",
    "tanh": "tanh",
    "sin": "sin",
    "cos": "cos",
    "exp": "exp",
    "log": "log",
    "quad": "\u2003",
}


def mathml(formula: str, block: bool = False) -> Markup:
    """The formula as a ``<math>`` element.

    Args:
        block: Whether it stands on a line of its own.

    Raises:
        ValueError: It has a command that is not known, or its braces do not match.
    """
    reader = _Reader(_TOKEN.findall(formula), formula)
    row = reader.row()
    if reader.tokens:
        raise ValueError(f"The braces of {formula!r} do not match.")
    display = Markup(' display="block"') if block else ""
    return Markup('<math{} aria-label="{}">{}</math>').format(display, formula, row)


class _Reader:
    """Reads tokens from the front; every method returns MathML."""

    def __init__(self, tokens: list[str], formula: str) -> None:
        self.tokens, self.formula = tokens, formula

    def row(self) -> Markup:
        """Atoms up to the end or a closing brace."""
        atoms = []
        while self.tokens and self.tokens[0] != "}":
            atoms.append(self.scripted())
        return Markup("<mrow>{}</mrow>").format(Markup("").join(atoms))

    def scripted(self) -> Markup:
        """An atom with its subscript and superscript."""
        base, scripts = self.atom(), {}
        while self.tokens and self.tokens[0] in ("_", "^"):
            kind = self.tokens.pop(0)
            scripts[kind] = self.atom()
        if len(scripts) == 2:
            return Markup("<msubsup>{}{}{}</msubsup>").format(base, scripts["_"], scripts["^"])
        for kind, script in scripts.items():
            tag = Markup("msub" if kind == "_" else "msup")
            return Markup("<{0}>{1}{2}</{0}>").format(tag, base, script)
        return base

    def atom(self) -> Markup:
        """One symbol, group or command with its arguments."""
        if not self.tokens:
            raise ValueError(f"The formula {self.formula!r} ends too early.")
        part = self.tokens.pop(0)
        if part == "{":
            return self.group()
        if part == "\\frac":
            return Markup("<mfrac>{}{}</mfrac>").format(self.atom(), self.atom())
        if part == "\\sqrt":
            return Markup("<msqrt>{}</msqrt>").format(self.atom())
        if part in ("\\mathrm", "\\text"):
            return self.name()
        if part.startswith("\\"):
            if part[1:] not in _SYMBOLS:
                raise ValueError(f"The command {part} of {self.formula!r} is not known.")
            symbol = _SYMBOLS[part[1:]]
            word = len(symbol) > 1
            return Markup("<mi>{}</mi>" if word or symbol.isalpha() else "<mo>{}</mo>").format(
                symbol
            )
        if part[0].isdigit():
            return Markup("<mn>{}</mn>").format(part)
        tag = "mi" if part.isalpha() else "mo"
        return Markup(f"<{tag}>{escape(part)}</{tag}>")

    def group(self) -> Markup:
        """A row up to its closing brace."""
        found = self.row()
        if not self.tokens:
            raise ValueError(f"A brace of {self.formula!r} is not closed.")
        self.tokens.pop(0)
        return found

    def name(self) -> Markup:
        """A word in upright letters."""
        letters: list[str] = []
        for part in self.tokens[1:]:
            if part == "}":
                break
            letters.append(part)
        del self.tokens[: len(letters) + 2]
        return Markup('<mi mathvariant="normal">{}</mi>').format("".join(letters))
