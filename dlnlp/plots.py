"""Plotly figures of results, readable on a light and on a dark page.

Backgrounds are transparent and there are no grid lines. The page's style sheet colours the text,
because Gradio does not restyle figures in dark mode. Plotly reads labels as HTML, so they are
escaped; it also merges equal labels, so axes are numbered and only their ticks have names.
"""

from __future__ import annotations

import base64
import html
import io
import itertools
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from PIL import Image, ImageColor

from dlnlp.results import UNSURE_ABOVE, UNSURE_BELOW, Trace

ACCENT = "#3b93d0"
SERIES = (ACCENT, "#d9803f", "#7d8f3a", "#a06cb5")
NEUTRAL = "rgba(128,128,128,0.6)"
SANS = "IBM Plex Sans, ui-sans-serif, system-ui, sans-serif"
MONO = "IBM Plex Mono, ui-monospace, Consolas, monospace"
LONGEST_LABEL = 16
WORDS = "words"  # marks figures with the visitor's words as ticks, for ``language.js``
MOST_TICKS, MOST_UNITS, MOST_WORDS = 40, 30, 60
# Orange is negative and blue positive, which colour-blind readers can tell apart.
DIVERGING = [[0, "rgb(196,87,27)"], [0.5, "rgba(140,140,140,0.15)"], [1, "rgb(47,127,184)"]]
_MARKS = {" ": "␣", "\n": "⏎", "\r": "␍", "\t": "⇥"}


def visible(text: str, space: str = "␣") -> str:
    """The text with visible whitespace and control characters, cut to ``LONGEST_LABEL``."""
    if len(text) > LONGEST_LABEL:
        text = text[: LONGEST_LABEL - 1] + "…"
    return "".join(space if c == " " else _MARKS.get(c) or _printable(c) for c in text)


def _printable(character: str) -> str:
    hidden = unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp", "Zs")
    return f"\\u{ord(character):04x}" if hidden else character


def label(text: str, space: str = "␣") -> str:
    """A tick label: made visible, and escaped because Plotly interprets HTML."""
    return html.escape(visible(text, space), quote=False)


def levels(weights: np.ndarray) -> np.ndarray:
    """Weights from 0 to 1 as opacities from 0 to 255.

    Opacities are proportional to the square root, so that attention spread over many positions
    stays visible.
    """
    return np.round(255 * np.sqrt(np.clip(weights, 0, 1))).astype(np.uint8)


def thumbnail(weights: np.ndarray) -> str:
    """Weights (rows, columns) as an image with one pixel each, as a data URI; 0 is transparent."""
    picture = Image.fromarray(levels(weights), mode="P")
    picture.putpalette(list(ImageColor.getrgb(ACCENT)) * 256)
    stream = io.BytesIO()
    picture.save(stream, "PNG", transparency=bytes(range(256)))
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()


def running_verdict(trace: Trace) -> go.Figure:
    """The probability of positive after each word, with dotted lines around "unsure"."""
    words = [trace.words[end] for end in trace.ends]
    figure = _verdicts(words, trace.positive, "after “%{customdata}”: %{y:.1%} positive")
    return figure.update_layout(meta=WORDS)


def layer_verdicts(positive: Sequence[float]) -> go.Figure:
    """The probability of positive that a probe predicts from the embeddings and each layer."""
    names = ["embeddings", *(f"layer {n}" for n in range(1, len(positive)))]
    return _verdicts(names, positive, "%{customdata}: %{y:.1%} positive", space=" ")


def _verdicts(
    labels: Sequence[str], probabilities: Iterable[float], hover: str, space: str = "␣"
) -> go.Figure:
    positive = [round(float(probability), 4) for probability in probabilities]
    figure = go.Figure(
        go.Scatter(
            x=list(range(len(labels))),
            y=positive,
            mode="lines+markers",
            line={"color": ACCENT, "width": 2},
            marker={"size": 9, "color": positive, "cmin": 0, "cmax": 1, "colorscale": DIVERGING},
            customdata=[label(name, space) for name in labels],
            hovertemplate=hover + "<extra></extra>",
        )
    )
    for border in (UNSURE_ABOVE, UNSURE_BELOW):
        figure.add_hline(border, line={"color": NEUTRAL, "width": 1, "dash": "dot"})
    figure.update_xaxes(
        **_thinned(labels, MOST_TICKS, space), range=[-0.5, len(labels) - 0.5], tickangle=-45
    )
    ends = {"tickvals": [0, 0.5, 1], "ticktext": ["negative", "unsure", "positive"]}
    figure.update_yaxes(
        **ends, range=[-0.04, 1.04], showgrid=False, zeroline=False, fixedrange=True
    )
    return _finish(figure, height=280, margin={"l": 70, "r": 12, "t": 12, "b": 80})


