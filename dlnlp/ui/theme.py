"""The page's appearance: Gradio theme, style sheet and scripts in the head."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
from starlette.routing import Mount, Router
from starlette.staticfiles import StaticFiles

STYLE = Path(__file__).with_name("style.css")
SCRIPTS = tuple(
    Path(__file__).parent / "kit" / name
    for name in ("page.js", "details.js", "language.js", "links.js", "save.js", "learn.js")
)
LOCALES, LOCALES_PATH = Path(__file__).with_name("locales"), "/locales"  # see ``language.js``
FAVICON = Path(__file__).with_name("favicon.png")
# Gradio's rewriting of style sheets breaks @media rules, so these go to the head unchanged.
MEDIA = """
@media (prefers-reduced-motion: reduce) {
  *, ::before, ::after {
    animation: none !important; transition: none !important; scroll-behavior: auto !important;
  }
}
/* Three times, to outweigh the rules of Gradio that hide the outline. */
:focus-visible:focus-visible:focus-visible {
  outline: 2px solid var(--dl-positive) !important; outline-offset: -2px !important;
}
@media (max-width: 640px) { footer > .divider { display: none !important; } }
@media (min-width: 900px) { .dl-question { position: sticky; top: 0.5rem; } }
"""
STEP = 40
WIDEST = 2400


def page_theme() -> gr.themes.Base:
    """The Gradio theme: neutral greys and one blue."""
    local = gr.themes.utils.fonts.LocalFont
    blue = gr.themes.Color(
        "#eff7fc", "#d9ecf7", "#b5d9ee", "#85bfe0", "#549fcd", "#2f7fb8",
        "#22669b", "#1d527e", "#1c4669", "#1b3b58", "#12263b",
    )  # fmt: skip
    paper = gr.themes.Color(
        "#fbfaf7", "#f4f2ec", "#e6e3da", "#d2cec3", "#a09c92", "#757168",
        "#56534c", "#3d3b36", "#2a2926", "#1d1c1a", "#131211",
    )  # fmt: skip
    return gr.themes.Base(
        primary_hue=blue,
        secondary_hue=blue,
        neutral_hue=paper,
        radius_size=gr.themes.sizes.radius_md,
        # Files that come with Gradio; its semi-bold ones lack most letters, so 700 not 600.
        font=(
            local("IBM Plex Sans", weights=(400, 700)),
            "ui-sans-serif",
            "system-ui",
            "sans-serif",
        ),
        font_mono=(local("IBM Plex Mono", weights=(400, 700)), "ui-monospace", "monospace"),
    ).set(
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        block_background_fill="white",
        block_background_fill_dark="*neutral_900",
        block_border_width="1px",
        block_border_color="*neutral_200",
        block_border_color_dark="*neutral_800",
        block_label_text_color="*neutral_600",
        block_label_text_color_dark="*neutral_300",
        block_title_text_color="*neutral_600",
        block_title_text_color_dark="*neutral_300",
        block_info_text_color="*neutral_500",
        block_info_text_color_dark="*neutral_400",
        link_text_color_dark="*primary_400",
        input_placeholder_color="*neutral_500",
        input_placeholder_color_dark="*neutral_400",
        input_background_fill="*neutral_50",
        input_background_fill_dark="*neutral_950",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover_dark="*primary_700",
        button_primary_text_color="white",
        button_cancel_background_fill="transparent",
        button_cancel_background_fill_hover="*neutral_100",
        button_cancel_background_fill_dark="transparent",
        button_cancel_background_fill_hover_dark="*neutral_800",
        button_cancel_border_color="*neutral_300",
        button_cancel_border_color_dark="*neutral_700",
        button_cancel_text_color="*neutral_700",
        button_cancel_text_color_dark="*neutral_200",
        slider_color="*primary_500",
    )


def wide(pixels: int) -> list[str]:
    """CSS classes that set a figure's minimum width, so that it scrolls on a narrow page.

    Gradio fits figures to their container, so the minimum width is set by the style sheet.
    """
    steps = -(-min(pixels, WIDEST) // STEP)
    return ["dl-scroll", f"dl-wide-{steps}"]


def style() -> str:
    """The style sheet, with the classes of ``wide``."""
    widths = [
        f".dl-wide-{n} .js-plotly-plot {{ min-width: {n * STEP + 50}px; }}"
        for n in range(1, -(-WIDEST // STEP) + 1)
    ]
    return STYLE.read_text(encoding="utf-8") + "\n".join(widths)


def head() -> str:
    """What goes into the page's head: media queries and the scripts that all tabs share."""
    scripts = (f"<script>{path.read_text(encoding='utf-8')}</script>" for path in SCRIPTS)
    return f"<style>{MEDIA}</style>{''.join(scripts)}"


def locales() -> Router:
    """The app that serves the page's texts in other languages."""
    return Router([Mount(LOCALES_PATH, StaticFiles(directory=LOCALES))])
