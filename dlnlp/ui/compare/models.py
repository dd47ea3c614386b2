"""The screen that compares all sentiment models on one text."""

from __future__ import annotations

from typing import Any

from gradio.events import api

from dlnlp import __version__, catalog
from dlnlp.compare import models
from dlnlp.compare.models import MODELS
from dlnlp.results import Sentiment, as_json
from dlnlp.service import Service
from dlnlp.service.code import endpoint_code
from dlnlp.service.errors import sentence
from dlnlp.service.own import OwnModels
from dlnlp.text.checks import check_text
from dlnlp.ui.kit import layout
from dlnlp.ui.kit.errors import api_errors
from dlnlp.ui.kit.inputs import readable
from dlnlp.ui.kit.model import Model
from dlnlp.ui.kit.questions import answer, question
from dlnlp.ui.panels.comparison import comparison_panel
from dlnlp.ui.panels.export import CLIENT, Export, saving_panel
from dlnlp.ui.panels.own_comparison import own_comparison_panel

STEM = "compare"
CHAPTERS = " and ".join(
    str(number) for number in sorted({catalog.record(stem).chapter.number for stem in MODELS})
)
INTRO = (
    "Every sentiment model classifies the same text. Times are medians of up to 9 runs and exclude "
    "loading."
)
EXAMPLES = (
    "This was fantastic",
    "I enjoyed this film",
    "Not bad at all.",
    "I can't say that I hated it.",
    "What a waste of two good actors and two hours of my life.",
)


def build(service: Service) -> None:
    """The verdicts, costs and attributions of all models on one text."""

    def export(text: str) -> Export:
        results = {
            "dlnlp": __version__,
            "weights_sha256": {stem: Model(service, stem).version for stem in MODELS},
            "text": text,
            **compared(service, text),
        }
        return results, {CLIENT: endpoint_code("/compare_texts", {"text": text})}

    with layout.columns():
        with layout.question_column(f"Chapters {CHAPTERS} · Side by side", INTRO):
            asked = question(
                STEM, "Your text", "What did you think of the film?", "Compare", EXAMPLES
            )
        with layout.answer_column(STEM):
            panel = comparison_panel(service, asked)
            offered = bool(OwnModels(service).choices)
            own = [own_comparison_panel(service, asked, f"{STEM}_own")] if offered else []
            shown = [("Comparison", panel.id), *((each.title, each.id) for each in own)]
            saving = saving_panel(panel.model, asked, f"{STEM}_export", shown, export)
    answer(asked, [panel, *own, saving])
    expose(service)


def expose(service: Service) -> None:
    """The endpoints ``/compare_sentiment`` and ``/compare_texts``."""

    def compare_sentiment(text: str) -> dict[str, Any]:
        """All sentiment models on one text: verdict, time, parameters and size on disk.

        Args:
            text: An English text, such as a film review.
        """
        with api_errors():
            shortened, _ = readable(check_text(text))
            return {stem: entry(service, stem, shortened)[0] for stem in MODELS}

    def compare_texts(text: str, method: str = "integrated_gradients") -> dict[str, Any]:
        """All sentiment models on one text: verdicts, costs and contributions of the same words.

        Args:
            text: An English text, such as a film review.
            method: "integrated_gradients" or "leave_one_out".
        """
        with api_errors():
            shortened, _ = readable(check_text(text))
            return compared(service, shortened, method)

    queue = Model(service, MODELS[-1]).queue()
    for function in (compare_sentiment, compare_texts):
        api(function, api_name=function.__name__, **queue)


def entry(service: Service, stem: str, text: str) -> tuple[dict[str, Any], Sentiment | None]:
    """A model's verdict and cost as JSON, or its error."""
    try:
        result, cost = models.measured(service, stem, text)
    except Exception as error:  # an error of one model must not hide the others' answers
        return {"error": sentence(error)}, None
    known = {
        "sentiment": as_json(result),
        "milliseconds": round(cost.milliseconds, 3),
        "parameters": cost.parameters,
        "bytes": cost.bytes,
    }
    return known, result


def compared(service: Service, text: str, method: str = "integrated_gradients") -> dict[str, Any]:
    """The JSON of ``/compare_texts``.

    Raises:
        ValueError: There is no such method.
    """
    entries: dict[str, dict[str, Any]] = {}
    verdicts: dict[str, Sentiment] = {}
    for stem in MODELS:
        entries[stem], found = entry(service, stem, text)
        if found:
            verdicts[stem] = found
    explained = models.explained(service, verdicts, text, method)
    words = [{"word": word, "scores": each} for word, each in models.same_words(explained)]
    return {"agree": models.agreed(verdicts), "models": entries, "words": words}
