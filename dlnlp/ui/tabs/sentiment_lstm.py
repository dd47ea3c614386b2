"""The tab of chapter 1, the LSTM."""

from __future__ import annotations

from dlnlp import catalog
from dlnlp.service import Service
from dlnlp.ui.kit import layout
from dlnlp.ui.kit.model import Model
from dlnlp.ui.kit.questions import answer, question
from dlnlp.ui.panels.about import about_panel
from dlnlp.ui.panels.deletion import deletion_panel
from dlnlp.ui.panels.export import export_panel
from dlnlp.ui.panels.gates import gates_panel
from dlnlp.ui.panels.learn import learn_panel
from dlnlp.ui.panels.patching import patching_panel
from dlnlp.ui.panels.trace import hidden_states_panel, running_verdict_panel
from dlnlp.ui.panels.trained import trained_panel
from dlnlp.ui.panels.verdict import verdict_panel
from dlnlp.ui.panels.words import words_panel

STEM = "sentiment_lstm"
INTRO = (
    "An LSTM reads your text word by word, forwards and backwards, updates its hidden state at "
    "each word, and classifies the text as positive or negative."
)
EXAMPLES = (
    "I loved the movie",
    "The film was terrible",
    "It was okay",
    "This was fantastic",
    "The plot is thin, but the actors make it worth watching.",
)
OTHER = "I hated the movie"  # to patch from


def build_tab(service: Service) -> None:
    """Sentiment classification with a recurrent network."""
    model = Model(service, STEM)
    with layout.columns():
        with layout.question_column(str(catalog.record(STEM).chapter), INTRO):
            asked = question(
                STEM, "Your text", "What did you think of the film?", "Classify", EXAMPLES
            )
        with layout.answer_column(STEM):
            learn = learn_panel(model, asked, EXAMPLES[0])
            verdict = verdict_panel(model, asked)
            attribution = words_panel(model, asked)
            panels = [
                verdict,
                attribution,
                running_verdict_panel(model, asked),
                hidden_states_panel(model, asked),
                gates_panel(model, asked),
                patching_panel(model, asked, OTHER),
                deletion_panel(model, asked),
            ]
            trained = trained_panel(service, STEM, asked)
            export = export_panel(
                model, asked, panels, attribution.inputs, lambda method: {"method": method}
            )
            about_panel(model)
    answer(asked, [*panels, learn, trained, export])
