"""Write the folder of a Hugging Face Space.

``python -m deploy.space USER/dlnlp FOLDER [--zero-gpu]`` also shows the commands that upload it.
PRO accounts can create Gradio Spaces on CPUs, free accounts only on ZeroGPU. ZeroGPU has its own
versions of Python and PyTorch, needs PyTorch's CUDA build, and stops apps without a function for
the GPU (huggingface.co/docs/hub/spaces-zerogpu).
"""

from __future__ import annotations

import argparse
import re
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
FOLDERS = ("dlnlp", "checkpoints", "docs", "learn")
FILES = ("app.py", "LICENSE", "CONTRIBUTING.md", "CHANGELOG.md", "CITATION.cff")
ZERO_GPU_APP = "zero_gpu_app.py"
ZERO_GPU = {
    "python_version": '"3.12.12"',
    "app_file": ZERO_GPU_APP,
    "suggested_hardware": "zero-a10g",
}
# A version that ZeroGPU lists. Only training, which no Space does, needs a newer one.
ZERO_GPU_TORCH, SPACES = "torch==2.11.0", "spaces==0.51.3"
THUMBNAIL = "https://huggingface.co/spaces/{}/resolve/main/docs/screenshot.png"


def write(name: str, folder: Path, zero_gpu: bool = False) -> None:
    """Write all files of the Space.

    Args:
        name: The name of the Space, such as "USER/dlnlp".

    Raises:
        FileExistsError: The folder exists.
    """
    folder.mkdir(parents=True)
    for each in FOLDERS:
        shutil.copytree(ROOT / each, folder / each, ignore=shutil.ignore_patterns("__pycache__"))
    for file in FILES:
        shutil.copy(ROOT / file, folder)
    page, needs = (
        (ROOT / file).read_text(encoding="utf-8") for file in ("README.md", "requirements.txt")
    )
    page = with_key(page, "thumbnail", THUMBNAIL.format(name))
    if zero_gpu:
        shutil.copy(HERE / ZERO_GPU_APP, folder)
        needs = re.sub(r"^torch==.*$", ZERO_GPU_TORCH, needs, flags=re.MULTILINE) + SPACES + "\n"
        for key, value in ZERO_GPU.items():
            page = with_key(page, key, value)
    else:
        shutil.copy(ROOT / "pre-requirements.txt", folder)
    (folder / "README.md").write_text(page, encoding="utf-8")
    (folder / "requirements.txt").write_text(needs, encoding="utf-8")


def with_key(page: str, key: str, value: str) -> str:
    """A README whose front matter has this value for a key."""
    _, matter, rest = page.split("---\n", 2)
    kept = [line for line in matter.splitlines() if not line.startswith(f"{key}:")]
    return "---\n" + "\n".join([*kept, f"{key}: {value}"]) + "\n---\n" + rest


def main(argv: Sequence[str] | None = None) -> None:
    """Write the folder, and show the commands that upload it."""
    parser = argparse.ArgumentParser(prog="python -m deploy.space", description=__doc__)
    parser.add_argument("name", help="the name of the Space, such as USER/dlnlp")
    parser.add_argument("folder", type=Path, help="a new folder for its files")
    parser.add_argument("--zero-gpu", action="store_true", help="for ZeroGPU, instead of CPUs")
    options = parser.parse_args(argv)
    try:
        write(options.name, options.folder, options.zero_gpu)
    except FileExistsError:
        parser.error(f"{options.folder} exists: delete it, or choose another folder")
    flavor = "zero-a10g" if options.zero_gpu else "cpu-basic"
    name, folder = shlex.quote(options.name), shlex.quote(str(options.folder))
    print(
        f"Wrote {options.folder}. To create the Space and upload the folder:\n\n"
        f"hf repos create {name} --type space --space-sdk gradio --flavor {flavor} "
        "-e DLNLP_PRELOAD=all\n"
        f"hf upload {name} {folder} . --type space"
    )


if __name__ == "__main__":
    main()
