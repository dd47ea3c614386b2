"""A training run as the server sees it: its state, what it has reported, and its commands."""

from __future__ import annotations

import json
import logging
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dlnlp.training.progress import Progress, Rows, Settings

LONGEST_SENTENCE = 300
WAITING, STARTING, RUNNING, PAUSED = "waiting", "starting", "running", "paused"
ENDED, FAILED = "ended", "failed"
OVER = (ENDED, FAILED)
DIED = "The training process ended unexpectedly: try again, with a smaller width or fewer rows."
_log = logging.getLogger("dlnlp.service")


class Training:
    """One run; all that it has reported so far.

    Attributes:
        key: Its secret name.
        data: The number of rows and their SHA-256.
        state: "waiting", "starting", "running", "paused", "ended" or "failed".
        losses: The loss of each step.
        held_out: (step, loss, accuracy) of each evaluation.
        progress: The latest report, whose answer and histograms are the latest ones.
        error: Why it failed.
    """

    def __init__(self, key: str, stem: str, settings: Settings, rows: Rows, folder: Path) -> None:
        self.key, self.stem, self.settings, self.folder = key, stem, settings, folder
        self.data = rows.fingerprint()
        self.state, self.error = WAITING, ""
        self.losses: list[float] = []
        self.held_out: list[tuple[int, float, float]] = []
        self.progress: Progress | None = None
        self.wants_histogram = False
        self._changed = threading.Condition()
        self._process: subprocess.Popen[str] | None = None
        self._early: list[dict[str, Any]] = []  # commands before the process runs
        self._version = 0

    @property
    def evaluation(self) -> tuple[int, float, float] | None:
        """(step, loss, accuracy) of the weights on held-out rows, or None without such rows.

        Early stopping keeps the weights with the lowest loss when the run ends.
        """
        if self.state == ENDED and self.settings.patience and self.held_out:
            return min(self.held_out, key=lambda found: found[1])
        return self.held_out[-1] if self.held_out else None

    @property
    def is_over(self) -> bool:
        """Whether it has ended or failed."""
        return self.state in OVER

    def command(self, name: str, value: object = None) -> None:
        """Pause, resume, step, stop or another command of ``dlnlp.training.process``."""
        with self._changed:
            if self.is_over:
                return
            if name in ("pause", "step", "resume"):
                if self.state not in (RUNNING, PAUSED):
                    return  # there is no step yet to pause after
                self.state = RUNNING if name == "resume" else PAUSED
            if name == "histogram":
                self.wants_histogram = bool(value)
            message = {"do": name, "value": value}
            if self._process is None:
                self._early.append(message)
            else:
                self._send(message)
            self._touch()

    def ask(self, sentence: str) -> None:
        """Change the reader's sentence."""
        self.command("ask", sentence[:LONGEST_SENTENCE])

    def changes(self, seconds: float) -> Iterator[None]:
        """An item at once, and at each change or after some seconds, until the run is over."""
        seen = -1
        while True:
            with self._changed:
                if self._version == seen and not self.is_over:
                    self._changed.wait(seconds)
                seen, over = self._version, self.is_over
            yield
            if over:
                return

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process and self._process.stdin
        try:
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()
        except (OSError, ValueError):  # the process has ended, which its reader notices
            _log.info("A training process has ended before it got a command.")

    def _touch(self) -> None:
        self._version += 1
        self._changed.notify_all()

    def began(self, process: subprocess.Popen[str], job: dict[str, Any]) -> None:
        """Give the process its job."""
        with self._changed:
            self._process = process
            self.state = STARTING
            for message in (job, *self._early):
                self._send(message)
            self._touch()

    def took(self, message: dict[str, Any]) -> None:
        """Take a message of the process."""
        with self._changed:
            if "error" in message:
                self.state, self.error = FAILED, str(message["error"])
            elif "progress" in message and not self.is_over:
                self._report(Progress.from_json(message["progress"]))
            self._touch()

    def _report(self, found: Progress) -> None:
        before = self.progress
        self.losses += found.losses
        self.held_out += found.held_out  # type: ignore[arg-type]
        if before:  # keep what was not asked anew
            answer = found.answer or (before.answer if found.sentence == before.sentence else None)
            kept = {"answer": answer, "histograms": found.histograms or before.histograms}
            found = Progress(**{**vars(found), **kept})
        self.progress = found
        if self.state == STARTING:
            self.state = RUNNING

    @property
    def is_saved(self) -> bool:
        """Whether its checkpoint is complete, because it has reported its end."""
        return not self.is_over and self.progress is not None and bool(self.progress.end)

    def ended(self) -> None:
        """The process has ended."""
        with self._changed:
            if self.is_saved:
                self.state = ENDED
            elif not self.is_over:
                self.state, self.error = FAILED, DIED
            self._touch()

    def kill(self) -> None:
        """End it at once, without a result."""
        with self._changed:
            process = self._process
            if not self.is_over:
                self.state, self.error = FAILED, "The training was cancelled."
            self._touch()
        if process:
            process.kill()