def reliability(curves: Mapping[str, Sequence[tuple[float, float]]]) -> go.Figure:
    """A reliability diagram: mean probability and share of positives of each bin, by name.

    Points on the diagonal are well calibrated (Guo et al. 2017).
    """
    figure = go.Figure()
    figure.add_shape(
        type="line", x0=0, y0=0, x1=1, y1=1, line={"color": NEUTRAL, "width": 1, "dash": "dot"}
    )
    for (name, points), colour in zip(curves.items(), itertools.cycle(SERIES)):
        probabilities, shares = zip(*points, strict=True)
        figure.add_scatter(
            x=[round(each, 4) for each in probabilities],
            y=[round(each, 4) for each in shares],
            name=name,
            mode="lines+markers",
            line={"color": colour, "width": 2},
            hovertemplate=f"{html.escape(name, quote=False)}: "
            "predicted %{x:.1%}, were positive %{y:.1%}<extra></extra>",
        )
    axis = {"range": [-0.03, 1.03], "tickformat": ".0%", "fixedrange": True}
    axis |= {"showgrid": False, "zeroline": False}
    figure.update_xaxes(**axis, title={"text": "probability of positive"})
    figure.update_yaxes(**axis, title={"text": "share of positives"})
    _finish(figure, height=320, margin={"l": 70, "r": 12, "t": 30, "b": 60})
    legend = {"orientation": "h", "y": 1.12, "font": {"color": "rgb(128,128,128)"}}
    return figure.update_layout(showlegend=True, legend=legend)


@dataclass(frozen=True)
class Point:
    """A model with the value of a metric, its latency in seconds, and its size."""

    title: str
    quality: float
    latency: float
    bytes: int


def quality_against_latency(
    points: Sequence[Point], metric: str, higher_is_better: bool, largest: int
) -> go.Figure:
    """A marker per model, whose area is its size on disk; better models are higher up.

    Args:
        metric: The label of the metric.
        largest: The size in bytes of the largest model, for figures that are shown side by side.
    """
    figure = go.Figure(
        go.Scatter(
            x=[1000 * point.latency for point in points],
            y=[point.quality for point in points],
            text=[html.escape(point.title, quote=False) for point in points],
            customdata=[round(point.bytes / 1e6, 1) for point in points],
            mode="markers+text",
            textposition="top center",
            textfont={"color": "rgb(128,128,128)"},
            marker={
                "size": [point.bytes for point in points],
                "sizemode": "area",
                "sizeref": largest / 40**2,
                "sizemin": 4,
                "color": ACCENT,
                "opacity": 0.7,
            },
            hovertemplate="%{text}: %{y:.1f} in %{x:.1f} ms, %{customdata} MB<extra></extra>",
        )
    )
    middle = float(np.mean([point.quality for point in points]))
    ends = [middle - 5, middle + 5]
    plain = {"showgrid": False, "zeroline": False, "fixedrange": True}
    figure.update_xaxes(
        **plain, type="log", dtick=1, range=[-0.6, 3], title={"text": "latency, ms"}
    )
    figure.update_yaxes(
        **plain, range=ends if higher_is_better else ends[::-1], title={"text": metric}
    )
    return _finish(figure, height=260, margin={"l": 60, "r": 12, "t": 12, "b": 50})


