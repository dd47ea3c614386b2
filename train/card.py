"""Model cards: a template per model in ``train/cards/``, its figures from training.json."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dlnlp.checkpoint import CARD, TRAINING, read_json

TEMPLATES = Path(__file__).parent / "cards"


def write(stem: str, folder: Path) -> None:
    """Render the stem's card into the checkpoint folder.

    Raises:
        CheckpointError: The folder has no readable training.json.
    """
    training = read_json(folder, TRAINING)
    template = (TEMPLATES / f"{stem}.md").read_text(encoding="utf-8")
    (folder / CARD).write_text(template.replace("{{figures}}", figures(training)), encoding="utf-8")


def figures(training: dict[str, Any]) -> str:
    """The measured and recorded facts as a Markdown table."""
    rows = [(_name(key), _shown(value)) for key, value in _flat(training.get("metrics", {}))]
    rows.append(("parameters", f"{training['parameters']:,}"))
    rows.append(("trained with", f"`{training['command']}`"))
    rows.append(
        ("training time", f"{training['training_minutes']} minutes on {training['device']}")
    )
    lines = ["| measured or recorded | |", "| --- | --- |"]
    return "\n".join(lines + [f"| {name} | {value} |" for name, value in rows])


def _flat(metrics: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for key, value in metrics.items():
        if isinstance(value, dict):
            rows += _flat(value, f"{prefix}{key}, ")
        else:
            rows.append((prefix + key, value))
    return rows


def _name(key: str) -> str:
    return key.replace("_", " ")


def _shown(value: Any) -> str:
    return f"{value:,}" if isinstance(value, (int, float)) else str(value)
