"""The heatmap that attention panels show."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from dlnlp.ui.panels.heatmap import heatmap

EVIL = "<img src=x onerror=alert(1)>"


def drawn(rows, columns, weights, **options):
    hover = "writing “{row}”, reading “{column}”"
    return heatmap(rows, columns, np.array(weights), hover, description="Attention", **options)


def labels(shown, side):
    part = re.search(rf'<div class="dl-heatmap-{side}">(.*?)</div>', shown)[1]
    return re.findall("<span>(.*?)</span>", part)


def test_rows_go_down_and_columns_across():
    shown = drawn("ab", "x y", [[1, 0, 0], [0, 0.25, 0.75]])
    assert labels(shown, "rows") == ["a", "b"]
    assert labels(shown, "columns") == ["x", "␣", "y"]
    assert "--rows:2;--columns:3;" in shown


def test_picture_and_levels_hold_the_weights():
    weights = [[1, 0, 0], [0, 0.25, 0.75]]
    shown = drawn("ab", "x y", weights)
    levels = np.frombuffer(base64.b64decode(re.search('data-levels="(.*?)"', shown)[1]), np.uint8)
    assert (levels / 255) ** 2 == pytest.approx(np.ravel(weights), abs=0.005)
    png = base64.b64decode(re.search('src="data:image/png;base64,(.*?)"', shown)[1])
    picture = Image.open(io.BytesIO(png)).convert("RGBA")
    assert picture.size == (3, 2)
    assert [picture.getpixel((x, y))[3] for y in (0, 1) for x in (0, 1, 2)] == levels.tolist()


def test_labels_are_text_and_long_ones_are_cut():
    shown = drawn([EVIL, "w" * 99], ["\x00"], [[1], [1]], words=True)
    assert "<img src=x" not in shown
    assert labels(shown, "rows") == ["&lt;img·src=x·oner…", "w" * 15 + "…"]
    assert labels(shown, "columns") == ["\\u0000"]


def test_many_cells_are_smaller():
    assert "--cell:22px" in drawn("a" * 60, "b", np.ones((60, 1)))
    assert "--cell:15px" in drawn("a" * 61, "b", np.ones((61, 1)))


def test_weights_must_fit_the_labels():
    with pytest.raises(ValueError, match=r"\(1, 2\)"):
        drawn("a", "bc", [[1, 0, 0]])


def test_a_large_map_stays_small_html():
    weights = np.random.default_rng(0).dirichlet(np.full(150, 0.1), 150)
    assert len(drawn("a" * 150, "b" * 150, weights)) < 80_000
