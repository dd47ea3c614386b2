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
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from dlnlp import catalog
from dlnlp.registry import Registry
from dlnlp.service.queues import Busy
from dlnlp.service.training_run import LONGEST_SENTENCE, Training
from dlnlp.training.progress import MOST_MEGABYTES, Rows, Settings

MOST_RUNNING = 2
MOST_WAITING = 6
MOST_KEPT = 20  # finished runs, of all visitors
MOST_VISITORS = 1000  # that have trained
MOST_LOADED = 2  # predictors of finished runs
SOON = 60.0  # seconds until a visitor should try again
NO_PROCESS = "The server can't start another training process: try again later."
_ROOT = Path(__file__).resolve().parents[2]
_log = logging.getLogger("dlnlp.service")


@dataclass
class Desk:
    """What a visitor has trained.

    Attributes:
        current: The latest run.
        previous: The run before it, to compare with.
        used: The secret names of the runs in use in the chapters' tabs, by stem.
    """

    current: Training | None = None
    previous: Training | None = None
    used: dict[str, str] = field(default_factory=dict)

    @property
    def keys(self) -> set[str]:
        """The secret names of all of its runs."""
        runs = {each.key for each in (self.current, self.previous) if each}
        return runs | set(self.used.values())


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
        self._desks: OrderedDict[str, Desk] = OrderedDict()
        self._kept: OrderedDict[str, Training] = OrderedDict()
        self._loaded: OrderedDict[str, Any] = OrderedDict()
        self._root: tempfile.TemporaryDirectory[str] | None = None
        self._closed = False

    def desk(self, visitor: str) -> Desk:
        """What a visitor has trained; an empty desk, which is not kept, if that is nothing.

        Args:
            visitor: The secret name of their session.
        """
        with self._lock:
            if visitor in self._desks:
                self._desks.move_to_end(visitor)
            return self._desks.get(visitor) or Desk()

    def depart(self, visitor: str) -> None:
        """End and remove all that a visitor has trained."""
        with self._lock:
            desk = self._desks.pop(visitor, None)
        if desk is None:
            return
        if desk.current:
            self.leave(desk.current)
        for key in desk.keys:
            self.forget(key)

    def begin(
        self,
        visitor: str,
        stem: str,
        rows: Rows,
        settings: Settings,
        sentence: str,
        slow: bool = False,
    ) -> Training:
        """A new run of a visitor, whose last one of the same chapter is kept to compare with.

        Args:
            visitor: The secret name of their session.
            rows, settings, sentence, slow: See ``start``.

        Raises:
            Busy: Too many others wait.
            ValueError: Another run of theirs goes on, or there is no session.
        """
        if not visitor:
            raise ValueError("Training needs a session: open the page in a browser.")
        with self._lock:
            desk = self.desk(visitor)
            if desk.current and not desk.current.is_over:
                raise ValueError("Your previous training run has not ended: stop it first.")
            training = self.start(stem, rows, settings, sentence, slow)
            before = desk.keys
            last = desk.current if desk.current and desk.current.losses else desk.previous
            desk.previous = last if last and last.stem == stem else None
            desk.current = training
            self._desks[visitor] = desk
            oldest = next(iter(self._desks)) if len(self._desks) > MOST_VISITORS else None
        if oldest is not None:
            self.depart(oldest)
        for key in before - desk.keys:
            self.forget(key)
        return training

    def start(
        self, stem: str, rows: Rows, settings: Settings, sentence: str, slow: bool = False
    ) -> Training:
        """A new run, which may have to wait.

        Args:
            sentence: The reader's sentence, which the model answers while it learns.
            slow: Whether to wait between two steps.

        Raises:
            Busy: Too many others wait.
        """
        with self._lock:
            if len(self._waiting) >= MOST_WAITING or self._closed:
                raise Busy(SOON)
            key = uuid.uuid4().hex
            folder = self._folder() / key / stem
            training = Training(key, stem, settings, rows, folder)
            job = {
                "stem": stem,
                "rows": rows.rows,
                "settings": asdict(settings),
                "sentence": sentence[:LONGEST_SENTENCE],
                "base": None if self._registry.untrained else str(self._registry.root / stem),
                "out": str(folder),
                "slow": slow,
                "megabytes": MOST_MEGABYTES,
            }
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
                try:
                    process = new_process()
                except OSError as error:  # no memory, or too many open files
                    _log.error("A training process can't start: %s", error)
                    training.took({"error": NO_PROCESS})
                    continue
                self._running.append(training)
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


def new_process() -> subprocess.Popen[str]:
    """The process of a run, which waits for its job."""
    return subprocess.Popen(
        [sys.executable, "-m", "dlnlp.training.process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        cwd=_ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        start_new_session=True,  # Ctrl-C is for the server
    )


def _closed(stream: IO[str]) -> None:
    try:
        stream.close()
    except OSError:  # it still held a command for a process that has ended
        _log.info("A training process has ended before it got a command.")
