"""The hooks of ``mkdocs.yml``: pages of the documentation's site that are files elsewhere.

The README is the home page, the model cards and others are pages, and the notebook becomes one.
Links between the files of the repository become links between the pages; one that leads to a file
without a page ends the build.
"""

from __future__ import annotations

import json
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = "docs/tour.ipynb"
# The files outside of docs/, by their place on the site.
PAGES = {
    "index.md": "README.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
    "benchmarks.md": "benchmarks/README.md",
    "tour.md": NOTEBOOK,
    "LICENSE": "LICENSE",
    "CITATION.cff": "CITATION.cff",
    **{
        f"cards/{card.parent.name}.md": card.relative_to(ROOT).as_posix()
        for card in sorted((ROOT / "checkpoints").glob("*/README.md"))
    },
}
LINK = re.compile(r"\]\((?![a-z]+:|#)([^)#\s]+)")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are not in docs/."""
    for place, source in PAGES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        content = as_markdown(text) if source == NOTEBOOK else text
        files.append(File.generated(config, place, content=content))
    return files


def on_page_markdown(markdown: str, page: Any, files: Files, **_: Any) -> str:
    """The page's text, with links to pages instead of files."""
    here = page.file.src_uri
    source = PAGES.get(here, f"docs/{here}")
    places = {f"docs/{each.src_uri}": each.src_uri for each in files}
    places |= {path: place for place, path in PAGES.items()}

    def link(found: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), found[1]))
        if target not in places:
            raise PluginError(f"{source} links to {target}, which has no page.")
        return f"]({posixpath.relpath(places[target], posixpath.dirname(here) or '.')}"

    return LINK.sub(link, markdown)


def as_markdown(notebook: str) -> str:
    """The cells of a notebook as Markdown."""
    cells = json.loads(notebook)["cells"]
    return "\n\n".join(
        f"```python\n{''.join(cell['source'])}\n```"
        if cell["cell_type"] == "code"
        else "".join(cell["source"])
        for cell in cells
    )
