"""Options, resumable runs and provenance, shared by the training scripts."""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import platform
import random
import shlex
import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from dlnlp.checkpoint import TRAINING, read_json
from dlnlp.device import pick_device
from dlnlp.training.loop import cosine as cosine

STATE = "state.pt"
# Options that may differ when a run is resumed: paths, hardware, length and learning-rate decay.
ADJUSTABLE = {
    *("command", "data_dir", "out", "fresh", "device", "threads", "precision"),
    *("minutes", "cooldown"),
}


class Parser(argparse.ArgumentParser):
    """A parser whose result has the ``command`` to record in training.json."""

    def parse_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> argparse.Namespace:
        """Parse, and render the options that differ from their defaults."""
        found = super().parse_args(args, namespace)
        words = self.prog.split()
        for action in self._actions:
            value = getattr(found, action.dest, action.default)
            if not action.option_strings or value == action.default:
                continue
            words.append(action.option_strings[-1])
            if action.nargs != 0:  # not a flag
                words += map(public, value if isinstance(value, list) else [value])
        found.command = shlex.join(words)
        return found


def public(value: Any) -> str:
    """An option's value, with paths outside the project shortened to the file name."""
    text = str(value)
    path = Path(text)
    private = path.is_absolute() or text.startswith("~") or ".." in path.parts
    return path.name if private else text


def share(text: str) -> float:
    """The value of an option that is a share of the rows.

    Raises:
        ArgumentTypeError: It is not a number from 0 to 1.
    """
    with contextlib.suppress(ValueError):
        if 0 <= (value := float(text)) <= 1:
            return value
    raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 1")


def parser(stem: str, description: str, **defaults: Any) -> argparse.ArgumentParser:
    """A parser with the options of all scripts: data, seed, output folder, device, precision."""
    options = Parser(prog=f"python -m train.{stem}", description=description)
    add = options.add_argument
    add("--data-dir", type=Path, help="folder of Parquet files (default: the Hugging Face Hub)")
    if "epochs" in defaults:
        add("--epochs", type=float, default=defaults.pop("epochs"))
    add("--batch-size", type=int, default=defaults.pop("batch_size"))
    add("--lr", type=float, default=defaults.pop("lr"), help="peak learning rate")
    add("--seed", type=int, default=0)
    add("--out", type=Path, default=Path("runs") / stem)
    add("--smoke", action="store_true", help="train a tiny model for a few steps")
    add("--fresh", action="store_true", help="start over instead of resuming")
    add("--device", help="cuda, mps or cpu (default: the best available)")
    add("--threads", type=int, help="CPU threads (default: all)")
    add("--precision", choices=("bf16", "fp32"), help="default: bf16 if the hardware has it")
    options.set_defaults(**defaults)
    return options


