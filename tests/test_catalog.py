"""The catalog's records: complete, consistent, and cheap to import."""

import subprocess
import sys
from dataclasses import replace

import pytest

from dlnlp import catalog
from dlnlp.catalog import CATALOG, Metric


def test_stems_titles_and_chapters_are_unique():
    for name in ("stem", "title", "chapter"):
        values = [getattr(entry, name) for entry in CATALOG]
        assert len(set(values)) == len(values)


@pytest.mark.parametrize("entry", CATALOG, ids=lambda entry: entry.stem)
def test_a_record_says_what_the_page_and_the_card_need(entry):
    assert entry.description.endswith(".") and entry.description.count(". ") == 0
    assert entry.family and entry.licence and entry.data
    assert str(entry.chapter) == f"Chapter {entry.chapter.number} · {entry.chapter.name}"
    assert any(metric.headline for metric in entry.metrics)
    sources = [*entry.data, *([entry.base] if entry.base else [])]
    references = [each for metric in entry.metrics for each in metric.references]
    assert all(each.url.startswith("https://") for each in [*sources, *references])
    assert all(source.licence for source in sources)


@pytest.mark.parametrize(
    ("higher_is_better", "value", "meets"),
    [(True, 90.0, True), (True, 89.9, False), (False, 90.0, True), (False, 90.1, False)],
)
def test_a_floor_is_the_worst_value_allowed(higher_is_better, value, meets):
    metric = Metric("m", "M", higher_is_better=higher_is_better, floor=90.0)
    assert metric.meets_floor(value) is meets
    assert replace(metric, floor=None).meets_floor(value)


def test_an_unknown_stem_names_the_known_ones():
    with pytest.raises(KeyError, match=CATALOG[0].stem):
        catalog.record("gpt")


def test_importing_the_catalog_is_cheap():
    heavy = "('torch', 'gradio', 'numpy')"
    code = f"import sys, dlnlp.catalog; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr
