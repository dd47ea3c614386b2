"""Follow the recipe of each home of the app on this machine, as far as one machine can.

``python -m tests.homes [cpu-space] [zero-gpu-space] [docker] [install]`` installs the app into a
new environment each time, which takes minutes, starts it and asks it. A Space is installed and
started as the Hub does it; a Dockerfile's steps run without Docker, in a folder and an environment
of their own. ZeroGPU needs Python 3.12 (``--python312``).
"""

from __future__ import annotations

import argparse
import contextlib
import http.server
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from deploy import space

ROOT = Path(__file__).resolve().parent.parent
STARTED = 180  # seconds
NAME = "somebody/dlnlp"
# The variables of a Space.
SPACE = {"SYSTEM": "spaces", "SPACE_ID": NAME, "GRADIO_SERVER_NAME": "0.0.0.0"}


class ZeroGPU(http.server.BaseHTTPRequestHandler):
    """Stands in for the service to which a ZeroGPU Space reports that it has a GPU function."""

    reports: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        """Accept the report."""
        self.reports.append(self.path)
        self.send_response(200)
        self.end_headers()


@contextlib.contextmanager
def zero_gpu() -> Iterator[dict[str, str]]:
    """The variables that ZeroGPU sets."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), ZeroGPU)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield {"SPACES_ZERO_GPU": "1", "SPACES_ZERO_DEVICE_API_URL": address}
    finally:
        server.shutdown()


def run(command: str, folder: Path, environment: dict[str, str]) -> None:
    """Run a shell command, and stop if it fails."""
    print(f"$ {command}", flush=True)
    subprocess.run(["bash", "-ec", command], cwd=folder, env=environment, check=True)


def environment(folder: Path, python: str) -> dict[str, str]:
    """The variables with which ``python`` and ``pip`` are those of a new environment."""
    subprocess.run([python, "-m", "venv", folder], check=True)
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PIP_QUIET": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def served(command: list[str], folder: Path, variables: dict[str, str]) -> Iterator[int]:
    """The port of the app that the command starts."""
    port = free_port()
    variables = {**variables, "GRADIO_SERVER_PORT": str(port)}
    print(f"$ {shlex.join(command)}", flush=True)
    process = subprocess.Popen(command, cwd=folder, env=variables)
    try:
        end = time.monotonic() + STARTED
        while time.monotonic() < end and process.poll() is None:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5)
                break
            time.sleep(0.2)
        yield port
        process.terminate()
        assert process.wait(10) == 0, "the app did not stop cleanly"
    finally:
        process.kill()  # without effect on one that has ended


def check(port: int) -> None:
    """The page opens, and every model answers."""
    url = f"http://127.0.0.1:{port}"
    assert b"dlnlp" in urllib.request.urlopen(url, timeout=30).read()
    for path, body in (
        ("sentiment_lstm/classify", {"texts": ["I loved the movie"]}),
        ("sentiment_bert/explain", {"text": "I loved the movie"}),
        ("char_seq2seq/translate", {"texts": ["hello"]}),
        ("token_transformer/next_tokens", {"prompt": "Once upon a"}),
    ):
        request = urllib.request.Request(f"{url}/v1/{path}", json.dumps(body).encode())
        answer = urllib.request.urlopen(request, timeout=120).read()
        print(path, answer[:70].decode(), flush=True)


def install_cpu_torch(folder: Path, variables: dict[str, str]) -> None:
    """Install PyTorch's CPU build, unless its index can't be reached from this machine."""
    try:
        run("pip install --retries 0 --timeout 5 -r pre-requirements.txt", folder, variables)
    except subprocess.CalledProcessError:
        print("PyTorch's index can't be reached: this goes on with the build of PyPI.", flush=True)


def try_cpu_space(place: Path, python: str) -> None:
    """Install in the order of the Hub, and start the app."""
    folder, variables = place / "space", environment(place / "venv", python)
    space.write(NAME, folder)
    install_cpu_torch(folder, variables)
    with served(install_space(folder, variables), folder, variables | SPACE) as port:
        check(port)


def try_zero_gpu_space(place: Path, python: str) -> None:
    """The same with ZeroGPU's versions and the real package ``spaces``."""
    folder, variables = place / "space", environment(place / "venv", python)
    space.write(NAME, folder, zero_gpu=True)
    command = install_space(folder, variables)
    with zero_gpu() as others, served(command, folder, variables | SPACE | others) as port:
        check(port)
    assert ZeroGPU.reports == ["/startup-report"], "no function for the GPU was found"