class Run:
    """One training run: its device, seeds, time and resumable state.

    A stopped run is resumed from ``<out>/state.pt`` if its options are the same, except those in
    ``ADJUSTABLE``.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.out: Path = args.out
        self.out.mkdir(parents=True, exist_ok=True)
        if args.threads:
            torch.set_num_threads(args.threads)
        random.seed(args.seed)
        np.random.seed(args.seed)
        torch.manual_seed(args.seed)
        self.device = pick_device(args.device)
        self.precision = args.precision or ("bf16" if _has_bf16(self.device) else "fp32")
        if args.fresh:
            (self.out / STATE).unlink(missing_ok=True)
        self.is_resumed = (self.out / STATE).is_file()
        self._stopping = False
        self._handlers: dict[int, Any] = {}
        if threading.current_thread() is threading.main_thread():
            self._listen()
        self._spent_before = 0.0
        self._started = time.monotonic()
        self._saved = self._started

    def _listen(self) -> None:
        """Save and stop after the current step on Ctrl-C or SIGTERM; a second one stops at once."""

        def stop(number: int, frame: object) -> None:
            self._stopping = True
            self._unlisten()

        for code in (signal.SIGINT, signal.SIGTERM):
            self._handlers[code] = signal.signal(code, stop)

    def _unlisten(self) -> None:
        for code, handler in self._handlers.items():
            signal.signal(code, handler)
        self._handlers = {}

    @property
    def seconds(self) -> float:
        """Time spent on the run, including the parts before it was stopped."""
        return self._spent_before + time.monotonic() - self._started

    def progress(self, step: int, total: int) -> float:
        """The share of the run that is done: of the steps, or of ``--minutes`` where given.

        A time budget makes the run end on time on a shared machine. Its learning rates then
        depend on the machine's speed, so such a run can't be repeated exactly.
        """
        if getattr(self.args, "minutes", None):
            return min(1.0, self.seconds / 60 / self.args.minutes)
        return step / total

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        """bf16 autocast if this run uses it, otherwise a context that does nothing."""
        if self.precision == "fp32":
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)

    def _settings(self) -> dict[str, str]:
        return {k: str(v) for k, v in vars(self.args).items() if k not in ADJUSTABLE}

    def resume(self, parts: dict[str, Any]) -> dict[str, Any]:
        """Load each part's state and return the values saved with them, or {}.

        Raises:
            SystemExit: The saved run had other options.
        """
        path = self.out / STATE
        if not self.is_resumed:
            return {}
        saved = torch.load(path, map_location=self.device, weights_only=True)
        if saved["settings"] != self._settings():
            raise SystemExit(
                f"{path} belongs to a run with other options: "
                "use the same options, or add --fresh to start over."
            )
        for name, part in parts.items():
            part.load_state_dict(saved["parts"][name])
        torch.set_rng_state(saved["rng"].cpu())
        for number, state in enumerate(saved.get("cuda_rng", [])[: torch.cuda.device_count()]):
            torch.cuda.set_rng_state(state.cpu(), number)
        self._spent_before = saved["seconds"]
        print(f"Resuming the run in {self.out} after {saved['seconds'] / 60:.0f} minutes.")
        values: dict[str, Any] = saved["values"]
        return values

    def save(self, values: dict[str, Any], parts: dict[str, Any], every: float = 0.0) -> None:
        """Save the state for ``resume``, at most once in ``every`` seconds; 0 always saves.

        Raises:
            SystemExit: A stop was requested.
        """
        if every == 0:
            self._unlisten()
        if not self._stopping and time.monotonic() - self._saved < every:
            return
        self._saved = time.monotonic()
        temporary = self.out / (STATE + ".new")
        state = {
            "settings": self._settings(),
            "seconds": self.seconds,
            "rng": torch.get_rng_state(),
            "cuda_rng": torch.cuda.get_rng_state_all(),
            "values": values,
            "parts": {name: part.state_dict() for name, part in parts.items()},
        }
        torch.save(state, temporary)
        os.replace(temporary, self.out / STATE)  # atomic: a run killed here keeps the old state
        if self._stopping:
            raise SystemExit("Stopped; run the same command without --fresh to resume.")

    def provenance(self, model: nn.Module, metrics: dict[str, Any], **facts: Any) -> dict[str, Any]:
        """The content of training.json: metrics and everything needed to repeat the run."""
        device = self.device.type
        if device == "cuda":
            device = torch.cuda.get_device_name(self.device)
        elif device == "cpu":
            threads = torch.get_num_threads()
            device = f"{threads} CPU thread{'s' if threads > 1 else ''}"
        return {
            "metrics": metrics,
            "parameters": sum(p.numel() for p in model.parameters()),
            **facts,
            "command": self.args.command,
            "seed": self.args.seed,
            "device": device,
            "precision": self.precision,
            "training_minutes": round(self.seconds / 60, 1),
            "versions": {"python": platform.python_version(), "torch": torch.__version__},
        }


def lineage(folder: Path) -> str:
    """The command that trained a checkpoint, and those of the checkpoints it started from."""
    training = read_json(folder, TRAINING)
    earlier = training.get("went on from") or training.get("base trained further with")
    return f"{training['command']}, after {earlier}" if earlier else str(training["command"])


class Best:
    """The weights with the best validation score so far, saved in ``<out>/best.pt``."""

    def __init__(self, run: Run) -> None:
        self.path = run.out / "best.pt"
        self.score = -math.inf
        if run.is_resumed and self.path.is_file():
            self.score = torch.load(self.path, map_location="cpu", weights_only=True)["score"]

    def offer(self, score: float, model: nn.Module) -> bool:
        """Save the weights if their score is the best so far (higher is better)."""
        if score <= self.score:
            return False
        self.score = score
        temporary = self.path.with_suffix(".new")
        torch.save({"score": score, "model": model.state_dict()}, temporary)
        os.replace(temporary, self.path)
        return True

    def restore(self, model: nn.Module) -> None:
        """Load the best weights into the model."""
        saved = torch.load(self.path, map_location="cpu", weights_only=True)
        model.load_state_dict(saved["model"])


def _has_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    return device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()


def constant_then_linear(progress: float, cooldown: float) -> float:
    """The learning rate's factor after warm-up: constant, then linear decay to zero.

    transformers' ``get_wsd_schedule`` counts steps; this one also serves runs with ``--minutes``.
    Before the decay begins, a run can be made longer or shorter (Hägele et al. 2024).

    Args:
        progress: From 0 to 1.
        cooldown: The share of the run, at its end, in which the rate decays.
    """
    return min(1.0, (1 - progress) / max(1e-9, cooldown)) if progress < 1 else 0.0
