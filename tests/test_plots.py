"""Figures: what is on the axes, and nothing that Plotly would read as markup."""

import json

import numpy as np
import pytest

from dlnlp import plots
from dlnlp.results import NextToken, Trace, Translation


def translation(source, target):
    shape = (len(target), len(source))
    attention = np.full(shape, 1 / shape[1], dtype=np.float32)
    log_probs = np.full(shape[0], -0.1, dtype=np.float32)
    return Translation("".join(target), -1.0, tuple(source), tuple(target), log_probs, attention)


def test_attention_has_source_across_and_the_first_target_character_on_top():
    figure = plots.attention(translation("hé you", "salut"))
    heatmap = figure.data[0]
    assert (len(heatmap.z), len(heatmap.z[0])) == (5, 6)
    assert list(figure.layout.xaxis.ticktext) == ["h", "é", "␣", "y", "o", "u"]
    assert list(figure.layout.yaxis.ticktext) == list("salut")
    bottom, top = figure.layout.yaxis.range
    assert bottom > top


def test_equal_characters_keep_their_own_places():
    figure = plots.attention(translation("aaaa", "bb"))
    assert list(figure.data[0].x) == [0, 1, 2, 3]
    assert list(figure.layout.xaxis.tickvals) == [0, 1, 2, 3]


def test_values_reach_the_browser_as_plain_lists():
    sent = json.loads(plots.attention(translation("ab", "c")).to_json())
    assert sent["data"][0]["z"] == [[0.5, 0.5]]


def test_a_long_sentence_gets_smaller_cells_and_a_fixed_height():
    short, long = translation("a" * 20, "b" * 20), translation("a" * 120, "b" * 120)
    assert plots.cell_size(long) < plots.cell_size(short)
    assert plots.attention(long).layout.height >= 120 * 12


def test_of_a_very_long_text_the_beginning_is_drawn():
    figure = plots.attention(translation("a" * 300, "b" * 600))
    assert (len(figure.data[0].z), len(figure.data[0].z[0])) == (plots.PICTURED, plots.PICTURED)
    assert len(figure.layout.xaxis.tickvals) == len(figure.layout.yaxis.tickvals) == plots.PICTURED


def test_bars_are_likeliest_on_top_with_percentages():
    figure = plots.next_tokens([NextToken(" the", 0.25), NextToken("\n", 0.125)])
    assert list(figure.layout.yaxis.ticktext) == ["·the", "⏎"]
    assert list(figure.data[0].x) == [0.25, 0.125]
    assert list(figure.data[0].text) == ["25.0%", "12.5%"]
    bottom, top = figure.layout.yaxis.range
    assert bottom > top


def test_no_tokens_make_an_empty_figure():
    assert plots.next_tokens([]).layout.height > 0


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
    [plots.attention(translation("ab", "c")), plots.next_tokens([NextToken("a", 1.0)])],
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
    figure = plots.hidden_states(Trace(("a", "<i>", "c"), (2,), np.array([0.5]), hidden))
    assert list(figure.layout.yaxis.ticktext)[:2] == ["unit 7", "unit 3"]
    assert len(figure.data[0].z) == plots.MOST_UNITS
    assert list(figure.data[0].z[0]) == [-1, 0, 1]
    assert figure.data[0].customdata[0][0] == "“a” and “c”"
    assert figure.layout.xaxis.ticktext[1] == "&lt;i&gt;"
