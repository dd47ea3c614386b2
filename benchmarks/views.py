"""Time the views that look inside a model on a text of 40 words, as a Markdown table.

``python -m benchmarks.views [--threads 2]``. Each verb answers alone, with the committed weights.
"""

from __future__ import annotations

import argparse
import statistics

import torch

from benchmarks.timing import seconds
from dlnlp import catalog
from dlnlp.capabilities import CAPABILITIES, Capability
from dlnlp.registry import Registry

TEXT = (
    "I really wanted to like this film because the actors are good and the director made one of my "
    "favourite movies, but the story is so thin that I looked at my watch every ten minutes and "
    "left before the end."
)
OTHER = TEXT.replace("like", "hate").replace("good", "bad")
LEFT_OUT = ("generate", "stream")  # their time depends on the number of new tokens


def main() -> None:
    """Time all verbs of all models and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.views", description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--calls", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    registry = Registry()
    print(f"{len(TEXT.split())} words, median of {args.calls} calls\n")
    print("| model | verb | milliseconds |\n| --- | --- | --- |")
    for entry in catalog.CATALOG:
        predictor = registry.get(entry.stem)
        for each in CAPABILITIES:
            if entry.can(each.verb) and each.verb not in LEFT_OUT:
                taken = timed(predictor, each, args.calls)
                print(f"| {entry.title} | {each.verb} | {1000 * taken:.0f} |", flush=True)


def timed(predictor: object, verb: Capability, calls: int) -> float:
    """The median seconds of a verb on the text, after a first call."""
    first, *_ = verb.signature.parameters
    arguments = {**verb.sample, first: [TEXT] if verb.takes_list else TEXT}
    if "other" in arguments:
        arguments["other"] = OTHER

    def call() -> object:
        return getattr(predictor, verb.verb)(**arguments)

    call()
    return statistics.median(seconds(call) for _ in range(calls))


if __name__ == "__main__":
    main()
