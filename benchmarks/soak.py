"""Test the server for a longer time: random requests by schemathesis, and memory under load.

``python -m benchmarks.soak [--examples 300] [--requests 2000]``. Needs requirements-soak.txt. Ends
with an error if a request by schemathesis fails, or if any request of the load does.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from benchmarks.load import run
from benchmarks.serving import CLIENTS, MIXED, app, wait_for_models


def main(argv: list[str] | None = None) -> None:
    """Run both parts."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--examples", type=int, default=300, help="requests for each path")
    parser.add_argument("--requests", type=int, default=2000, help="for the memory's curve")
    args = parser.parse_args(argv)
    with app() as (port, _, pid):
        wait_for_models(port)
        memory(port, pid, args.requests)
        done = random_requests(port, args.examples)
        print(f"Memory afterwards: {resident(pid):.0f} MB")
    sys.exit(done)


def memory(port: int, pid: int, requests: int) -> None:
    """Print the resident memory after every part of the requests.

    Raises:
        SystemExit: A request failed.
    """
    asked = 0
    print(f"| requests | resident MB |\n|---|---|\n| 0 | {resident(pid):.0f} |", flush=True)
    while asked < requests:
        load = run(port, MIXED, CLIENTS, 5)
        if load.errors:
            raise SystemExit(f"{len(load.errors)} requests failed, first: {load.errors[0]}")
        asked += len(load.latencies)
        print(f"| {asked:,} | {resident(pid):.0f} |", flush=True)


def resident(pid: int) -> float:
    """The resident memory of a process in MB (Linux)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


def random_requests(port: int, examples: int) -> int:
    """Let schemathesis test the server by its OpenAPI description; returns its exit status.

    It can't know the budgets, so it must not expect that every request is accepted.
    """
    command = ["run", f"http://127.0.0.1:{port}/openapi.json", "--max-examples", str(examples)]
    command += ["--exclude-checks", "positive_data_acceptance"]
    path = Path(sys.executable).with_name("schemathesis")
    return subprocess.run([str(path), *command], check=False).returncode


if __name__ == "__main__":
    main()
