"""The documentation: the notebook runs, the citation is up to date, and links lead to files."""

import json
import re
from pathlib import Path

import pytest
import yaml

import dlnlp

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").glob("*.md"),
    *(ROOT / "benchmarks").glob("*.md"),
    *(ROOT / "checkpoints").glob("*/README.md"),
]


def test_the_notebook_runs_from_top_to_bottom(capsys):
    notebook = json.loads((ROOT / "docs" / "tour.ipynb").read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    namespace = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        assert cell["outputs"] == [], "commit the notebook without outputs"
        assert cell["execution_count"] is None
        source = "".join(cell["source"])
        exec(compile(source, f"cell {cell['id']}", "exec"), namespace)
        assert capsys.readouterr().out.strip(), f"this cell shows nothing:\n{source}"


def test_the_citation_has_the_packages_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == dlnlp.__version__
    assert citation["license"] == "Apache-2.0"
    assert citation["authors"] == [{"name": "The dlnlp developers"}]
    assert {"cff-version", "message", "title"} <= set(citation)


def test_the_changelog_has_the_packages_version():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## \[(.+?)\]", changelog, flags=re.MULTILINE)
    assert versions[0] == "Unreleased"
    assert versions[1] == dlnlp.__version__


def test_the_pictures_are_small():
    docs = ROOT / "docs"
    pictures = [*docs.glob("*.png"), *(docs / "pictures").iterdir()]
    assert len(pictures) > 5
    assert sum(each.stat().st_size for each in pictures) < 1_500_000


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_to_files(page):
    links = re.findall(r"\]\((?![a-z]+:|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_hosting_lists_every_variable():
    code = [ROOT / "app.py", *ROOT.glob("dlnlp/**/*.py")]
    read = {
        name
        for path in code
        for name in re.findall(r"\bDLNLP_[A-Z_]+[A-Z]\b", path.read_text(encoding="utf-8"))
    }
    listed = re.findall(
        r"^\| `(DLNLP_\w+)`", (ROOT / "docs" / "hosting.md").read_text(), re.MULTILINE
    )
    assert set(listed) == read


def test_the_page_on_training_names_every_data_set():
    source = (ROOT / "train" / "data" / "sets.py").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    names = set(re.findall(r'\b(?:has|read)\("([\w-]+)"', source))
    assert len(names) == 7
    assert {name for name in names if f"`{name}/" not in page} == set()
