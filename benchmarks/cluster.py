"""Time the app in one process beside clusters whose models have one replica or two.

``python -m benchmarks.cluster [--seconds 10]`` needs ``requirements-cluster.txt``. On one machine
all replicas share its cores, so the figures show what a cluster costs, not what machines add.
"""

from __future__ import annotations

import argparse
import contextlib

from benchmarks.load import run
from benchmarks.serving import (
    BERT,
    CLIENTS,
    LSTM,
    answered,
    app,
    classify,
    line,
    served,
    wait_for_models,
)

NAMES = {LSTM: "LSTM", BERT: "BERT"}


def cluster(replicas: int) -> contextlib.AbstractContextManager[tuple[int, float, int]]:
    """A cluster in which both sentiment models have that many replicas."""
    least = [f"--least={stem}={replicas}" for stem in NAMES]
    command = ("-m", "deploy.ray_app", "--port", "PORT", f"--most={replicas}", *least)
    return served(*command, RAY_USAGE_STATS_ENABLED="0")


def main(argv: list[str] | None = None) -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cluster", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="of each measurement under load")
    args = parser.parse_args(argv)
    print("| what | one process | cluster | ratio |\n|---|---|---|---|", flush=True)
    base = {}
    for replicas in (0, 1, 2):
        with cluster(replicas) if replicas else app() as (port, _, _):
            answered(port, "/readyz")
            wait_for_models(port)
            for stem, name in NAMES.items():
                for clients in (1, CLIENTS):
                    load = run(port, [classify(stem)], clients, args.seconds)
                    if not replicas:
                        base[stem, clients] = load
                        continue
                    alone = base[stem, clients]
                    title = f"{name}, replicas {replicas}, clients {clients}"
                    line(title, alone, load, load.rate / alone.rate)


if __name__ == "__main__":
    main()
