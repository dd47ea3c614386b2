"""Render the model cards and the documentation's tables, so that nothing is typed twice.

``python -m train.card`` renders the cards and the README's table from the templates in
``train/cards/`` and the training.json of each committed checkpoint, and the table of the tutorial's
errors from ``dlnlp.learn.corrections``.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dlnlp import catalog
from dlnlp.checkpoint import CARD, ROOT, TRAINING, WEIGHTS, read_json
from dlnlp.learn.corrections import CORRECTIONS

TEMPLATES = Path(__file__).parent / "cards"
README = ROOT.parent / "README.md"
CORRECTED = ROOT.parent / "docs" / "the-tutorial-corrected.md"
BEGIN, END = "<!-- rendered by python -m train.card -->", "<!-- end of what is rendered -->"

# The commands in training.json that led to a checkpoint, and what the card calls them.
COMMANDS = {
    "base trained further with": "base trained further with",
    "went on from": "continued from",
    "command": "trained with",
}
# How parts of metrics' names are written.
SPELLING = {
    "sst2": "SST-2",
    "imdb": "IMDB",
    "wikitext2": "WikiText-2",
    "tinystories": "TinyStories",
    "tatoeba": "Tatoeba",
    "chrf": "chrF",
    "bleu": "BLEU",
}
# Units of metrics, by the end of their name.
UNITS = {
    "accuracy": " %",
    "calibration_error": " points",
    "failure_rate": " %",
    "failures": " %",
    "unsure": " %",
    "loops": " %",
    "repetition_penalty": " %",
    "film_talk": " %",
    "recalled": " %",
    "not_english": " %",
    "agreement": " %",
    "gained": " points",
}


def write(stem: str, folder: Path) -> None:
    """Render the card of a stem into its checkpoint folder.

    Raises:
        CheckpointError: The folder has no readable training.json.
    """
    training = read_json(folder, TRAINING)
    template = (TEMPLATES / f"{stem}.md").read_text(encoding="utf-8")
    data = catalog.record(stem).data
    hub = dict.fromkeys(each.hub for each in data if each.hub)
    values = {"figures": figures(training), "data": data_table(data), "datasets": ", ".join(hub)}
    for name, value in values.items():
        template = template.replace(f"{{{{{name}}}}}", value)
    (folder / CARD).write_text(template, encoding="utf-8")


def data_table(data: Sequence[catalog.Data]) -> str:
    """The data sets with their licences as Markdown."""
    rows = [f"| [{each.name}]({each.url}) | {each.licence} |" for each in data]
    return "\n".join(["| data set | licence |", "| --- | --- |", *rows])


def figures(training: dict[str, Any]) -> str:
    """Metrics and recorded facts as Markdown: tables, and the commands folded."""
    metrics = training.get("metrics", {})
    single = {key: value for key, value in metrics.items() if not isinstance(value, dict)}
    rows = [(_name(key), _shown(value, key)) for key, value in single.items()]
    rows += [(name, training[name]) for name in ("base", "teacher") if name in training]
    rows.append(("parameters", f"{training['parameters']:,}"))
    rows.append(
        ("training time", f"{training['training_minutes']} minutes on {training['device']}")
    )
    groups = {key: value for key, value in metrics.items() if isinstance(value, dict)}
    if "engine" in training:
        groups["ONNX Runtime compared with PyTorch"] = training["engine"]
    tables = [_table("metric or fact", rows)]
    for key, group in groups.items():
        tables.append(_table(_name(key), [_row(k, v, key) for k, v in group.items()]))
    return "\n\n".join([*tables, _commands(training)])


def _commands(training: dict[str, Any]) -> str:
    """The training commands in a section that opens on a click."""
    lines = [f"- {name}: `{training[key]}`" for key, name in COMMANDS.items() if key in training]
    body = "\n".join(lines)
    return f"<details><summary>Training commands</summary>\n\n{body}\n\n</details>"


def _table(title: str, rows: list[tuple[str, Any]]) -> str:
    lines = [f"| {title} | |", "| --- | --- |"]
    return "\n".join(lines + [f"| {name} | {value} |" for name, value in rows])


def _row(key: str, value: Any, group: str) -> tuple[str, str]:
    """A metric's name and value, or a text and a model's output for it."""
    if isinstance(value, str):
        return _written(key), _written(value)
    return _name(key), _shown(value, key if _unit(key) else group)


def _unit(key: str) -> str:
    return next((unit for end, unit in UNITS.items() if key.endswith(end)), "")


def _written(text: str) -> str:
    """The text with Markdown's special characters escaped."""
    # Also a stop inside a word: otherwise "www.example.org" becomes a link.
    return re.sub(r"([^\w\s.,!?']|(?<=\w)\.(?=\w))", r"\\\1", " ".join(text.split())) or "(nothing)"


def _name(key: str) -> str:
    """A metric's name in words: "SST-2 validation accuracy" for "sst2_validation_accuracy"."""
    return " ".join(SPELLING.get(part, part) for part in key.split("_"))


def _shown(value: Any, key: str) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{_name(name)} {_shown(each, name)}" for name, each in value.items())
    return f"{value:,}{_unit(key)}" if isinstance(value, (int, float)) else str(value)


def readme_table(checkpoints: Path = ROOT) -> str:
    """The README's table of models, from the checkpoint folders."""
    lines = [
        "| tab | chapter's model | parameters | on disk | measured on validation |",
        "| --- | --- | --- | --- | --- |",
    ]
    for entry in catalog.CATALOG:
        folder = checkpoints / entry.stem
        training = read_json(folder, TRAINING)
        metrics = training["metrics"]
        quality = ", ".join(
            f"{metric.label} {metrics[metric.key]}{metric.unit}"
            for metric in entry.metrics
            if metric.headline
        )
        size = (folder / WEIGHTS).stat().st_size / 1e6
        lines.append(
            f"| {entry.title} | [`{entry.stem}`](checkpoints/{entry.stem}/README.md) "
            f"| {training['parameters'] / 1e6:.1f} million | {size:.0f} MB | {quality} |"
        )
    return "\n".join(lines)


def corrections_table() -> str:
    """The errors in the tutorial's listings, and what our code does instead."""
    lines = ["| chapter | in the tutorial | here |", "| --- | --- | --- |"]
    for entry in catalog.CATALOG:
        for each in CORRECTIONS[entry.stem]:
            wrong, ours = (html.escape(text, quote=False) for text in (each.wrong, each.ours))
            lines.append(f"| {entry.chapter.name} | {wrong} | {ours} |".replace("_", r"\_"))
    return "\n".join(lines)


def with_table(text: str, table: str) -> str:
    """A text with this table between its two markers."""
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{table}\n{END}{rest.split(END)[1]}"


def main() -> None:
    """Render all cards and tables."""
    for entry in catalog.CATALOG:
        write(entry.stem, ROOT / entry.stem)
    for path, table in ((README, readme_table()), (CORRECTED, corrections_table())):
        text = path.read_text(encoding="utf-8")
        path.write_text(with_table(text, table), encoding="utf-8")


if __name__ == "__main__":
    main()
