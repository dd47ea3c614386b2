"""docs/design.md lists the files that there are, each with a description."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def listed():
    """Paths in the page's tree, and what it says about them."""
    page = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    tree = page.split("## The files of the package")[1].split("```")[1]
    folders, found = [], {}
    for line in tree.strip("\n").splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        name, _, description = line.strip().partition(" ")
        if name.endswith("/"):
            folders = [*folders[:depth], name.rstrip("/")]
        else:
            found["/".join([*folders[:depth], name])] = description.strip()
    return found


def test_the_tree_lists_every_file_and_no_other():
    files = {path.relative_to(ROOT).as_posix() for path in (ROOT / "dlnlp").rglob("*.py")}
    assert set(listed()) == files


def test_every_file_is_described():
    assert [name for name, said in listed().items() if not re.search(r"\w+ \w+", said)] == []
