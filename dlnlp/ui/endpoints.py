"""The public endpoints of the capabilities, named ``/<stem>_<verb>``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gradio.events import api

from dlnlp.registry import Registry
from dlnlp.results import as_json
from dlnlp.ui import parts
from dlnlp.ui.kit.errors import api_errors
from dlnlp.ui.kit.inputs import LIMIT


def classify_endpoint(registry: Registry, stem: str) -> None:
    """``/<stem>_classify``."""

    def classify(texts: list[str]) -> list[dict[str, Any]]:
        """Classify each text as positive or negative.

        Args:
            texts: English texts, such as film reviews.
        """
        with api_errors():
            readable = parts.api_texts(texts)
            found = registry.get(stem).classify(readable)
            return [
                as_json(replace(result, truncated=True) if len(text) > LIMIT else result)
                for text, result in zip(texts, found, strict=True)
            ]

    api(classify, api_name=f"{stem}_classify", concurrency_id=stem, concurrency_limit=1)
