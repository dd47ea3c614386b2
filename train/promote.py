"""Install a finished run: ``python -m train.promote <stem> --data-dir DIR``.

The run is measured afresh and set beside the checkpoint that is there; it is installed when
its main metric is no worse, or with ``--force``.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from dlnlp import catalog
from dlnlp.checkpoint import CARD, TRAINING, CheckpointError, checkpoint_root, read_json, verify
from train import card
from train.evaluate import FLOORS, agree, measure


def main(argv: list[str] | None = None) -> int:
    """Measure, compare and install; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m train.promote", description=__doc__)
    parser.add_argument("stem", choices=[entry.stem for entry in catalog.CATALOG])
    parser.add_argument("--run", type=Path, help="the run's folder (default: runs/<stem>)")
    parser.add_argument("--data-dir", type=Path, help="folder of Parquet files")
    parser.add_argument("--checkpoints", type=Path, default=checkpoint_root())
    parser.add_argument("--force", action="store_true", help="install even where it is worse")
    args = parser.parse_args(argv)
    run, target = args.run or Path("runs") / args.stem, args.checkpoints / args.stem
    try:
        training = verify(run)
        metrics = measure(args.stem, run, args.data_dir)
    except CheckpointError as fault:
        print(fault, file=sys.stderr)
        return 1
    noted = training["metrics"]
    wrong = [key for key in metrics if not agree(metrics[key], noted.get(key))]
    if wrong:
        print(f"The run's training.json disagrees with what is measured: {', '.join(wrong)}.")
        return 1
    try:
        before = read_json(target, TRAINING).get("metrics", {})
    except CheckpointError:
        before = {}
    for key, value in metrics.items():
        print(f"{key}: {before.get(key, 'none')} -> {value}")
    for key, (sign, _) in FLOORS[args.stem].items():
        worse = metrics[key] < before.get(key, metrics[key])
        if sign == "<=":
            worse = metrics[key] > before.get(key, metrics[key])
        if worse and not args.force:
            print(f"Not installed: {key} is worse than the checkpoint's; --force overrides.")
            return 1
    card.write(args.stem, run)
    if target.exists():
        shutil.rmtree(target)
    target.mkdir(parents=True)
    for name in [*training["files"], TRAINING, CARD]:
        shutil.copy(run / name, target / name)
    print(f"Installed {run} in {target}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
