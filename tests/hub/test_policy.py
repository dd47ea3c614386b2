"""What ``DLNLP_HUB`` allows, names of models, and what importing the package loads."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import dlnlp
from dlnlp.hub import (
    PRESETS,
    HubError,
    allowed,
    check_allowed,
    names_other_model,
    offered,
    shared_models,
)
from dlnlp.hub.policy import byte_limit, hub_name, identity

PRESET, OTHER, FOLDER = f"hf:{PRESETS[0].name}", "hf:someone/else", "/srv/model"


@pytest.mark.parametrize(
    ("setting", "localhost", "expected"),
    [
        ("off", True, ()),
        ("off", False, ()),
        ("list", True, (PRESET,)),
        ("list", False, (PRESET,)),
        ("any", True, (PRESET, OTHER, FOLDER)),
        ("any", False, (PRESET, OTHER)),
        (None, True, (PRESET, OTHER, FOLDER)),
        (None, False, (PRESET,)),
    ],
)
def test_what_is_allowed(setting: str | None, localhost: bool, expected: tuple[str, ...]) -> None:
    environment = {} if setting is None else {"DLNLP_HUB": setting}
    found = [name for name in (PRESET, OTHER, FOLDER) if allowed(name, localhost, environment)]
    assert tuple(found) == expected
    for name in {PRESET, OTHER, FOLDER}.difference(expected):
        with pytest.raises(HubError, match="own models" if setting == "off" else PRESETS[0].name):
            check_allowed(name, localhost, environment)
    for name in expected:
        check_allowed(name, localhost, environment)


def test_the_list_can_be_replaced(tmp_path: Path) -> None:
    environment = {"DLNLP_HUB": "list", "DLNLP_HUB_MODELS": f"someone/else, hf:a/b, {tmp_path}"}
    assert offered(environment) == (OTHER, "hf:a/b", str(tmp_path.resolve()))
    assert allowed(OTHER, False, environment) and allowed(f"{tmp_path}/", False, environment)
    assert allowed("https://huggingface.co/a/b", False, environment)
    assert not allowed(PRESET, False, environment)
    assert not allowed(f"{tmp_path}/../other", False, environment)


def test_presets() -> None:
    assert offered({}) == tuple(f"hf:{each.name}" for each in PRESETS) and len(PRESETS) == 4


def test_settings_are_checked() -> None:
    with pytest.raises(ValueError, match="DLNLP_HUB must be one of off, list, any"):
        allowed(PRESET, True, {"DLNLP_HUB": "everything"})
    for wrong in ("0", "-1", "many"):
        with pytest.raises(ValueError, match="DLNLP_HUB_MEGABYTES"):
            byte_limit({"DLNLP_HUB_MEGABYTES": wrong})
    assert byte_limit({}) == 600_000_000 and byte_limit({"DLNLP_HUB_MEGABYTES": "2"}) == 2_000_000


def test_names() -> None:
    for name in ("hf:a/b", "https://huggingface.co/a/b", "https://hf.co/a/b/", " hf:a/b "):
        assert hub_name(name) == "a/b" and identity(name) == "hf:a/b"
    assert hub_name("a/b") is None and Path(identity("a/b")).is_absolute()


def test_names_of_other_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("mine", "sentiment_bert"):
        (tmp_path / name).mkdir()
    assert all(map(names_other_model, ("hf:a/b", "a/b", "./mine", "/srv/model", "mine")))
    assert not any(map(names_other_model, ("sentiment_bert", "nonsense", "")))


def test_load_takes_folders(folder: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLNLP_DEVICE", "cpu")
    found = dlnlp.load(str(folder("distilbert")))
    assert found.classify(["fine"])[0].labels == ("NEGATIVE", "POSITIVE")
    assert dlnlp.load(str(folder("distilbert"))) is found
    with pytest.raises(KeyError):
        dlnlp.load("nonsense")


def test_importing_loads_no_large_library() -> None:
    code = (
        "import sys, dlnlp.hub; print([name for name in ('torch', 'transformers', 'tokenizers', "
        "'huggingface_hub', 'safetensors') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr


def test_visitors_from_elsewhere_do_not_use_the_servers_token() -> None:
    public, own = shared_models(public=True), shared_models()
    assert public.place is not None and public.place.token is False
    assert own.place is None
    assert shared_models(public=True) is public
