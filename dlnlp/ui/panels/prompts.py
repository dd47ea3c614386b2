"""The prompt of a language model: what the model reads of the typed text."""

from __future__ import annotations

import gradio as gr

from dlnlp.ui.kit.inputs import readable

BLANK = "Type the beginning of a sentence, and the model predicts the next token."
WINDOW = "The prompt is longer than the model's context window; only its end is used."
SPACE = "The space at the end is ignored, because most tokens begin with a space of their own."


class Prompt:
    """The box with the prompt, and the text that a click put there.

    Spaces that a visitor typed at the end are ignored; those of a chosen token are kept.
    """

    def __init__(self, box: gr.Textbox) -> None:
        self.box = box
        self.filled = gr.State("")


def model_prompt(typed: object, filled: str) -> str:
    """The text that the model reads of a typed one.

    Args:
        filled: The text that choosing a token or a continuation put into the box.
    """
    text, _ = readable(typed, "end")
    return text if text == filled else text.rstrip(" ") or text
