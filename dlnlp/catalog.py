"""The model catalog: one record per model, in tab order, with what is known before training.

What training produces (metrics, seed, command, versions) is in each checkpoint's training.json.
Importing the catalog loads neither torch nor gradio.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any


@dataclass(frozen=True)
class Chapter:
    """A chapter of the tutorial."""

    number: int
    name: str

    def __str__(self) -> str:
        return f"Chapter {self.number} · {self.name}"


@dataclass(frozen=True)
class Base:
    """The pretrained model that fine-tuning started from."""

    name: str
    licence: str
    url: str


@dataclass(frozen=True)
class Data:
    """A data set that models are trained on.

    ``folder`` is its name below ``--data-dir``; a folder may hold several data sets. ``hub`` and
    ``config`` are its name on the Hugging Face Hub, or None if the Hub does not have it.
    """

    name: str
    folder: str
    licence: str
    url: str
    hub: str | None = None
    config: str | None = None


@dataclass(frozen=True)
class Reference:
    """A result to compare a metric with; ``split`` says what it was measured on.

    ``source`` is the paper, or how it was measured if it is not ``published``.
    """

    name: str
    value: float
    split: str
    source: str
    url: str
    published: bool = True


@dataclass(frozen=True)
class Metric:
    """A metric, measured on validation data by the training script.

    ``key`` is its name in training.json. ``floor`` is the worst value that is good enough, or
    None; for a metric where lower is better it is an upper bound. ``train.evaluate`` reports
    whether it is met. ``headline`` says whether the README's table shows the metric.
    """

    key: str
    label: str
    unit: str = ""
    higher_is_better: bool = True
    floor: float | None = None
    headline: bool = True
    references: tuple[Reference, ...] = ()

    def meets_floor(self, value: float) -> bool:
        """Whether a measured value is good enough for a release."""
        if self.floor is None:
            return True
        return value >= self.floor if self.higher_is_better else value <= self.floor


@dataclass(frozen=True)
class Record:
    """One model of the app.

    Args:
        stem: Names its folder, tab, training script, checkpoint folder and endpoints.
        title: Its name on the page and the label of its tab.
        chapter: The chapter of the tutorial.
        task: The Hugging Face Hub's name of the task, such as ``"text-classification"``.
        description: One sentence on what it does and how.
        verbs: The capabilities of its predictor (``dlnlp.capabilities``), known without loading it.
        family: Its architecture in two or three words.
        languages: ISO 639-1 codes.
        licence: The licence of the weights.
        base: The pretrained model that it was fine-tuned from, if any.
        data: The data sets it was trained on.
        metrics: The metrics of its evaluation, the best-known first.
    """

    stem: str
    title: str
    chapter: Chapter
    task: str
    description: str
    verbs: tuple[str, ...]
    family: str = ""
    languages: tuple[str, ...] = ("en",)
    licence: str = "apache-2.0"
    base: Base | None = None
    data: tuple[Data, ...] = field(default=(), repr=False)
    metrics: tuple[Metric, ...] = field(default=(), repr=False)

    def can(self, verb: str) -> bool:
        """Whether its predictor has that verb."""
        return verb in self.verbs

    @property
    def module(self) -> ModuleType:
        """``dlnlp.models.<stem>.predictor``, imported (with torch) on first use."""
        return importlib.import_module(f"dlnlp.models.{self.stem}.predictor")

    @property
    def tab(self) -> ModuleType:
        """``dlnlp.ui.tabs.<stem>``, which has ``build_tab(registry)``."""
        return importlib.import_module(f"dlnlp.ui.tabs.{self.stem}")

    def load(self, folder: Path, device: str | None = None) -> Any:
        """The predictor whose checkpoint is in the folder.

        Raises:
            CheckpointError: The checkpoint is missing, damaged or does not fit the code.
        """
        return self.module.load(folder, device)

    def tiny(self) -> Any:
        """A small predictor with seeded random weights; needs no files and no network."""
        return self.module.tiny()


SST2 = Data(
    "Stanford Sentiment Treebank (SST-2)",
    "sst2",
    "research use",
    "https://nlp.stanford.edu/sentiment/",
    "stanfordnlp/sst2",
)
IMDB = Data(
    "Large Movie Review Dataset (Maas et al. 2011)",
    "imdb",
    "research use",
    "https://ai.stanford.edu/~amaas/data/sentiment/",
    "stanfordnlp/imdb",
)
WIKITEXT = Data(
    "WikiText-2 (Merity et al. 2016)",
    "wikitext-2",
    "CC BY-SA 3.0",
    "https://arxiv.org/abs/1609.07843",
    "Salesforce/wikitext",
    "wikitext-2-v1",
)
TATOEBA = Data(
    "Tatoeba sentence pairs, as selected by manythings.org",
    "tatoeba-en-fr",
    "CC BY 2.0 FR",
    "https://www.manythings.org/anki/",
    "sentence-transformers/parallel-sentences-tatoeba",
    "en-fr",
)
OPINIONS = (
    Data(
        "pros and cons of products (Ganapathibhotla and Liu 2008)",
        "opinions",
        "CC BY 4.0",
        "https://www.cs.uic.edu/~liub/FBS/sentiment-analysis.html",
    ),
    Data(
        "product reviews (Hu and Liu 2004, Ding et al. 2008)",
        "opinions",
        "CC BY 4.0",
        "https://www.cs.uic.edu/~liub/FBS/sentiment-analysis.html",
    ),
    Data(
        "plot summaries of films (the objective half of Pang and Lee 2004)",
        "opinions",
        "CC BY 4.0",
        "https://www.cs.cornell.edu/people/pabo/movie-review-data/",
    ),
)
STORIES = (
    Data(
        "TinyStories (Eldan and Li 2023), a sample; written by GPT-3.5 and GPT-4",
        "stories",
        "CDLA-Sharing-1.0",
        "https://arxiv.org/abs/2305.07759",
    ),
    Data(
        "children's books of Project Gutenberg, mostly from 1850 to 1920",
        "stories",
        "public domain in the USA",
        "https://www.gutenberg.org/",
    ),
    Data(
        "the stories of FairytaleQA (Xu et al. 2022)",
        "stories",
        "Apache-2.0",
        "https://arxiv.org/abs/2203.13947",
    ),
    Data("African Storybook", "stories", "CC BY", "https://www.africanstorybook.org/"),
    Data("Pratham Books StoryWeaver", "stories", "CC BY 4.0", "https://storyweaver.org.in/"),
)
PAIRS = (
    Data(
        "Multi30k captions (Elliott et al. 2016)",
        "pairs-en-fr",
        "not stated; non-commercial research",
        "https://arxiv.org/abs/1605.00459",
    ),
    Data("FreeDict headwords", "pairs-en-fr", "GPL-2+", "https://freedict.org/"),
    Data("African Storybook", "pairs-en-fr", "CC BY", "https://www.africanstorybook.org/"),
    Data("Pratham Books StoryWeaver", "pairs-en-fr", "CC BY 4.0", "https://storyweaver.org.in/"),
    Data(
        "CLDR names of emoji, countries, languages, days and months",
        "pairs-en-fr",
        "Unicode-3.0",
        "https://cldr.unicode.org/",
    ),
    Data(
        "Parallel Universal Dependencies (PUD)",
        "pairs-en-fr",
        "CC BY-SA 3.0",
        "https://universaldependencies.org/",
    ),
    Data("Refugee Phrasebook", "pairs-en-fr", "CC0", "https://www.refugeephrasebook.de/"),
    Data("Wikiotics phrasebook", "pairs-en-fr", "CC BY-SA 3.0", "https://wikiotics.org/"),
)

DISTILBERT = "Sanh et al. 2019", "https://arxiv.org/abs/1910.01108"
SST2_ACCURACY: dict[str, Any] = {
    "key": "sst2_validation_accuracy",
    "label": "SST-2 accuracy",
    "unit": " %",
    "references": (
        Reference("BERT-base", 92.7, "SST-2 validation", *DISTILBERT),
        Reference("DistilBERT", 91.3, "SST-2 validation", *DISTILBERT),
        Reference(
            "Bidirectional LSTM",
            87.5,
            "SST test",
            "Tai et al. 2015",
            "https://arxiv.org/abs/1503.00075",
        ),
    ),
}
IMDB_ACCURACY: dict[str, Any] = {
    "key": "imdb_validation_accuracy",
    "label": "IMDB accuracy",
    "unit": " %",
    "references": (
        Reference("BERT-base", 93.46, "IMDB test", *DISTILBERT),
        Reference("DistilBERT", 92.82, "IMDB test", *DISTILBERT),
    ),
}


def _secondary(key: str, label: str, floor: float, unit: str = "", higher: bool = False) -> Metric:
    """A metric with a floor that is no headline."""
    return Metric(key, label, unit, higher_is_better=higher, floor=floor, headline=False)


CALIBRATION = _secondary("sst2_calibration_error", "SST-2 calibration error", 2.4, " points")
OPINIONS_ACCURACY: dict[str, Any] = {
    "key": "opinions_validation_accuracy",
    "label": "product opinions accuracy",
    "unit": " %",
    "headline": False,
}
PLOTS_UNSURE: dict[str, Any] = {
    "key": "plots_validation_unsure",
    "label": "plot sentences with the verdict unsure",
    "unit": " %",
    "headline": False,
}

CATALOG = (
    Record(
        stem="sentiment_lstm",
        title="Sentiment LSTM",
        chapter=Chapter(1, "RNNs and LSTMs"),
        task="text-classification",
        description="A bidirectional LSTM reads a text word by word and classifies it as positive "
        "or negative.",
        verbs=(
            "classify",
            "logits",
            "explain",
            "deletion_curves",
            "trace",
            "gates",
            "units_off",
            "patch",
            "walk",
        ),
        family="recurrent network (LSTM)",
        data=(SST2, IMDB, *OPINIONS, TATOEBA),
        metrics=(
            Metric(**SST2_ACCURACY, floor=88.5),
            Metric(**IMDB_ACCURACY, floor=91.5),
            Metric(**OPINIONS_ACCURACY, floor=90.0),
            Metric(**PLOTS_UNSURE, floor=70.0),
            CALIBRATION,
        ),
    ),
    Record(
        stem="char_seq2seq",
        title="Translator",
        chapter=Chapter(2, "Seq2seq with attention"),
        task="translation",
        description="A GRU encoder and a GRU decoder with attention translate English into French, "
        "one character at a time.",
        verbs=("translate", "candidates", "force", "fixed_attention", "walk"),
        family="sequence-to-sequence (GRU with attention)",
        languages=("en", "fr"),
        data=(TATOEBA, *PAIRS),
        metrics=(
            Metric(
                "tatoeba_validation_chrf",
                "Tatoeba chrF",
                floor=64.5,
                references=(
                    Reference(
                        "OPUS-MT English-French",
                        67.2,
                        "Tatoeba test pairs instead of validation pairs",
                        "measured with sacrebleu by this project’s authors",
                        "https://huggingface.co/Helsinki-NLP/opus-mt-en-fr",
                        published=False,
                    ),
                ),
            ),
            Metric("tatoeba_validation_bleu", "BLEU", floor=46.0),
            _secondary(
                "frequent_words_recalled", "frequent words recalled", 90.0, " %", higher=True
            ),
            _secondary("phrasebook_recalled", "phrasebook recalled", 90.0, " %", higher=True),
        ),
    ),
    Record(
        stem="token_transformer",
        title="Next token",
        chapter=Chapter(3, "Transformers"),
        task="text-generation",
        description="A decoder-only Transformer predicts the next token of an English text and "
        "continues it.",
        verbs=(
            "distribution",
            "next_tokens",
            "generate",
            "stream",
            "score",
            "attention",
            "lens",
            "induction",
            "head_effects",
            "heads_off",
            "patch",
            "sampling_steps",
            "head_steps",
            "merges",
            "walk",
        ),
        family="decoder-only Transformer",
        data=(*STORIES, WIKITEXT, TATOEBA, IMDB),
        metrics=(
            Metric(
                "wikitext2_validation_perplexity",
                "WikiText-2 perplexity per word",
                higher_is_better=False,
                floor=89.0,
                references=(
                    Reference(
                        "AWD-LSTM",
                        68.6,
                        "WikiText-2 validation",
                        "Merity et al. 2017",
                        "https://arxiv.org/abs/1708.02182",
                    ),
                    Reference(
                        "GPT-2 small, zero-shot",
                        29.41,
                        "WikiText-2 test",
                        "Radford et al. 2019",
                        "https://cdn.openai.com/better-language-models/"
                        "language_models_are_unsupervised_multitask_learners.pdf",
                    ),
                ),
            ),
            _secondary("tinystories_validation_perplexity", "TinyStories perplexity", 20.0),
            _secondary("other_stories_validation_perplexity", "other stories perplexity", 140.0),
            _secondary("film_talk", "continuations about films", 10.0, " %"),
            _secondary(
                "greedy_loops_with_repetition_penalty",
                "greedy continuations that loop with the repetition penalty",
                30.0,
                " %",
            ),
        ),
    ),
    Record(
        stem="sentiment_bert",
        title="BERT sentiment",
        chapter=Chapter(4, "Fine-tuning BERT"),
        task="text-classification",
        description="A pretrained BERT, fine-tuned to classify a text as positive or negative.",
        verbs=(
            "classify",
            "logits",
            "explain",
            "deletion_curves",
            "attention",
            "layers",
            "layer_words",
            "head_effects",
            "heads_off",
            "patch",
            "walk",
        ),
        family="encoder-only Transformer (BERT)",
        base=Base(
            "all-MiniLM-L6-v2",
            "Apache-2.0",
            "https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2",
        ),
        data=(SST2, IMDB, *OPINIONS, TATOEBA),
        metrics=(
            Metric(**SST2_ACCURACY, floor=90.8),
            Metric(**IMDB_ACCURACY, floor=92.0),
            Metric(**OPINIONS_ACCURACY, floor=92.0),
            Metric(**PLOTS_UNSURE, floor=75.0),
            _secondary("behaviour_failures", "behaviour failures", 6.0, " %"),
            CALIBRATION,
            _secondary("opinions_calibration_error", "opinions calibration error", 3.0, " points"),
        ),
    ),
)


def record(stem: str) -> Record:
    """The record with that stem.

    Raises:
        KeyError: No model has that stem.
    """
    for entry in CATALOG:
        if entry.stem == stem:
            return entry
    known = ", ".join(entry.stem for entry in CATALOG)
    raise KeyError(f"There is no model {stem!r}; the catalog has {known}.")
