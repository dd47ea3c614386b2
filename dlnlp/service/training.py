"""Training runs of visitors, each in a process of its own: at most two at once, the rest wait."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import uuid
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from dlnlp import catalog
from dlnlp.registry import Registry
from dlnlp.service.queues import Busy
from dlnlp.training.progress import Progress, Rows, Settings

MOST_RUNNING = 2
MOST_WAITING = 6
MOST_KEPT = 20  # finished runs, of all visitors
MOST_LOADED = 2  # predictors of finished runs
LONGEST_SENTENCE = 300
WAITING, STARTING, RUNNING, PAUSED, ENDED, FAILED = (
    *("waiting", "starting", "running", "paused", "ended", "failed"),
)
OVER = (ENDED, FAILED)
FULL = "Too many visitors are training at the moment: try again in a few minutes."
DIED = "The training process ended unexpectedly: try again, with a smaller width or fewer rows."
_ROOT = Path(__file__).resolve().parents[2]
_log = logging.getLogger("dlnlp.service")


class Training:
    """One run; all that it has reported so far.

    Attributes:
        key: Its secret name.
        state: "waiting", "starting", "running", "paused", "ended" or "failed".
        losses: The loss of each step.
        held_out: (step, loss, accuracy) of each evaluation.
        progress: The latest report, whose answer and histograms are the latest ones.
        error: Why it failed.
    """

    def __init__(self, key: str, stem: str, settings: Settings, count: int, folder: Path) -> None:
        self.key, self.stem, self.settings, self.count = key, stem, settings, count
        self.folder = folder
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
    def is_over(self) -> bool:
        """Whether it has ended or failed."""
        return self.state in OVER

    def command(self, name: str, value: object = None) -> None:
        """Pause, resume, step, stop or another command of ``dlnlp.training.process``."""
        with self._changed:
            if self.is_over:
                return
            if name in ("pause", "step") and self.state == RUNNING:
                self.state = PAUSED
            elif name == "resume" and self.state == PAUSED:
                self.state = RUNNING
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
            self.state = PAUSED if self._starts_paused() else RUNNING

    def _starts_paused(self) -> bool:
        last = [each["do"] for each in self._early if each["do"] in ("pause", "step", "resume")]
        return bool(last) and last[-1] != "resume"

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


class Trainings:
    """All runs of this server.

    Args:
        registry: Has the trained models that some trainings start from.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._lock = threading.RLock()
        self._running: list[Training] = []
        self._waiting: list[tuple[Training, dict[str, Any]]] = []
        self._kept: OrderedDict[str, Training] = OrderedDict()
        self._loaded: OrderedDict[str, Any] = OrderedDict()
        self._root: tempfile.TemporaryDirectory[str] | None = None
        self._closed = False

    def start(
        self, stem: str, rows: Rows, settings: Settings, sentence: str, **how: bool
    ) -> Training:
        """A new run, which may have to wait.

        Args:
            how: ``paused`` pauses after the first step, ``slow`` is slow motion.

        Raises:
            Busy: Too many others wait.
        """
        with self._lock:
            if len(self._waiting) >= MOST_WAITING or self._closed:
                raise Busy(FULL)
            key = uuid.uuid4().hex
            folder = self._folder() / key / stem
            training = Training(key, stem, settings, len(rows), folder)
            job = {
                "stem": stem,
                "rows": rows.rows,
                "settings": asdict(settings),
                "sentence": sentence[:LONGEST_SENTENCE],
                "base": None if self._registry.untrained else str(self._registry.root / stem),
                "out": str(folder),
                **how,
            }
            if how.get("paused"):
                training.command("pause")
            self._waiting.append((training, job))
            self._advance()
        return training

    def place(self, training: Training) -> int:
        """Its place among those that wait, from 1; 0 if it doesn't wait."""
        with self._lock:
            waiting = [each for each, _ in self._waiting]
            return waiting.index(training) + 1 if training in waiting else 0

    def running(self) -> int:
        """The number of processes."""
        with self._lock:
            return len(self._running)

    def leave(self, training: Training) -> None:
        """End a run that nobody waits for any longer; a finished one is kept."""
        with self._lock:
            self._waiting = [each for each in self._waiting if each[0] is not training]
        if not training.is_over:
            training.kill()

    def forget(self, key: str) -> None:
        """Remove a finished run and its files."""
        with self._lock:
            self._loaded.pop(key, None)
            training = self._kept.pop(key, None)
        if training:
            shutil.rmtree(training.folder.parent, ignore_errors=True)

    def finished(self, key: str) -> Training:
        """The finished run of that secret name.

        Raises:
            ValueError: It was removed.
        """
        with self._lock:
            if key not in self._kept:
                raise ValueError("This trained model is no longer on the server: train it again.")
            self._kept.move_to_end(key)
            return self._kept[key]

    def predictor(self, key: str) -> Any:
        """The predictor of a finished run.

        Raises:
            ValueError: See ``finished``.
            CheckpointError: Its checkpoint is damaged.
        """
        training = self.finished(key)
        with self._lock:
            if key not in self._loaded:
                loaded = catalog.record(training.stem).load(training.folder, "cpu")
                self._loaded[key] = loaded
                while len(self._loaded) > MOST_LOADED:
                    self._loaded.popitem(last=False)
            self._loaded.move_to_end(key)
            return self._loaded[key]

    def archive(self, key: str) -> Path:
        """A ZIP file with the checkpoint folder of a finished run.

        Raises:
            ValueError: See ``finished``.
        """
        training = self.finished(key)
        base = training.folder.parent / training.stem
        if not (found := base.with_suffix(".zip")).is_file():
            shutil.make_archive(str(base), "zip", training.folder.parent, training.stem)
        return found

    def close(self) -> None:
        """End all runs and remove all files."""
        with self._lock:
            self._closed = True
            every = [*self._running, *(each for each, _ in self._waiting)]
            self._waiting, root, self._root = [], self._root, None
        for each in every:
            each.kill()
        if root:
            root.cleanup()

    def _folder(self) -> Path:
        if self._root is None:
            self._root = tempfile.TemporaryDirectory(
                prefix="dlnlp-training-", ignore_cleanup_errors=True
            )
        return Path(self._root.name)

    def _advance(self) -> None:
        """Start those that wait while there is room."""
        with self._lock:
            while self._waiting and len(self._running) < MOST_RUNNING and not self._closed:
                training, job = self._waiting.pop(0)
                self._running.append(training)
                process = subprocess.Popen(
                    [sys.executable, "-m", "dlnlp.training.process"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    encoding="utf-8",
                    cwd=_ROOT,
                    env={**os.environ, "OMP_NUM_THREADS": "1"},
                    start_new_session=True,  # Ctrl-C is for the server
                )
                training.began(process, job)
                threading.Thread(
                    target=self._read, args=(training, process), name="training", daemon=True
                ).start()

    def _read(self, training: Training, process: subprocess.Popen[str]) -> None:
        """Pass on what a process reports, until it ends."""
        assert process.stdin and process.stdout
        try:
            for line in process.stdout:
                training.took(json.loads(line))
        except (OSError, ValueError) as error:
            _log.warning("A training process wrote something unexpected: %s", error)
            process.kill()
        process.wait()
        _closed(process.stdin)
        process.stdout.close()
        with self._lock:
            self._running.remove(training)
            if training.is_saved and not self._closed:
                self._kept[training.key] = training
                old = [*self._kept][: max(0, len(self._kept) - MOST_KEPT)]
            else:
                old = []
                shutil.rmtree(training.folder.parent, ignore_errors=True)
        for key in old:
            self.forget(key)
        training.ended()
        self._advance()


def _closed(stream: IO[str]) -> None:
    try:
        stream.close()
    except OSError:  # it still held a command for a process that has ended
        _log.info("A training process has ended before it got a command.")
