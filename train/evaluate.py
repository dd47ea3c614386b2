"""Measure the committed checkpoints afresh: ``python -m train.evaluate [stem ...]``.

Prints JSON, and exits 1 where a figure disagrees with training.json or a floor is missed. With
``--write``, after a change of the code that predicts, what was measured replaces the figures in
training.json and on the card.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path
from typing import Any

from dlnlp import catalog
from dlnlp.checkpoint import TRAINING, CheckpointError, checkpoint_root, read_json, write_json
from train import card

# Floors on validation, (metric, least value); negative where less is better.
FLOORS: dict[str, dict[str, tuple[str, float]]] = {
    "sentiment_lstm": {
        "sst2_validation_accuracy": (">=", 88.0),
        "imdb_validation_accuracy": (">=", 90.5),
        "sst2_calibration_error": ("<=", 3.0),
    },
    "char_seq2seq": {
        "tatoeba_validation_chrf": (">=", 62.0),
        "tatoeba_validation_bleu": (">=", 40.0),
    },
    "token_transformer": {"wikitext2_validation_perplexity": ("<=", 90.0)},
    "sentiment_bert": {
        "sst2_validation_accuracy": (">=", 92.0),
        "imdb_validation_accuracy": (">=", 92.5),
        "sst2_calibration_error": ("<=", 3.0),
    },
}


def main(argv: list[str] | None = None) -> int:
    """Evaluate the stems, all by default; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m train.evaluate", description=__doc__)
    stems = [entry.stem for entry in catalog.CATALOG]
    parser.add_argument("stems", nargs="*", metavar="stem", help=f"of {', '.join(stems)}")
    parser.add_argument("--data-dir", type=Path, help="folder of Parquet files")
    parser.add_argument("--checkpoints", type=Path, default=checkpoint_root())
    parser.add_argument("--write", action="store_true", help="keep what is measured")
    args = parser.parse_args(argv)
    report: dict[str, Any] = {}
    for stem in args.stems or stems:
        try:
            catalog.record(stem)
            report[stem] = check(stem, args.checkpoints / stem, args.data_dir, args.write)
        except (KeyError, CheckpointError) as fault:
            report[stem] = {"problems": [str(fault.args[0])]}
    print(json.dumps(report, indent=2, ensure_ascii=False))
    return int(any(entry["problems"] for entry in report.values()))


def check(stem: str, folder: Path, data_dir: Path | None, write: bool = False) -> dict[str, Any]:
    """The figures of a checkpoint folder, written there if asked, and what is wrong with them."""
    metrics = measure(stem, folder, data_dir)
    training = read_json(folder, TRAINING)
    if write:
        training["metrics"] = metrics
        write_json(folder / TRAINING, training)
        card.write(stem, folder)
    noted = training.get("metrics", {})
    problems = [
        f"{key}: training.json has {noted.get(key)}, measured {value}"
        for key, value in metrics.items()
        if not agree(value, noted.get(key))
    ]
    for key, (sign, floor) in FLOORS.get(stem, {}).items():
        if (metrics[key] < floor) if sign == ">=" else (metrics[key] > floor):
            problems.append(f"{key}: {metrics[key]} misses the floor, {sign} {floor}")
    return {"metrics": metrics, "problems": problems}


def measure(stem: str, folder: Path, data_dir: Path | None) -> dict[str, Any]:
    """The metrics that the stem's own script measures, of a checkpoint folder."""
    predictor = catalog.record(stem).load(folder)
    metrics: dict[str, Any] = importlib.import_module(f"train.{stem}").measure(predictor, data_dir)
    return metrics


def agree(measured: Any, noted: Any, least: float = 0.005) -> bool:
    """Whether two metrics are the same up to rounding, part by part.

    In a group of figures each is of few texts, so one text more or less is let pass. What a
    model writes is there to be read: rounding may change a word of it.
    """
    if isinstance(measured, str):
        return isinstance(noted, str)
    if isinstance(measured, dict) and isinstance(noted, dict):
        return measured.keys() == noted.keys() and all(
            agree(measured[key], noted[key], least=2.0) for key in measured
        )
    if isinstance(measured, (int, float)) and isinstance(noted, (int, float)):
        # Other hardware rounds differently: a few texts near the border may change sides.
        return abs(measured - noted) <= max(least, 0.01 * abs(noted))
    return bool(measured == noted)


if __name__ == "__main__":
    sys.exit(main())