def install_space(folder: Path, variables: dict[str, str]) -> list[str]:
    """Install what the Space needs; returns the command that starts it."""
    page = (folder / "README.md").read_text(encoding="utf-8")
    matter = dict(re.findall(r'^(\w+): *"?([^"\n]+)"?$', page, re.MULTILINE))
    # The Hub's own command; gradio[mcp] needs older versions of pydantic and mcp.
    gradio = f"'gradio[oauth,mcp]=={matter['sdk_version']}'"
    others = "'uvicorn>=0.14.0' 'websockets>=10.4' spaces"
    run(f"pip install -r requirements.txt {gradio} {others}", folder, variables)
    return ["python", matter["app_file"]]


def try_docker(place: Path, python: str) -> None:
    """The steps of the Dockerfile, in a folder of its own; users and ports are Docker's."""
    folder, variables = place / "app", environment(place / "venv", python)
    folder.mkdir()
    ignored = shutil.ignore_patterns(*(ROOT / ".dockerignore").read_text().split(), "__pycache__")
    command, health, inside = [], [], "/"
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    for line in text.splitlines():
        step, _, rest = line.partition(" ")
        if step == "ARG":
            name, _, value = rest.partition("=")
            variables[name] = value
        elif step == "WORKDIR":
            inside = rest
        elif step == "ENV":
            pairs = rest.replace(inside, str(folder)).split()
            variables |= dict(pair.split("=", 1) for pair in pairs)
        elif step == "COPY" and rest == ". .":
            shutil.copytree(ROOT, folder, ignore=ignored, dirs_exist_ok=True)
        elif step == "COPY":
            for pattern in rest.split()[:-1]:
                for path in ROOT.glob(pattern):
                    shutil.copy(path, folder)
        elif step == "RUN" and "pre-requirements" in rest:
            first, _, second = rest.partition(" && ")
            assert "pre-requirements" in first
            install_cpu_torch(folder, variables)
            run(second, folder, variables)
        elif step == "HEALTHCHECK":
            health = json.loads(rest.partition("CMD ")[2])
        elif step == "CMD":
            command = json.loads(rest)
    with served(command, folder, variables) as port:
        check(port)
        run(shlex.join(health).replace("7860", str(port)), folder, variables)


def try_install(place: Path, python: str) -> None:
    """``pip install -e .``, the command ``dlnlp``, and ``import dlnlp`` in another folder."""
    variables, elsewhere = environment(place / "venv", python), place / "elsewhere"
    elsewhere.mkdir()
    install_cpu_torch(ROOT, variables)
    run(f"pip install -e {shlex.quote(str(ROOT))}", elsewhere, variables)
    code = "import dlnlp; print(dlnlp.load('sentiment_lstm').classify(['I loved the movie']))"
    run(shlex.join(["python", "-c", code]), elsewhere, variables)
    with served(["dlnlp"], elsewhere, variables) as port:
        check(port)


HOMES = ("cpu-space", "zero-gpu-space", "docker", "install")


def main() -> None:
    """Try the homes one after the other."""
    parser = argparse.ArgumentParser(prog="python -m tests.homes", description=__doc__)
    parser.add_argument("homes", nargs="*", metavar="home", help=f"{', '.join(HOMES)} (all)")
    parser.add_argument("--python312", default="python3.12", help="a Python 3.12, for ZeroGPU")
    options = parser.parse_args()
    for home in options.homes or HOMES:
        print(f"\n{home}", flush=True)
        with tempfile.TemporaryDirectory() as name:
            place = Path(name)
            if home == "cpu-space":
                try_cpu_space(place, sys.executable)
            elif home == "zero-gpu-space":
                try_zero_gpu_space(place, options.python312)
            elif home == "docker":
                try_docker(place, sys.executable)
            elif home == "install":
                try_install(place, sys.executable)
            else:
                parser.error(f"there is no home {home!r}")


if __name__ == "__main__":
    main()
