"""Install a finished run: ``python -m train.promote <stem> --data-dir DIR``.

The run is measured again and compared with the installed checkpoint. It is installed if none of
the catalog's metrics is worse, or with ``--force``.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from dlnlp import catalog
from dlnlp.checkpoint import CARD, TRAINING, CheckpointError, checkpoint_root, read_json, verify
from train import card
from train.evaluate import agree, measure


def main(argv: list[str] | None = None) -> int:
    """Measure, compare and install; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m train.promote", description=__doc__)
    parser.add_argument("stem", choices=[entry.stem for entry in catalog.CATALOG])
    parser.add_argument("--run", type=Path, help="folder of the run (default: runs/<stem>)")
    parser.add_argument("--data-dir", type=Path, help="folder of Parquet files")
    parser.add_argument("--checkpoints", type=Path, default=checkpoint_root())
    parser.add_argument("--force", action="store_true", help="install even if metrics are worse")
    args = parser.parse_args(argv)
    run, target = args.run or Path("runs") / args.stem, args.checkpoints / args.stem
    recover(target)
    try:
        training = verify(run)
        metrics = measure(args.stem, run, args.data_dir)
    except CheckpointError as fault:
        print(fault, file=sys.stderr)
        return 1
    recorded = training["metrics"]
    wrong = [key for key in metrics if not agree(metrics[key], recorded.get(key))]
    if wrong:
        print(f"Not installed: training.json disagrees with the measured {', '.join(wrong)}.")
        return 1
    before = installed_metrics(target)
    for key, value in metrics.items():
        print(f"{key}: {before.get(key, 'none')} -> {value}")
    worse = worse_metrics(args.stem, before, metrics)
    if worse and not args.force:
        print(f"Not installed: {', '.join(worse)} is worse than before; --force overrides.")
        return 1
    card.write(args.stem, run)
    install(run, target, [*training["files"], TRAINING, CARD])
    print(f"Installed {run} in {target}.")
    return 0


def installed_metrics(target: Path) -> dict[str, Any]:
    """The metrics of the installed checkpoint, or {} if there is none."""
    try:
        metrics: dict[str, Any] = read_json(target, TRAINING).get("metrics", {})
    except CheckpointError:
        return {}
    return metrics


def worse_metrics(stem: str, before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """The catalog's metrics that were better before."""
    worse = []
    for metric in catalog.record(stem).metrics:
        old, new = before.get(metric.key), after.get(metric.key)
        if old is not None and new is not None:
            fell = new < old if metric.higher_is_better else new > old
            worse += [metric.key] if fell else []
    return worse


def install(run: Path, target: Path, names: list[str]) -> None:
    """Replace the target folder by a copy of these files of the run.

    The copy is made beside the target and then renamed. If anything fails, the old checkpoint
    stays or is put back; ``recover`` does that after a kill between the two renames.
    """
    new, old = beside(target, "new"), beside(target, "old")
    for leftover in (new, old):
        if leftover.exists():
            shutil.rmtree(leftover)
    new.mkdir(parents=True)
    for name in names:
        shutil.copy(run / name, new / name)
    if target.exists():  # a folder cannot be renamed onto one that has files
        os.replace(target, old)
    try:
        os.replace(new, target)
    except OSError:
        recover(target)
        raise
    if old.exists():
        shutil.rmtree(old)


def recover(target: Path) -> None:
    """Put the old checkpoint back if an installation was interrupted."""
    old = beside(target, "old")
    if old.exists() and not target.exists():
        os.replace(old, target)


def beside(target: Path, suffix: str) -> Path:
    """A hidden folder next to the target, on the same file system."""
    return target.with_name(f".{target.name}.{suffix}")


if __name__ == "__main__":
    sys.exit(main())
