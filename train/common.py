"""Plumbing that every training script shares; the loops themselves stay in the scripts."""

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
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dlnlp.checkpoint import TRAINING, read_json
from dlnlp.device import pick_device

STATE = "state.pt"


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
                words.append(public(value))
        found.command = shlex.join(words)
        return found


def public(value: Any) -> str:
    """An option's value without this machine's folders: of such a path only its name."""
    text = str(value)
    path = Path(text)
    private = path.is_absolute() or text.startswith("~") or ".." in path.parts
    return path.name if private else text


def parser(stem: str, description: str, **defaults: Any) -> argparse.ArgumentParser:
    """The options that all scripts have: data, length, seed, folder, device, precision."""
    options = Parser(prog=f"python -m train.{stem}", description=description)
    add = options.add_argument
    add("--data-dir", type=Path, help="folder of Parquet files (default: the Hugging Face Hub)")
    if "epochs" in defaults:
        add("--epochs", type=float, default=defaults.pop("epochs"))
    add("--batch-size", type=int, default=defaults.pop("batch_size"))
    add("--lr", type=float, default=defaults.pop("lr"), help="the highest learning rate")
    add("--seed", type=int, default=0)
    add("--out", type=Path, default=Path("runs") / stem)
    add("--smoke", action="store_true", help="a tiny model for a few steps: does it run?")
    add("--fresh", action="store_true", help="start over, even where a stopped run could go on")
    add("--device", help="cuda, mps or cpu (default: the best available)")
    add("--threads", type=int, help="CPU threads (default: all)")
    add("--precision", choices=("bf16", "fp32"), help="default: bf16 where the hardware has it")
    options.set_defaults(**defaults)
    return options


class Run:
    """One training run: its device, seeds, time and resumable state.

    A run that was stopped is taken up from ``<out>/state.pt`` when its options are the same.
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
        self.goes_on = (self.out / STATE).is_file()
        self._stopping = False
        self._handlers: dict[int, Any] = {}
        if threading.current_thread() is threading.main_thread():
            self._listen()
        self._spent_before = 0.0
        self._started = time.monotonic()
        self._saved = self._started

    def _listen(self) -> None:
        """Let Ctrl-C or SIGTERM end the run after the step, its state saved; twice, at once."""

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
        """Time spent on the run, that of stopped parts included."""
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
        """bf16 where the hardware computes in it, else nothing."""
        if self.precision == "fp32":
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)

    def _settings(self) -> dict[str, str]:
        neutral = {
            "fresh",
            "device",
            "threads",
            "precision",
            "out",
            "data_dir",
            "stop_after",
            "minutes",
            "cooldown",
            "command",
        }
        return {k: str(v) for k, v in vars(self.args).items() if k not in neutral}

    def resume(self, parts: dict[str, Any]) -> dict[str, Any]:
        """Load each part's state and return the plain values saved beside them, or {}."""
        path = self.out / STATE
        if not self.goes_on:
            return {}
        saved = torch.load(path, map_location=self.device, weights_only=True)
        if saved["settings"] != self._settings():
            raise SystemExit(
                f"{path} is of a run with other options: "
                "repeat those, or add --fresh to start over."
            )
        for name, part in parts.items():
            part.load_state_dict(saved["parts"][name])
        torch.set_rng_state(saved["rng"].cpu())
        self._spent_before = saved["seconds"]
        print(f"Going on with the run in {self.out} after {saved['seconds'] / 60:.0f} minutes.")
        values: dict[str, Any] = saved["values"]
        return values

    def save(self, values: dict[str, Any], parts: dict[str, Any], every: float = 0.0) -> None:
        """Keep what ``resume`` needs, at most once in ``every`` seconds; 0 ends the loop."""
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
            "values": values,
            "parts": {name: part.state_dict() for name, part in parts.items()},
        }
        torch.save(state, temporary)
        os.replace(temporary, self.out / STATE)  # a run killed here still has the old state
        if self._stopping:
            raise SystemExit("Stopped; the same command without --fresh goes on from here.")

    def provenance(self, model: nn.Module, metrics: dict[str, Any], **facts: Any) -> dict[str, Any]:
        """training.json: what was measured, and all that is needed to do it again."""
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
    """The command that trained a checkpoint, and those of the checkpoints it went on from."""
    training = read_json(folder, TRAINING)
    earlier = training.get("went on from") or training.get("base trained further with")
    return f"{training['command']}, after {earlier}" if earlier else str(training["command"])


