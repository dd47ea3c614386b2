"""The entries of fr.json: complete for errors, typographically right, and none that is unused."""

import ast
import importlib
import json
import re
from pathlib import Path

from dlnlp import catalog
from dlnlp.learn.texts import guide
from dlnlp.ui import theme

ROOT = Path(__file__).resolve().parents[2]
FRENCH = json.loads((theme.LOCALES / "fr.json").read_text(encoding="utf-8"))
HOLE = re.compile(r"\{\d+(?:!r)?\}")
# As in ``language.js``.
QUOTED = r"“[^”]*”|(?<!\w)(?:'[^'\n]*'|\"[^\"\n]*\")(?!\w)"
NUMBER = r"(?<![\w.,-])[+−-]?\d+(?:[.,]\d+)*(?!\w)"
# The texts of Gradio itself, which no source of ours has.
GRADIO = {
    "Use via API",
    "Settings",
    "Gradio footer navigation",
    "Radio",
    "Reset to default value",
    "Clear",
    "Code",
    "Table actions",
    "Copy table data",
    "Fullscreen",
    "Dataframe",
    "Filter...",
    "Enter text to filter the table",
    "Drop CSV or TSV files here to import data into dataframe",
    "Open cell menu",
    "File upload",
    "Click to Upload",
    "Click to upload or drop files",
    "Drop File Here",
    "- or -",
    "In queue: {0} of {1}",
    "Loading",
    "Empty value",
    "Complete",
    "Plot",
    "Text",
    "Uploading {0} file...",
    "Stop Recording",
}
SLIDER = re.compile(r"^(number input|range slider) for ")
# Whose errors a visitor of the page can meet.
RAISING = (
    "hub/*",
    "compare/*",
    "ui/kit/own",
    "ui/panels/*",
    "service/queues",
    "service/training*",
    "training/exercises",
    "training/learner",
    "training/progress",
    "ui/training/*",
    "inference/deadline",
)
# Errors that only programmers meet, and those that are put together from parts.
EXCEPT = (
    "DLNLP_HUB must", "DLNLP_HUB_MEGABYTES must", "weights must be", "layers of",
    "The label must be one of", "There are", "choose one of", "no exercise has",
    "\0 must be a whole number", "\0: ", "\0 \0",
)  # fmt: skip


def masked(text):
    """The key of a text, with each hole as {}."""
    return re.sub(f"{QUOTED}|{NUMBER}|{HOLE.pattern}|\0", "{}", text)


def test_a_french_text_has_the_holes_of_the_english_one():
    for english, french in FRENCH.items():
        holes = {hole.replace("!r", "") for hole in HOLE.findall(french)}
        assert holes == set(HOLE.findall(english)), english
        assert masked(re.sub(QUOTED, "", english)) == masked(
            HOLE.sub("\0", re.sub(QUOTED, "", english))
        )


def test_french_punctuation_has_its_spaces():
    for french in FRENCH.values():
        shown = re.sub(r"!r|%\{[^}]*\}|<[^>]*>|hf:|https?:|rgb\(", "", french)
        assert not re.search(r" [:;?!»%]|« |«(?!\u00a0)|(?<!\u00a0)»", shown), french
        assert not re.search(r"[^\s\u00a0.][;?!]|\w%|'", shown), french


TAG = r"</?[a-z][^>]*>"


def pieces():
    """The parts of all texts in the sources, without spaces, split at holes and separators."""
    found = set()
    for text in texts():
        for splitter in (TAG, r'"'):  # the contents of elements, and attributes
            for part in re.split(splitter, text):
                parts = re.split(r"(?<![%$])\{[^{}]*\}|(?<=[.?!…]) |[“”]", part)
                found.update(each for part in parts for each in (part, *re.split(NUMBER, part)))
    found |= {each for part in found for each in re.split(r"; |: |, |·", part)}
    return {re.sub(r"\s", "", part) for part in found} - {""}


def texts():
    """The strings in the sources of the page."""
    for path in [*ROOT.glob("dlnlp/**/*.py"), ROOT / "deploy" / "replicas.py"]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
                yield node.value.upper()
                yield node.value.capitalize()
                yield from re.split(r"`|\$\{[^}]*\}", node.value)  # scripts
    for entry in catalog.CATALOG:
        read = guide(entry.stem)
        for each in (*read.steps, *read.questions):
            yield each.title
        yield from (step.live.title for step in read.steps if step.live)
        yield from (trial.label for each in read.questions for trial in each.trials)
    for path in ROOT.glob("dlnlp/ui/kit/*.js"):
        yield from re.split(r"[\"'`]|\$\{[^}]*\}", path.read_text(encoding="utf-8"))
    for each in json.loads((ROOT / "checkpoints" / "baselines.json").read_text())["baselines"]:
        yield from (each["name"], each["description"])


def made_of(text, known):
    """Whether a text without spaces is a row of known pieces and punctuation."""
    ends = {0}
    for end in range(1, len(text) + 1):
        mark = end - 1 in ends and not text[end - 1].isalnum()
        if mark or any(text[begin:end] in known for begin in ends):
            ends.add(end)
    return len(text) in ends


def test_no_entry_is_unused():
    known = pieces()
    names = {SLIDER.sub("", key) for key in FRENCH if SLIDER.match(key)}
    holes = re.compile(rf"{HOLE.pattern}|{TAG}|[“”]")
    unused = [
        key
        for key in sorted((FRENCH.keys() | names) - GRADIO)
        if not SLIDER.match(key)
        and not all(made_of(re.sub(r"\s", "", part), known) for part in holes.split(key))
    ]
    assert not unused, "\n".join(unused)


def sentences():
    """The messages of all errors in ``RAISING``, with values as holes."""
    for pattern in RAISING:
        for path in (ROOT / "dlnlp").glob(f"{pattern}.py"):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                    for message in node.exc.args[:1]:
                        yield shown(message, name)


def shown(message, module):
    """The text of an expression; values that are not constants of the module are \\0."""
    if isinstance(message, ast.JoinedStr):
        return "".join(shown(part, module) for part in message.values)
    if isinstance(message, ast.Constant):
        return str(message.value)
    expression = message.value if isinstance(message, ast.FormattedValue) else message
    try:
        value = eval(ast.unparse(expression), vars(importlib.import_module(module)))
    except (NameError, AttributeError):  # a local name
        return "\0"
    return value if isinstance(value, str) else "\0"


def test_every_error_has_an_entry():
    keys = {masked(key) for key in FRENCH}
    found = [each for each in sentences() if each != "\0" and not any(h in each for h in EXCEPT)]
    assert len(found) > 40
    missing = [each for each in found if masked(each) not in keys]
    assert not missing, "\n".join(missing)
