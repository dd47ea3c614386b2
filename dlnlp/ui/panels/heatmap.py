"""A heatmap of weights, such as attention, with labels that stay in place while it scrolls.

The cells are an image with one pixel each, enlarged by the style sheet. ``HEATMAP_JS`` shows the
weight of a cell on hover and with the arrow keys, without a call to the server.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from dlnlp import plots
from dlnlp.ui.kit.markup import join

MANY = 60  # rows or columns; larger heatmaps have smaller cells
CELL, SMALL_CELL = 22, 15  # pixels
# The ``js_on_load`` of the gr.HTML component with the heatmap.
HEATMAP_JS = """
{
  const labels = (map, side) => map.querySelectorAll(`.dl-heatmap-${side} span`);

  // Mark a cell and show its weight; positions outside the heatmap clear both.
  const show = (map, row, column) => {
    const rows = labels(map, "rows"), columns = labels(map, "columns");
    map.querySelectorAll("[data-on]").forEach((label) => label.removeAttribute("data-on"));
    map.toggleAttribute("data-at", row in rows && column in columns);
    if (!map.hasAttribute("data-at")) return;
    map.at = [row, column];
    rows[row].setAttribute("data-on", "");
    columns[column].setAttribute("data-on", "");
    if (map.from !== map.dataset.levels) {  // Gradio may use the element again for other weights
      map.from = map.dataset.levels;
      map.levels = Uint8Array.from(atob(map.from), (byte) => byte.charCodeAt(0));
    }
    const percent = 100 * (map.levels[row * columns.length + column] / 255) ** 2;
    const share = percent && percent < 1 ? "under 1%" : `${Math.round(percent)}%`;
    const names = { row: rows[row].textContent, column: columns[column].textContent };
    const wording = map.dataset.hover.replace(/{(row|column)}/g, (_, name) => names[name]);
    const readout = map.querySelector("output"), mark = map.querySelector(".dl-heatmap-mark");
    readout.textContent = `${wording}: ${share}`;
    map.style.setProperty("--row", row);
    map.style.setProperty("--column", column);
    const frame = map.getBoundingClientRect(), cell = mark.getBoundingClientRect();
    const below = cell.bottom + readout.offsetHeight + 6 < frame.bottom;
    const top = below ? cell.bottom + 5 : cell.top - readout.offsetHeight - 5;
    const left = Math.min(cell.right + 5 - frame.left, frame.width - readout.offsetWidth);
    readout.style.left = `${Math.max(0, left)}px`;
    readout.style.top = `${top - frame.top}px`;
  };

  const point = (event) => {
    const map = event.target.closest(".dl-heatmap");
    const cells = event.target.closest(".dl-heatmap-cells");
    if (!cells) return map && show(map, -1, -1);
    const { left, top, width } = cells.getBoundingClientRect();
    const size = width / labels(map, "columns").length;
    show(map, Math.floor((event.clientY - top) / size), Math.floor((event.clientX - left) / size));
  };
  element.addEventListener("pointermove", point);
  element.addEventListener("click", point);
  element.addEventListener("pointerleave", () => {
    element.querySelectorAll(".dl-heatmap").forEach((map) => show(map, -1, -1));
  });

  const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  element.addEventListener("keydown", (event) => {
    const map = event.target.closest(".dl-heatmap");
    if (!map || !(event.key in moves)) return;
    event.preventDefault();
    const to = (place, move, side) =>
      Math.max(0, Math.min(place + move, labels(map, side).length - 1));
    const [row, column] = map.at || [0, 0], [down, right] = map.at ? moves[event.key] : [0, 0];
    const next = [to(row, down, "rows"), to(column, right, "columns")];
    show(map, ...next);
    map.querySelector(".dl-heatmap-mark").scrollIntoView({ block: "nearest", inline: "nearest" });
    show(map, ...next);  // the readout follows the cell
  });
}
"""


def heatmap(
    rows: Sequence[str],
    columns: Sequence[str],
    weights: np.ndarray,
    hover: str,
    *,
    description: str,
    words: bool = False,
) -> Markup:
    """The weights (rows, columns), 0 to 1, as tinted cells.

    Args:
        hover: The text for a cell, such as ``"“{row}” attends to “{column}”"``; the percentage is
            added.
        description: One sentence about the heatmap for screen readers.
        words: Whether the labels are words or tokens instead of characters; then the column
            labels are vertical.

    Raises:
        ValueError: The shape of the weights does not fit the labels.
    """
    if weights.shape != (len(rows), len(columns)):
        raise ValueError(f"weights must be {(len(rows), len(columns))}, not {weights.shape}")
    space = "·" if words else "␣"
    down, across = ([plots.visible(each, space) for each in labels] for labels in (rows, columns))
    label = Markup("<span>{}</span>").format
    return Markup(
        '<div class="dl-heatmap{}" style="{}" data-levels="{}" data-hover="{}">'
        '<div class="dl-heatmap-scroll" tabindex="0" role="group" aria-label="{}">'
        '<div class="dl-heatmap-columns"><b></b>{}</div><div class="dl-heatmap-body">'
        '<div class="dl-heatmap-rows">{}</div><div class="dl-heatmap-cells"><img src="{}" alt="">'
        '<i class="dl-heatmap-mark"></i></div></div></div><output></output></div>'
    ).format(
        " dl-heatmap-words" if words else "",
        _sizes(down, across),
        base64.b64encode(plots.levels(weights).tobytes()).decode(),
        hover,
        description,
        join(map(label, across)),
        join(map(label, down)),
        plots.thumbnail(weights),
    )


def _sizes(down: Sequence[str], across: Sequence[str]) -> str:
    """Custom properties for the style sheet."""
    cell = SMALL_CELL if max(len(down), len(across)) > MANY else CELL
    side = max(map(len, down), default=0) + 1
    return f"--cell:{cell}px;--rows:{len(down)};--columns:{len(across)};--side:{side}ch"
