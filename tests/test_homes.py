"""The folder of a Space and the files of other homes, as far as a test can tell."""

import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
import torch
import yaml
from packaging.requirements import Requirement

from deploy import space
from dlnlp.device import pick_device

ROOT = Path(__file__).resolve().parent.parent
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
# The documented keys (huggingface.co/docs/hub/spaces-config-reference).
KEYS = re.findall(
    r"\w+",
    "title emoji colorFrom colorTo sdk python_version sdk_version suggested_hardware "
    "suggested_storage app_file app_build_command app_port base_path fullWidth header "
    "short_description models datasets tags thumbnail pinned hf_oauth hf_oauth_scopes "
    "hf_oauth_expiration_minutes hf_oauth_authorized_org disable_embedding license "
    "startup_duration_timeout custom_headers preload_from_hub",
)


def pins(path):
    lines = [line.split("#")[0].split(";")[0].strip() for line in path.read_text().splitlines()]
    return dict(line.split("==") for line in lines if "==" in line)


@pytest.fixture(scope="module", params=[False, True], ids=["cpu", "zero_gpu"])
def written(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("space") / "space"
    space.write("somebody/dlnlp", folder, zero_gpu=request.param)
    return folder, request.param


def test_the_front_matter_has_documented_keys_and_keeps_their_limits(written):
    folder, zero_gpu = written
    matter = yaml.safe_load((folder / "README.md").read_text(encoding="utf-8").split("---\n")[1])
    assert set(matter) <= set(KEYS)
    assert matter["sdk"] == "gradio"
    assert matter["sdk_version"] == pins(folder / "requirements.txt")["gradio"]
    assert {matter["colorFrom"], matter["colorTo"]} <= COLOURS
    assert len(matter["short_description"]) <= 60
    assert (folder / matter["app_file"]).is_file()
    assert isinstance(matter["python_version"], str)
    assert matter["python_version"].startswith("3.12." if zero_gpu else "3.11")
    assert matter["suggested_hardware"] == ("zero-a10g" if zero_gpu else "cpu-basic")
    path = matter["thumbnail"].removeprefix("https://huggingface.co/spaces/somebody/dlnlp/")
    assert (folder / path.removeprefix("resolve/main/")).is_file()


def test_data_sets_and_base_models_are_those_of_the_cards():
    named = {"datasets": set(), "base_model": set()}
    for card in (ROOT / "checkpoints").glob("*/README.md"):
        matter = yaml.safe_load(card.read_text(encoding="utf-8").split("---\n")[1])
        named["datasets"] |= set(matter["datasets"])
        named["base_model"] |= {matter["base_model"]} if "base_model" in matter else set()
    matter = yaml.safe_load((ROOT / "README.md").read_text(encoding="utf-8").split("---\n")[1])
    assert set(matter["datasets"]) == named["datasets"]
    assert set(matter["models"]) == named["base_model"]


def test_the_folder_has_all_that_the_app_needs(written):
    """The app is built in the folder, without the rest of the project."""
    folder, zero_gpu = written
    code = (
        "import app; from dlnlp.registry import shared_registry as r; from dlnlp.service import *;"
        "app.build_app(Service(r())); print(r().report('sentiment_bert').training['parameters'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=120
    )
    assert done.stdout.strip().isdecimal(), done.stderr
    assert (folder / "pre-requirements.txt").exists() is not zero_gpu


def test_requirements_fit_the_home(written):
    folder, zero_gpu = written
    ours, theirs = pins(ROOT / "requirements.txt"), pins(folder / "requirements.txt")
    if zero_gpu:
        assert theirs.pop("torch") != ours.pop("torch")
        assert theirs.pop("spaces")
    else:
        assert pins(folder / "pre-requirements.txt")["torch"] == ours["torch"]
    assert theirs == ours


def test_pins_suit_the_extras_with_which_the_hub_installs_gradio(written):
    folder, _ = written
    chosen = pins(folder / "requirements.txt")
    needed = [Requirement(line) for line in metadata.requires("gradio")]
    wanted = [
        each
        for each in needed
        if not each.marker or any(each.marker.evaluate({"extra": e}) for e in ("mcp", "oauth"))
    ]
    assert {"mcp", "authlib"} <= {each.name for each in wanted}
    for each in wanted:
        assert each.name not in chosen or chosen[each.name] in each.specifier, each


@pytest.mark.parametrize("options", [[], ["--zero-gpu"]], ids=["cpu", "zero_gpu"])
def test_the_page_on_hosting_has_the_commands_that_the_script_shows(
    tmp_path, monkeypatch, capsys, options
):
    monkeypatch.chdir(tmp_path)
    space.main(["USER/dlnlp", "space", *options])
    shown = [line for line in capsys.readouterr().out.splitlines() if line.startswith("hf ")]
    recipe = "\n".join([" ".join(["python -m deploy.space USER/dlnlp space", *options]), *shown])
    assert f"```sh\n{recipe}\n```" in (ROOT / "docs" / "hosting.md").read_text(encoding="utf-8")


def test_the_commands_are_those_of_the_hubs_tool(tmp_path, capsys):
    space.main(["somebody/dlnlp", str(tmp_path / "space"), "--zero-gpu"])
    create, upload = (line for line in capsys.readouterr().out.splitlines() if line[:3] == "hf ")
    for command in (create, upload):
        verbs = command.split()[: 3 if "repos" in command else 2]
        shown = subprocess.run(
            [Path(sys.executable).parent / verbs[0], *verbs[1:], "--help"],
            capture_output=True,
            text=True,
            timeout=60,
        ).stdout
        for option in re.findall(r"--[a-z-]+", command):
            assert option in shown, f"{command}: {option}"
    with pytest.raises(SystemExit):
        space.main(["somebody/dlnlp", str(tmp_path / "space")])
    assert "exists" in capsys.readouterr().err


def test_models_stay_on_the_cpu_where_torch_only_claims_a_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.delenv("DLNLP_DEVICE", raising=False)
    assert str(pick_device()) == "cuda:0"
    monkeypatch.setenv("SPACES_ZERO_GPU", "1")
    assert str(pick_device()) == "cpu"


PYTHON = """#!/bin/sh
echo "$@" >> {log}
case "$*" in *pre-requirements.txt*) echo "no such host" >&2; exit {code};; esac
"""


@pytest.mark.parametrize(
    ("code", "gpu"), [(0, False), (1, False), (0, True)], ids=["reached", "not_reached", "gpu"]
)
def test_make_app_tries_the_cpu_build_and_goes_on_without_it(tmp_path, code, gpu):
    """Run by a Python that only writes down what make asks of it."""
    log, python = tmp_path / "log", tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(PYTHON.format(log=log, code=code))
    python.chmod(0o755)
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("make", "touch", *(["nvidia-smi"] if gpu else [])):
        (tools / name).symlink_to(shutil.which(name) or python)
    done = subprocess.run(
        ["make", "app", f"VENV={tmp_path / 'venv'}"],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
        env={"PATH": str(tools)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "no such host" not in done.stdout + done.stderr
    steps = log.read_text().splitlines()
    if not gpu:
        first = steps.pop(0)
        assert "--retries 0 --timeout 5" in first
    assert [step.strip() for step in steps] == ["-m pip install -r requirements.txt", "app.py"]
