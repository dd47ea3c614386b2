"""The tab of chapter 4, the fine-tuned BERT."""

from __future__ import annotations

from dlnlp import catalog
from dlnlp.service import Service
from dlnlp.service.own import OwnModels
from dlnlp.ui.kit import layout
from dlnlp.ui.kit.markup import own_model_button
from dlnlp.ui.kit.model import Model
from dlnlp.ui.kit.questions import answer, question
from dlnlp.ui.panels.about import about_panel
from dlnlp.ui.panels.deletion import deletion_panel
from dlnlp.ui.panels.export import export_panel
from dlnlp.ui.panels.heads import heads_panel
from dlnlp.ui.panels.heads_off import heads_off_panel
from dlnlp.ui.panels.layers import layers_panel
from dlnlp.ui.panels.learn import learn_panel
from dlnlp.ui.panels.patching import patching_panel
from dlnlp.ui.panels.trained import trained_panel
from dlnlp.ui.panels.verdict import verdict_panel
from dlnlp.ui.panels.words import TITLE as WORDS
from dlnlp.ui.panels.words import words_panel

STEM = "sentiment_bert"
SPECIAL = frozenset(("[CLS]", "[SEP]"))
INTRO = (
    "A BERT pretrained on English text and fine-tuned to classify a text as positive or negative. "
    "In each layer, every word attends to all words before and after it."
)
ABOUT_ATTENTION = (
    "Attention is not an explanation: it shows which tokens a head attends to, not what the "
    f"verdict depends on. For that, see “{WORDS}” above."
)
EXAMPLES = (
    "This movie was great!",
    "Terrible experience",
    "I enjoyed this film",
    "Not bad at all.",
    "I thought it would be dull, but it wasn't.",
    "I used to hate it, now I love it.",
    "The train leaves at nine.",
)
OTHER = "This movie was terrible!"  # to patch from


def build_tab(service: Service) -> None:
    """Sentiment classification with a pretrained model."""
    model = Model(service, STEM)
    with layout.columns():
        own = own_model_button(STEM) if OwnModels(service).choices else ""
        with layout.question_column(str(catalog.record(STEM).chapter), INTRO, own):
            asked = question(
                STEM, "Your text", "What did you think of the film?", "Classify", EXAMPLES
            )
        with layout.answer_column(STEM):
            learn = learn_panel(model, asked, EXAMPLES[0])
            verdict = verdict_panel(model, asked)
            attribution = words_panel(model, asked, waiting="Computing attributions…")
            panels = [
                verdict,
                attribution,
                layers_panel(model, asked),
                heads_panel(model, asked, SPECIAL, ABOUT_ATTENTION),
                heads_off_panel(model, asked),
                patching_panel(model, asked, OTHER),
                deletion_panel(model, asked),
            ]
            trained = trained_panel(service, STEM, asked)
            export = export_panel(
                model, asked, panels, attribution.inputs, lambda method: {"method": method}
            )
            about_panel(model)
    answer(asked, [*panels, learn, trained, export])
