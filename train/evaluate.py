"""Measure the committed checkpoints again: ``python -m train.evaluate [stem ...]``.

Prints JSON with metrics, problems and floors. The exit status is 1 if a metric differs from
training.json or a checkpoint cannot be read; a missed floor is reported but is no error.
``--write`` stores the measured metrics in training.json and renders the card again, for use
after a change of the prediction code.
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


def main(argv: list[str] | None = None) -> int:
    """Evaluate the stems, all by default; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m train.evaluate", description=__doc__)
    stems = [entry.stem for entry in catalog.CATALOG]
    parser.add_argument("stems", nargs="*", metavar="stem", help=f"of {', '.join(stems)}")
    parser.add_argument("--data-dir", type=Path, help="folder of Parquet files")
    parser.add_argument("--checkpoints", type=Path, default=checkpoint_root())
    parser.add_argument("--write", action="store_true", help="store the measured metrics")
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
    """The metrics of a checkpoint folder, how they differ from training.json, and its floors."""
    metrics = measure(stem, folder, data_dir)
    training = read_json(folder, TRAINING)
    if write:
        training["metrics"] = metrics
        write_json(folder / TRAINING, training)
        card.write(stem, folder)
    recorded = training.get("metrics", {})
    problems = [
        f"{key}: training.json has {recorded.get(key)}, measured {value}"
        for key, value in metrics.items()
        if not agree(value, recorded.get(key))
    ]
    return {"metrics": metrics, "problems": problems, "floors": floors(stem, metrics)}


def floors(stem: str, metrics: dict[str, Any]) -> dict[str, Any]:
    """Each floor of the catalog with the measured value and whether it is met."""
    return {
        metric.key: {
            "floor": f"{'>=' if metric.higher_is_better else '<='} {metric.floor}",
            "measured": metrics[metric.key],
            "met": metric.meets_floor(metrics[metric.key]),
        }
        for metric in catalog.record(stem).metrics
        if metric.floor is not None and metric.key in metrics
    }


def measure(stem: str, folder: Path, data_dir: Path | None) -> dict[str, Any]:
    """The metrics of a checkpoint folder, measured by the stem's training script."""
    predictor = catalog.record(stem).load(folder)
    metrics: dict[str, Any] = importlib.import_module(f"train.{stem}").measure(predictor, data_dir)
    return metrics


def agree(measured: Any, recorded: Any, tolerance: float = 0.005) -> bool:
    """Whether two metrics, or all metrics of two groups, are nearly the same.

    They may differ by 1 % of the recorded value or by the tolerance. That of a group's metrics is
    2.0, because each comes from few texts. Texts that a model wrote are not compared: rounding
    may change a word.
    """
    if isinstance(measured, str):
        return isinstance(recorded, str)
    if isinstance(measured, dict) and isinstance(recorded, dict):
        return measured.keys() == recorded.keys() and all(
            agree(measured[key], recorded[key], tolerance=2.0) for key in measured
        )
    if isinstance(measured, (int, float)) and isinstance(recorded, (int, float)):
        # Other hardware rounds differently: a few texts close to the threshold may change sides.
        return abs(measured - recorded) <= max(tolerance, 0.01 * abs(recorded))
    return bool(measured == recorded)


if __name__ == "__main__":
    sys.exit(main())
