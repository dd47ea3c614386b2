"""Servers to compare with: ``python -m benchmarks.baseline_server hello|bert|lstm PORT``.

``hello`` is a bare Gradio page; ``bert`` and ``lstm`` are what Gradio's documentation suggests for
a classifier, with the committed weights.
"""

from __future__ import annotations

import sys
from typing import Any


def page(name: str) -> Any:
    """The page with that name."""
    import gradio as gr

    if name == "hello":
        return gr.Interface(lambda text: f"Hello {text}", "text", "text")
    from benchmarks import sentiment

    found = sentiment.load(sentiment.ROOT / "sentiment_bert")

    def bert(text: str) -> dict[str, float]:
        """What ``Interface.from_pipeline`` computes; transformers 5.23 breaks that method."""
        return {each["label"]: each["score"] for each in found.pipeline(text)}

    def lstm(text: str) -> dict[str, float]:
        return {each.label: each.positive for each in found.lstm.classify([text])}

    return gr.Interface({"bert": bert, "lstm": lstm}[name], "text", "label", api_name="predict")


if __name__ == "__main__":
    page(sys.argv[1]).launch(server_port=int(sys.argv[2]), quiet=True, prevent_thread_lock=False)
