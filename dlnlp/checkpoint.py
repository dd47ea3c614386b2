"""Checkpoint folders: config.json, vocabulary, model.safetensors, training.json, README.md.

training.json holds the SHA-256 of every other file that the model reads, so missing or damaged
files are detected. Reading the report does not import torch.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

CONFIG, WEIGHTS, TRAINING, CARD = "config.json", "model.safetensors", "training.json", "README.md"
STEM = "stem"  # in training.json: the chapter, if the folder has another name
SAVE_MEMORY = "DLNLP_MAX_LOADED=1 python app.py"  # one model at a time
ROOT = Path(__file__).resolve().parent.parent / "checkpoints"


class CheckpointError(RuntimeError):
    """A checkpoint can't be used; the message names the folder, the fault and the remedy."""

    def __init__(self, folder: Path, fault: str, remedy: str | None = None) -> None:
        stem = folder.name
        remedy = remedy or (
            "pip install -r requirements-train.txt "
            f"&& python -m train.{stem} && python -m train.promote {stem}"
        )
        super().__init__(f"The checkpoint in “{folder}” {fault}; to repair it, run: {remedy}")
        self._arguments = (folder, fault, remedy)

    def __reduce__(self) -> tuple[Any, ...]:
        """Makes it possible to send the error to another process."""
        return CheckpointError, self._arguments


@dataclass(frozen=True)
class Report:
    """A checkpoint's model card and training.json."""

    card: str
    training: dict[str, Any]


def checkpoint_root() -> Path:
    """``DLNLP_CHECKPOINTS``, or the repository's own ``checkpoints/``."""
    return Path(os.environ.get("DLNLP_CHECKPOINTS") or ROOT).resolve()


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_json(folder: Path, name: str) -> dict[str, Any]:
    """The JSON object in a file of the folder.

    Raises:
        CheckpointError: The folder or file is missing, or the file is not a JSON object.
    """
    if not folder.is_dir():
        raise CheckpointError(folder, "is missing")
    try:
        value = json.loads((folder / name).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(folder, f"has no {name}") from None
    except (OSError, ValueError) as fault:
        raise CheckpointError(folder, f"has an unreadable {name} ({fault})") from None
    if not isinstance(value, dict):
        raise CheckpointError(folder, f"has a {name} that is not a JSON object")
    return value


def verify(folder: Path) -> dict[str, Any]:
    """Check all files of a folder against their hashes; returns its training.json.

    Raises:
        CheckpointError: A file is missing or differs from its hash in training.json.
    """
    training = read_json(folder, TRAINING)
    files = training.get("files")
    if not isinstance(files, dict) or WEIGHTS not in files:
        raise CheckpointError(folder, f"has a {TRAINING} without the files' hashes")
    for name, expected in files.items():
        path = folder / name
        if not path.is_file():
            raise CheckpointError(folder, f"has no {name}")
        try:
            matches = sha256(path) == expected
        except OSError as fault:
            raise CheckpointError(folder, f"has an unreadable {name} ({fault})") from None
        if matches:
            continue
        with path.open("rb") as stream:
            pointer = stream.read(40).startswith(b"version https://git-lfs")
        if pointer:
            raise CheckpointError(folder, f"has a Git LFS pointer for {name}", "git lfs pull")
        size = path.stat().st_size
        raise CheckpointError(
            folder, f"is damaged: {name} ({size:,} bytes) differs from what was saved"
        )
    return training


def read_config(folder: Path) -> dict[str, Any]:
    """The config.json of a folder, after ``verify``.

    Raises:
        CheckpointError: A file is missing or differs from its hash in training.json.
    """
    verify(folder)
    return read_json(folder, CONFIG)


def out_of_memory(fault: Exception) -> bool:
    """Whether there was not enough memory; PyTorch's allocators raise a RuntimeError."""
    said = str(fault).lower()
    return isinstance(fault, MemoryError) or (
        isinstance(fault, RuntimeError) and ("allocate memory" in said or "out of memory" in said)
    )


@contextmanager
def fitting(folder: Path) -> Iterator[None]:
    """Turn any error while a model is built from the folder's files into a CheckpointError."""
    try:
        yield
    except CheckpointError:
        raise
    except Exception as fault:
        if out_of_memory(fault):
            raise
        raise CheckpointError(
            folder, f"is not compatible with this version of the code ({fault})"
        ) from fault


def load_weights(folder: Path, module: torch.nn.Module) -> None:
    """Load model.safetensors into the module, in the module's own dtype.

    The file must hold exactly the keys of the module's ``state_dict``.

    Raises:
        CheckpointError: The file is truncated, or its tensors do not match the module.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        state = load_file(folder / WEIGHTS)
    except (SafetensorError, OSError) as fault:
        raise CheckpointError(folder, f"has an unreadable {WEIGHTS} ({fault})") from None
    expected = module.state_dict()
    wrong = sorted(expected.keys() ^ state.keys())
    wrong += [k for k in expected if k in state and expected[k].shape != state[k].shape]
    if wrong:
        raise CheckpointError(
            folder, f"does not match its {CONFIG}: {len(wrong)} tensors differ, first {wrong[0]}"
        )
    module.load_state_dict(state)


def save(
    folder: Path,
    config: dict[str, Any],
    module: torch.nn.Module,
    files: dict[str, str],
    training: dict[str, Any],
) -> None:
    """Write a folder that ``verify`` accepts, with the weights as float16.

    training.json is written last, so an interrupted save is never taken for a complete one.

    Args:
        files: The contents of further files that the model reads, such as vocabularies, by name.
        training: Metrics, data, seed, command, versions; the files' hashes are added.

    Raises:
        ValueError: A weight is not finite as float16.
    """
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    (folder / TRAINING).unlink(missing_ok=True)
    state = {
        key: (value.half() if value.is_floating_point() else value).cpu().contiguous()
        for key, value in module.state_dict().items()
    }
    broken = [key for key, value in state.items() if not torch.isfinite(value).all()]
    if broken:
        raise ValueError(
            f"The checkpoint was not saved: weights are not finite as float16, first {broken[0]}."
        )
    save_file(state, folder / WEIGHTS)
    write_json(folder / CONFIG, config)
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")
    names = [CONFIG, *files, WEIGHTS]
    hashes = {name: sha256(folder / name) for name in names}
    write_json(folder / TRAINING, {**training, "files": hashes})


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON, one item per line."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_report(folder: Path) -> Report:
    """The model card and training.json of a folder.

    Raises:
        CheckpointError: The folder or one of the two files is missing or unreadable.
    """
    training = read_json(folder, TRAINING)
    try:
        card = (folder / CARD).read_text(encoding="utf-8")
    except OSError:
        raise CheckpointError(folder, f"has no {CARD}") from None
    return Report(card, training)
