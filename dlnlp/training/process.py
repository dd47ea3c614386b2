"""The process of one training run: ``python -m dlnlp.training.process``.

It reads a job from the first line of its standard input, and commands from the others; it writes
reports to its standard output. All of these are lines of JSON. It ends when its input does, so it
never outlives the server.
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from dlnlp.training.progress import (
    MOST_SECONDS,
    STOPPED,
    TIMED_OUT,
    Progress,
    Rows,
    Settings,
)

REPORT_EVERY, ANSWER_EVERY = 0.25, 1.0  # seconds
SLOW = 0.5  # seconds between steps in slow motion
LONGEST_PAUSE = 600.0  # seconds
LONGEST_RUN = 1800.0  # seconds, with slow motion and pauses, because others may wait
NICENESS = 10
SIZE = Path("/proc/self/statm")  # Linux only
SPARE = 16 * 10**6  # bytes
PAUSE, RESUME, STEP, STOP = "pause", "resume", "step", "stop"
SLOWER, ASK, HISTOGRAM = "slow", "ask", "histogram"
TOO_LITTLE_MEMORY = (
    "The training needs more than {:,} MB of memory: choose a smaller width, or fewer or shorter "
    "rows."
)


class Control:
    """The commands of the visitor, applied between two steps.

    Args:
        sentence: The reader's sentence.
        slow: Whether to wait between two steps.
    """

    def __init__(self, sentence: str, slow: bool = False) -> None:
        self.sentence, self.slow = sentence, slow
        self.paused = self.histogram = self.stopping = False
        self._commands: queue.Queue[dict[str, Any]] = queue.Queue()
        self._single = False

    def put(self, command: dict[str, Any]) -> None:
        """Take a command, from any thread."""
        self._commands.put(command)

    def wait(self, changed: Callable[[], None]) -> float:
        """Wait until the next step may be made, or the run is to stop; returns the seconds.

        Args:
            changed: Called after commands that change what a paused run shows.
        """
        begin, self._single = time.monotonic(), False
        shows = self._apply(0.0)
        if self.slow and not self.stopping:
            shows |= self._apply(SLOW)
        if shows and self.paused:
            changed()
        while self.paused and not self._single and not self.stopping:
            if self._apply(1.0):
                changed()
            if time.monotonic() - begin > LONGEST_PAUSE:
                self.stopping = True
        return time.monotonic() - begin

    def _apply(self, seconds: float) -> bool:
        """Apply the commands that come within some time; whether a paused run shows a change."""
        shows, end = False, time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            try:
                command = (
                    self._commands.get(timeout=left) if left > 0 else self._commands.get(False)
                )
            except queue.Empty:
                return shows
            shows |= self._one(command)
            if self.stopping or self._single or shows:
                return shows

    def _one(self, command: dict[str, Any]) -> bool:
        name, value = command.get("do"), command.get("value")
        if name == STOP:
            self.stopping = True
        elif name in (PAUSE, RESUME):
            self.paused = name == PAUSE
        elif name == STEP:
            self.paused = self._single = True
        elif name == SLOWER:
            self.slow = bool(value)
        elif name == ASK:
            self.sentence = str(value)
        elif name == HISTOGRAM:
            self.histogram = bool(value)
        return name in (ASK, HISTOGRAM, PAUSE)


def run(job: dict[str, Any], control: Control, write: Callable[[dict[str, Any]], None]) -> None:
    """Train, report and save.

    Raises:
        ValueError, CheckpointError: The job can't be done; the message says why.
    """
    from dlnlp.training.learner import Learner

    settings = Settings(**job["settings"])
    rows = Rows(tuple(map(tuple, job["rows"])))
    learner = Learner(job["stem"], rows, settings, base_of(job, settings))
    seconds = answered = reported = 0.0
    sent = [0, 0]  # how many losses and evaluations were reported

    def report(end: str = "", ask: bool = True) -> None:
        nonlocal answered, reported
        now, done = time.monotonic(), len(learner.losses)
        asking = ask or now - answered >= ANSWER_EVERY
        progress = Progress(
            done,
            learner.total,
            max(0, done - 1) // learner.per_epoch + 1,
            seconds,
            tuple(learner.losses[sent[0] :]),
            tuple(learner.held_out[sent[1] :]),
            control.sentence,
            answer_to(learner, control.sentence) if asking else None,
            learner.histograms() if asking and control.histogram else (),
            end,
        )
        sent[:], reported = [done, len(learner.held_out)], now
        answered = time.monotonic() if asking else answered
        write({"progress": asdict(progress)})

    report()
    making, end, begun = learner.steps(), "", time.monotonic()
    while not end:
        control.wait(report)
        started = time.monotonic()
        if control.stopping:
            end = STOPPED
        elif seconds > MOST_SECONDS or started - begun > LONGEST_RUN:
            end = TIMED_OUT
        elif next(making, None) is None:
            end = learner.end
        else:
            seconds += time.monotonic() - started  # without answers, pauses and slow motion
            if control.paused or time.monotonic() - reported >= REPORT_EVERY:
                report(ask=control.paused or control.slow)
    learner.finish()
    folder = Path(job["out"])
    learner.save(folder, seconds)
    report(end=end)


def answer_to(learner: Any, sentence: str) -> Any:
    """The model's answer to a sentence, or None for a blank one."""
    if not sentence.strip():
        return None
    learner.task.model.eval()
    return learner.task.answer(sentence)


