"""The import rules of docs/design.md, read from the source, and what starting the app loads."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from dlnlp.catalog import CATALOG

ROOT = Path(__file__).resolve().parent.parent
HEAVY = ("torch", "transformers", "tokenizers", "safetensors", "onnxruntime")
FORBIDDEN = {
    "dlnlp/ui": (*HEAVY, "dlnlp.models", "dlnlp.device", "train"),
    "dlnlp/models": ("gradio", "plotly", "dlnlp.ui", "dlnlp.plots", "dlnlp.registry", "train"),
    "dlnlp/plots.py": (*HEAVY, "gradio", "dlnlp.ui", "dlnlp.models", "dlnlp.registry", "train"),
    "dlnlp/results.py": (*HEAVY, "gradio", "plotly", "dlnlp.ui", "dlnlp.models", "train"),
    "dlnlp/text": (
        "torch",
        "transformers",
        "gradio",
        "plotly",
        "dlnlp.ui",
        "dlnlp.models",
        "train",
    ),
    "dlnlp/hub": (
        "gradio",
        "plotly",
        "dlnlp.ui",
        "dlnlp.plots",
        "dlnlp.registry",
        "dlnlp.service",
        "dlnlp.models",
        "train",
    ),
    "dlnlp/training": (
        "gradio",
        "plotly",
        "dlnlp.ui",
        "dlnlp.plots",
        "dlnlp.registry",
        "dlnlp.service",
        "train",
    ),
    "dlnlp/accelerate": ("gradio", "plotly", "dlnlp.ui", "dlnlp.plots", "dlnlp.registry", "train"),
    "dlnlp/inference": ("gradio", "plotly", "dlnlp.ui", "dlnlp.models", "dlnlp.registry", "train"),
    "dlnlp/compare": (*HEAVY, "gradio", "dlnlp.ui", "dlnlp.models", "dlnlp.device", "train"),
    "dlnlp/service": (*HEAVY, "gradio", "dlnlp.ui", "dlnlp.models", "dlnlp.device", "train"),
    "dlnlp/learn": ("gradio", "plotly", "dlnlp.ui", "dlnlp.plots", "dlnlp.registry", "train"),
    "dlnlp/capabilities.py": (*HEAVY, "gradio", "plotly", "dlnlp.ui", "dlnlp.models", "train"),
    "dlnlp/catalog.py": (*HEAVY, "gradio", "plotly", "train"),
    "dlnlp/registry.py": (*HEAVY, "gradio", "plotly", "dlnlp.ui", "train"),
    "train": ("gradio", "dlnlp.ui", "dlnlp.plots"),
    "benchmarks": ("dlnlp.ui", "dlnlp.plots"),
    "app.py": (*HEAVY, "dlnlp.models", "train"),
    "deploy/ray_app.py": (*HEAVY, "dlnlp.models", "train"),
    "deploy/replicas.py": (*HEAVY, "dlnlp.models", "train"),
}
# What a chapter's model.py may import beside torch and the standard library.
MODEL_NEEDS = {"sentiment_bert": ("transformers",)}


def files(place):
    path = ROOT / place
    return sorted(path.rglob("*.py")) if path.is_dir() else [path]


def imported(path):
    """Modules that the file imports, whether at its top or inside a function."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("place", FORBIDDEN)
def test_import_rule(place):
    assert files(place)
    for path in files(place):
        for name in imported(path):
            for banned in FORBIDDEN[place]:
                assert name != banned and not name.startswith(f"{banned}."), (
                    f"{path.relative_to(ROOT)} imports {name}"
                )


@pytest.mark.parametrize("place", ["dlnlp", "train", "app.py"])
def test_only_the_cluster_needs_ray(place):
    for path in files(place):
        assert not [name for name in imported(path) if name.split(".")[0] in ("ray", "deploy")]


@pytest.mark.parametrize("stem", [entry.stem for entry in CATALOG])
def test_a_chapters_model_imports_torch_alone(stem):
    allowed = {"torch", *sys.stdlib_module_names, *MODEL_NEEDS.get(stem, ())}
    found = {name.split(".")[0] for name in imported(ROOT / f"dlnlp/models/{stem}/model.py")}
    assert "torch" in found and found <= allowed, f"also imports {sorted(found - allowed)}"


def test_building_the_app_loads_neither_torch_nor_transformers():
    code = (
        "import sys, app; from dlnlp.registry import Registry; from dlnlp.service import Service; "
        "app.build_app(Service(Registry(untrained=True))); "
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.stdout.strip() == "[]", done.stderr
