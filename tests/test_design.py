"""The tree in docs/design.md lists every module with the first line of its docstring."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def listed():
    """The modules in the page's tree, with their descriptions."""
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


def documented():
    """The modules of the package, with the first lines of their docstrings."""
    found = {}
    for path in (ROOT / "dlnlp").rglob("*.py"):
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        found[path.relative_to(ROOT).as_posix()] = docstring.partition("\n")[0]
    return found


def test_the_tree_lists_every_module_with_the_first_line_of_its_docstring():
    assert listed() == documented()


def test_first_lines_are_one_sentence():
    """They end with a full stop, and no other sentence follows on the line."""
    wrong = {
        name: line
        for name, line in documented().items()
        if not line.endswith(".") or ". " in line.replace("et al. ", "")
    }
    assert wrong == {}
