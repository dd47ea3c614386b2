"""Figures: what is on the axes, and nothing that Plotly would read as markup."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from dlnlp import plots
from dlnlp.inference.attention import attention_window
from dlnlp.results import AttentionMaps, Trace

TRACE = Trace(("a", "b"), (0, 1), np.array([0.1, 0.9]), np.zeros((2, 4)))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<b>", "&lt;b&gt;"),
        ("&amp;", "&amp;amp;"),
        ('"', '"'),
        ("\t", "⇥"),
        ("\x00", "\\u0000"),
        ("\u202e", "\\u202e"),
        ("\ud800", "\\ud800"),
        ("x" * 100, "x" * 15 + "…"),
    ],
)
def test_labels(text, shown):
    assert plots.label(text) == shown


@pytest.mark.parametrize(
    "figure",
    [plots.layer_verdicts([0.5]), plots.hidden_states(TRACE)],
)
def test_figures_suit_a_light_and_a_dark_page(figure):
    assert figure.layout.paper_bgcolor == figure.layout.plot_bgcolor == "rgba(0,0,0,0)"
    assert figure.layout.height
    assert not figure.layout.xaxis.showgrid and not figure.layout.yaxis.showgrid


def test_warm_up():
    plots.warm_up()


def test_the_running_verdict_has_a_point_per_prefix() -> None:
    trace = Trace(("not", "<b>", "good"), (0, 2), np.array([0.1, 0.9]), np.zeros((3, 4)))
    figure = plots.running_verdict(trace)
    assert list(figure.data[0].y) == [0.1, 0.9]
    assert list(figure.layout.xaxis.ticktext) == ["not", "good"]
    long = Trace(("w",) * 64, tuple(range(64)), np.full(64, 0.5), np.zeros((64, 4)))
    assert len(plots.running_verdict(long).layout.xaxis.ticktext) <= plots.MOST_TICKS


def test_hidden_states_show_the_units_that_move() -> None:
    hidden = np.zeros((3, 50))
    hidden[:, 7] = [-1, 0, 1]
    hidden[:, 3] = [0, 0, 0.5]
    trace = Trace(("a", "<i>", "c"), (2,), np.array([0.5]), hidden)
    figure = plots.hidden_states(trace)
    assert list(figure.layout.yaxis.ticktext)[:2] == ["→ unit 7", "→ unit 3"]
    assert len(figure.data[0].z) == plots.MOST_UNITS
    assert list(figure.data[0].z[0]) == [-1, 0, 1]
    assert figure.data[0].customdata[0][0] == "“a”, “c”"
    assert figure.layout.xaxis.ticktext[1] == "&lt;i&gt;"


def test_units_that_read_backwards_stand_below_and_are_marked() -> None:
    hidden = np.zeros((2, 8))
    hidden[:, 5] = [-1, 1]  # the second of those that read backwards
    hidden[:, 2] = [0, 0.5]
    trace = Trace(("a", "b"), (1,), np.array([0.5]), hidden, forward=4)
    figure = plots.hidden_states(trace)
    assert list(figure.layout.yaxis.ticktext)[::4] == ["→ unit 2", "← unit 1"]
    assert [list(row) for row in figure.data[0].z][::4] == [[0, 0.5], [-1, 1]]


def maps(count):
    """Two layers of three heads; token i looks at token 0 only."""
    weights = np.zeros((2, 3, count, count), dtype=np.float32)
    weights[..., 0] = 1
    return AttentionMaps(("[CLS]", *(f"w{i}" for i in range(1, count - 1)), "[SEP]"), weights)


def test_an_attention_window_hides_special_tokens_and_says_their_share():
    special = frozenset(("[CLS]", "[SEP]"))
    window = attention_window(maps(6), 0, 64, special, True)
    assert window.tokens == ("w1", "w2", "w3", "w4")
    assert window.weights.shape == (2, 3, 4, 4) and not window.weights.any()
    assert window.hidden_share == pytest.approx(np.ones((2, 3)))
    shown = attention_window(maps(6), 0, 64, special, False)
    assert shown.tokens[0] == "[CLS]" and not shown.hidden_share.any()


def test_an_attention_window_stays_within_a_long_text():
    window = attention_window(maps(200), 190, 64, frozenset(("[CLS]",)), True)
    assert len(window.tokens) == 64 and window.tokens[-1] == "[SEP]"
    assert (window.begin, window.total) == (199 - 64, 199)
    assert attention_window(maps(2), 0, 64, frozenset(("[CLS]", "[SEP]")), True).tokens == ()


def test_a_thumbnail_is_clearest_where_nothing_is_looked_at():
    uri = plots.thumbnail(np.array([[0.0, 1.0], [0.25, 0.0]]))
    picture = Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))).convert("RGBA")
    assert [picture.getpixel(p)[3] for p in ((0, 0), (1, 0), (0, 1))] == [0, 255, 128]


def test_every_head_of_a_window_is_less_than_a_megabyte():
    random = np.random.default_rng(0)
    pictures = [plots.thumbnail(random.dirichlet(np.ones(64), 64)) for _ in range(72)]
    assert sum(map(len, pictures)) < 700_000


def test_layer_verdicts_begin_with_the_embeddings():
    figure = plots.layer_verdicts((0.5, 0.2, 0.9))
    assert list(figure.data[0].y) == [0.5, 0.2, 0.9]
    assert list(figure.layout.xaxis.ticktext) == ["embeddings", "layer 1", "layer 2"]