def base_of(job: dict[str, Any], settings: Settings) -> Any:
    """The chapter's trained predictor, if this training starts from it."""
    import importlib

    from dlnlp import catalog

    stem = job["stem"]
    module = importlib.import_module(f"dlnlp.training.{stem}")
    if not module.needs_base(settings):
        return None
    entry = catalog.record(stem)
    return entry.load(Path(job["base"]), "cpu") if job.get("base") else entry.tiny()


def limit(megabytes: int) -> None:
    """One thread, a low priority and a bound on the memory, as far as the system knows them.

    Args:
        megabytes: The most memory beyond what the process has now; see ``is_full``.
    """
    import torch

    torch.set_num_threads(1)
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    if SIZE.is_file():
        import resource

        most = address_space() + megabytes * 10**6
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def address_space() -> int:
    """The size of the process's address space in bytes."""
    import resource

    return int(SIZE.read_text(encoding="ascii").split()[0]) * resource.getpagesize()


def is_full() -> bool:
    """Whether the bound on the memory is nearly reached, where any line may fail in its own way."""
    if not SIZE.is_file():
        return False
    import resource

    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    return most != resource.RLIM_INFINITY and address_space() > most - SPARE


def listen(lines: TextIO, control: Control, out: Path) -> None:
    """Pass commands on; when the input ends, remove what was written, and end the process."""
    for line in lines:
        control.put(json.loads(line))
    shutil.rmtree(out, ignore_errors=True)
    os._exit(0)


def main() -> None:
    """Do the job that the standard input describes."""
    from dlnlp.checkpoint import CheckpointError, out_of_memory

    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # libraries may print

    def write(message: dict[str, Any]) -> None:
        channel.write(json.dumps(message) + "\n")
        channel.flush()

    job = json.loads(sys.stdin.readline())
    control = Control(job["sentence"], bool(job["slow"]))
    out = Path(job["out"])
    threading.Thread(target=listen, args=(sys.stdin, control, out), daemon=True).start()
    try:
        limit(job["megabytes"])
        run(job, control, write)
    except Exception as error:
        if out_of_memory(error) or is_full():
            write({"error": TOO_LITTLE_MEMORY.format(job["megabytes"])})
        elif isinstance(error, (ValueError, CheckpointError)):
            write({"error": str(error)})
        else:
            traceback.print_exc()
            write({"error": "The training failed on the server; the details are in its log."})
    channel.close()
    os._exit(0)  # the other thread still reads


if __name__ == "__main__":
    main()
