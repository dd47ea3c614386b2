"""Where the heads of a Transformer look."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from dlnlp.results import Glance
from dlnlp.ui.views.basics import percent


def heads(pictures: Sequence[Sequence[str]], chosen: tuple[int, int]) -> str:
    """All heads as small pictures, a row for each layer; one of them is chosen.

    Args:
        pictures: Data URIs that we made, (layers, heads).
    """
    rows = []
    for layer, row in enumerate(pictures):
        cells = "".join(
            f'<button type="button" class="dl-head" data-layer="{layer}" data-head="{head}" '
            f'aria-pressed="{str((layer, head) == chosen).lower()}" '
            f'aria-label="layer {layer + 1}, head {head + 1}" '
            f'title="layer {layer + 1}, head {head + 1}"><img src="{picture}" alt=""></button>'
            for head, picture in enumerate(row)
        )
        rows.append(f'<div class="dl-heads-row"><span>{layer + 1}</span>{cells}</div>')
    return (
        '<section class="dl-heads"><p class="dl-caption">Every head of every layer, the first '
        "layer on top. Choose one to see it large.</p>"
        f'<div class="dl-heads-grid">{"".join(rows)}</div></section>'
    )


def looked(look: Glance, chosen: tuple[int, int], hide: bool, remark: str) -> str:
    """What the large picture of one head shows."""
    layer, head = chosen
    count = len(look.tokens)
    shown = ""
    if look.total > count:
        shown = f" Tokens {look.begin + 1} to {look.begin + count} of {look.total} are shown."
    hidden = ""
    if hide:
        share = percent(float(look.hidden_share[layer, head]))
        hidden = f" {share} of its attention goes to special tokens, which are hidden."
    return (
        f'<p class="dl-caption"><b>Layer {layer + 1}, head {head + 1}.</b> Each row is a token '
        f"that looks, each column one that is looked at.{hidden}{shown} {escape(remark)}</p>"
    )