class Best:
    """The weights that did best on validation so far, kept in ``<out>/best.pt``."""

    def __init__(self, run: Run) -> None:
        self.path = run.out / "best.pt"
        self.score = -math.inf
        if run.goes_on and self.path.is_file():
            self.score = torch.load(self.path, map_location="cpu", weights_only=True)["score"]

    def offer(self, score: float, model: nn.Module) -> bool:
        """Keep the weights if their score, the higher the better, is the best so far."""
        if score <= self.score:
            return False
        self.score = score
        temporary = self.path.with_suffix(".new")
        torch.save({"score": score, "model": model.state_dict()}, temporary)
        os.replace(temporary, self.path)
        return True

    def restore(self, model: nn.Module) -> None:
        """Give the model the best weights."""
        saved = torch.load(self.path, map_location="cpu", weights_only=True)
        model.load_state_dict(saved["model"])


def _has_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    return device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()


def schedule(step: int, total: int, warmup: int) -> float:
    """The learning rate's factor: linear warm-up, then a cosine down to zero."""
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warmup) / max(1, total - warmup))))


def plateau(progress: float, cooldown: float) -> float:
    """The learning rate's factor after warm-up: constant, then linear decay to zero.

    ``progress`` runs from 0 to 1; the decay takes the last ``cooldown`` of it. Before the decay
    begins, a run can still be made longer or shorter (Hägele et al. 2024).
    """
    return min(1.0, (1 - progress) / max(1e-9, cooldown)) if progress < 1 else 0.0


def shuffled(count: int, seed: int, epoch: int) -> list[int]:
    """A permutation that depends on nothing but these numbers, so a run can be resumed."""
    return np.random.default_rng((seed, epoch)).permutation(count).tolist()


def taking_turns(parts: Sequence[tuple[int, float]], epoch: int) -> list[int]:
    """Of rows that come in parts, (count, share) each, those whose turn it is in the epoch.

    A share of 1/3 is every third row, and in the next epoch the ones after those.
    """
    result: list[int] = []
    begin = 0
    for count, share in parts:
        turns = max(1, round(1 / share))
        result += range(begin + epoch % turns, begin + count, turns)
        begin += count
    return result


def fewest(parts: Sequence[tuple[int, float]]) -> int:
    """The rows that every epoch of ``taking_turns`` has at least."""
    return sum(count // max(1, round(1 / share)) for count, share in parts)


class QuickDropout(nn.Dropout):
    """Dropout whose mask is drawn fast on a CPU, where torch draws one number at a time.

    The generator is seeded from torch's own, so a run that goes on draws the same masks. The
    probability is rounded to a 256th.
    """

    def forward(self, x: Tensor) -> Tensor:
        """``x`` of any shape, with a share of it zero and the rest scaled up."""
        if not self.training or not self.p:
            return x
        if x.device.type != "cpu":
            return super().forward(x)
        generator = np.random.Generator(np.random.SFC64(int(torch.randint(2**62, ()))))
        drawn = torch.frombuffer(bytearray(generator.bytes(x.numel())), dtype=torch.uint8)
        least = round(256 * self.p)
        kept: Tensor = x * (drawn.view(x.shape) >= least)
        return kept * (256 / (256 - least))


def quicken(model: nn.Module) -> None:
    """Put ``QuickDropout`` in the place of every dropout; nothing else changes."""
    for module in model.modules():
        if type(module) is nn.Dropout:
            module.__class__ = QuickDropout


def length_batches(
    lengths: Sequence[int] | Sequence[tuple[int, int]],
    size: int,
    seed: int,
    epoch: int,
    noise: float = 0.1,
) -> Iterator[list[int]]:
    """Indices in shuffled batches of ``size`` rows of nearly equal length.

    Of rows with two lengths, the first ones are equal in most batches: their second ones
    are nearly so.
    """
    random_state = np.random.default_rng((seed, epoch, 1))
    if not lengths:
        return
    sizes = np.asarray(lengths).reshape(len(lengths), -1)
    keys = sizes[:, -1] * random_state.uniform(1 - noise, 1 + noise, len(sizes))
    order = np.lexsort((keys, *sizes[:, :-1].T))
    groups = [order[i : i + size].tolist() for i in range(0, len(order), size)]
    for index in random_state.permutation(len(groups)):
        yield groups[index]
