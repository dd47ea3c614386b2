"""docs/a-fifth-model.md is correct: its steps are applied to a copy of the project and tested."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
STEM = "bag_of_words"
BLOCK = re.compile(r"`([\w/]+\.py)`:\n+```python\n(.*?)```", re.DOTALL)


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    """A copy of the project with the fifth model."""
    root = tmp_path_factory.mktemp("project")
    for name in ("dlnlp", "tests"):
        ignored = shutil.ignore_patterns("__pycache__", "e2e")
        shutil.copytree(ROOT / name, root / name, ignore=ignored)
    for name in ("app.py", "pyproject.toml"):
        shutil.copy(ROOT / name, root / name)
    page = (ROOT / "docs" / "a-fifth-model.md").read_text(encoding="utf-8")
    blocks = dict(BLOCK.findall(page))
    record = blocks.pop("dlnlp/catalog.py")
    for name, code in blocks.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(code, encoding="utf-8")
    catalog = root / "dlnlp" / "catalog.py"
    before, after = catalog.read_text(encoding="utf-8").split("\nCATALOG = (\n")
    records, rest = after.split("\n)\n", 1)
    catalog.write_text(f"{before}\nCATALOG = (\n{records}\n{record})\n{rest}", encoding="utf-8")
    assert {Path(name).parts[1] for name in blocks} == {"models", "ui"}
    return root


def run(root, *command):
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=root, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_fifth_model_passes_the_contract_and_the_apps_tests(copied):
    files = ["tests/test_contract.py", "tests/test_catalog.py", "tests/test_app.py"]
    chosen = f"{STEM} or compare or public_endpoints"
    said = run(copied, "pytest", *files, "-k", chosen, "-p", "no:cacheprovider", "-n", "0")
    assert int(re.findall(r"(\d+) passed", said)[0]) > 30, said


def test_its_code_is_formatted_like_ours(copied):
    run(copied, "ruff", "check", "dlnlp")
    run(copied, "ruff", "format", "--check", "dlnlp")