def hidden_states(trace: Trace) -> go.Figure:
    """The hidden units that vary most over the first words of a text.

    Units of the forward direction (→) are above those of the backward direction (←).
    """
    hidden = trace.hidden[:MOST_WORDS]
    words = trace.words[:MOST_WORDS]
    forward = hidden.shape[1] if trace.forward is None else trace.forward
    directions = [("→", 0, forward), ("←", forward, hidden.shape[1])]
    directions = [each for each in directions if each[2] > each[1]]
    units: list[int] = []
    names: list[str] = []
    for arrow, begin, end in directions:
        order = (-hidden[:, begin:end].std(axis=0)).argsort(kind="stable")
        most = order[: MOST_UNITS // len(directions)].tolist()
        units += [begin + unit for unit in most]
        names += [f"{arrow} unit {unit}" for unit in most]
    rows = hidden[:, units].T  # (units, words)
    strongest = [
        ", ".join(f"“{label(words[i])}”" for i in (-abs(row)).argsort(kind="stable")[:2])
        for row in rows
    ]
    figure = go.Figure(
        go.Heatmap(
            z=[[round(float(value), 3) for value in row] for row in rows],
            x=list(range(len(words))),
            y=list(range(len(units))),
            zmin=-1,
            zmax=1,
            colorscale=DIVERGING,
            showscale=False,
            xgap=1,
            ygap=1,
            customdata=[[name] * len(words) for name in strongest],
            hovertemplate="%{y} at “%{x}”: %{z}<br>strongest at %{customdata}<extra></extra>",
        )
    )
    figure.update_xaxes(
        **_thinned(words, MOST_TICKS // 2), range=[-0.5, len(words) - 0.5], tickangle=-45
    )
    figure.update_yaxes(**_ticks(names, " "), range=[len(units) - 0.5, -0.5], tickfont={"size": 10})
    height = len(units) * 14 + 110
    _finish(figure, height=height, margin={"l": 70, "r": 12, "t": 12, "b": 90})
    return figure.update_layout(meta=WORDS)


def deletion_curves(deleted: Sequence[int], curves: Mapping[str, Sequence[float]]) -> go.Figure:
    """The logit after each number of deleted words, a line for each order."""
    figure = go.Figure()
    for (name, values), colour in zip(curves.items(), itertools.cycle(SERIES)):
        figure.add_scatter(
            x=list(deleted),
            y=[round(each, 3) for each in values],
            name=name,
            mode="lines+markers",
            line={"color": colour, "width": 2},
            hovertemplate=f"{html.escape(name, quote=False)}: "
            "%{x} words deleted, logit %{y:.2f}<extra></extra>",
        )
    figure.add_hline(0, line={"color": NEUTRAL, "width": 1, "dash": "dot"})
    axis = {"showgrid": False, "zeroline": False, "fixedrange": True}
    figure.update_xaxes(**axis, title={"text": "words deleted"})
    figure.update_yaxes(**axis, title={"text": "logit of positive"})
    _finish(figure, height=360, margin={"l": 70, "r": 12, "t": 12, "b": 110})
    legend = {
        "orientation": "h",
        "y": -0.2,
        "yanchor": "top",
        "font": {"color": "rgb(128,128,128)"},
    }
    return figure.update_layout(showlegend=True, legend=legend)


def warm_up() -> None:
    """Make Plotly load its templates, which takes about a second for the first figure."""
    layer_verdicts([0.5]).to_json()


def _thinned(labels: Sequence[str], most: int, space: str = "␣") -> dict[str, Any]:
    """Ticks at no more than ``most`` labels, evenly spaced, so that they do not overlap."""
    ticks = _ticks(labels, space)
    every = max(1, -(-len(labels) // most))
    return ticks | {name: ticks[name][::every] for name in ("tickvals", "ticktext")}


def _ticks(characters: Sequence[str], space: str = "␣") -> dict[str, Any]:
    return {
        "tickmode": "array",
        "tickvals": list(range(len(characters))),
        "ticktext": [label(character, space) for character in characters],
        "ticks": "",
        "showgrid": False,
        "zeroline": False,
        "fixedrange": True,
    }


def _finish(figure: go.Figure, height: int, margin: dict[str, int]) -> go.Figure:
    figure.update_layout(
        height=height,
        margin=margin,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": SANS},
        hoverlabel={"font": {"family": MONO, "size": 13}},
        showlegend=False,
        dragmode=False,
    )
    return figure
