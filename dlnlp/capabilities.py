"""What predictors can do: one Protocol per verb, with a sample call and a budget.

A predictor has the capabilities whose methods it has. The contract tests and the endpoints iterate
over ``CAPABILITIES``; nothing depends on the name of a model. Importing this module loads no model.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

from dlnlp import results, views
from dlnlp.text.checks import MAX_CHARACTERS, MAX_TRANSLATED


@runtime_checkable
class Classify(Protocol):
    """Sentiment classification."""

    def classify(self, texts: list[str]) -> list[results.Sentiment]:
        """Classify each text as positive or negative.

        Args:
            texts: English texts, such as film reviews.
        """


@runtime_checkable
class Logits(Protocol):
    """The logits of sentiment classification."""

    def logits(self, texts: list[str]) -> list[float]:
        """The calibrated logit of the positive class for each text.

        Args:
            texts: English texts, such as film reviews.
        """


@runtime_checkable
class Explain(Protocol):
    """Attribution to the words of a text."""

    def explain(self, text: str, method: str = "integrated_gradients") -> results.Attribution:
        """How much each word contributes to the logit of the positive class.

        Args:
            text: An English text, such as a film review.
            method: "integrated_gradients" or "leave_one_out".
        """


@runtime_checkable
class Trace(Protocol):
    """The hidden states of a recurrent model, word by word."""

    def trace(self, text: str) -> results.Trace:
        """The verdict after each word, and the hidden states.

        Args:
            text: An English text, such as a film review.
        """


@runtime_checkable
class Layers(Protocol):
    """Linear probes on the layers of a Transformer."""

    def layers(self, text: str) -> tuple[float, ...]:
        """The probability of positive that a linear probe predicts from each layer.

        Args:
            text: An English text, such as a film review.
        """


@runtime_checkable
class Attention(Protocol):
    """The attention heads of a Transformer."""

    def attention(self, text: str) -> results.AttentionMaps:
        """The attention weights of every layer and head.

        Args:
            text: An English text.
        """


@runtime_checkable
class Lens(Protocol):
    """The predictions of a language model's layers."""

    def lens(self, text: str) -> results.Lens:
        """What each layer would predict after each token (logit lens).

        Args:
            text: An English text; only the end of a long text is used.
        """


@runtime_checkable
class Induction(Protocol):
    """The induction heads of a language model."""

    def induction(self, text: str) -> results.Induction:
        """The induction score of each attention head, measured on the text said twice.

        Args:
            text: An English text; only the end of a long text is used.
        """


@runtime_checkable
class Translate(Protocol):
    """Translation by beam search."""

    def translate(self, texts: list[str], beam_size: int = 5) -> list[results.Translation]:
        """Translate English into French, character by character.

        In JSON, the attention over texts of more than about 1,000 characters is null.

        Args:
            texts: English texts; each sentence is translated separately.
            beam_size: Number of hypotheses that beam search keeps at each step, 1 to 20.
        """


@runtime_checkable
class Candidates(Protocol):
    """The other hypotheses of beam search."""

    def candidates(self, text: str, n: int = 5) -> list[results.Translation]:
        """The best translations of a text, best first.

        Args:
            text: An English text.
            n: The number of candidates, which is also the beam size, 1 to 20.
        """


@runtime_checkable
class Force(Protocol):
    """Scoring of a given translation by teacher forcing."""

    def force(self, text: str, target: str) -> results.Translation:
        """How likely the model finds a given translation, with its attention.

        Args:
            text: An English text.
            target: Its French translation.
        """


@runtime_checkable
class Distribution(Protocol):
    """The full distribution of the next token."""

    def distribution(self, prompt: str) -> results.Distribution:
        """The log-probability of every token of the vocabulary after a prompt.

        Args:
            prompt: English text; only the end of a long prompt is used.
        """


@runtime_checkable
class NextTokens(Protocol):
    """Next-token prediction."""

    def next_tokens(
        self,
        prompt: str,
        k: int = 10,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
    ) -> list[results.NextToken]:
        """The most likely next tokens after a prompt, with their probabilities.

        Args:
            prompt: English text; only the end of a long prompt is used.
            k: How many tokens to list.
            temperature: Below 1 sharpens the distribution, above 1 flattens it.
            top_k: Keep only the k most likely tokens.
            top_p: Keep the smallest set of tokens whose probabilities reach p.
        """


@runtime_checkable
class Generate(Protocol):
    """Text generation."""

    def generate(
        self,
        prompt: str,
        max_new_tokens: int = 50,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        repetition_penalty: float = 1.0,
    ) -> Iterator[str]:
        """Continue a prompt; each message holds the whole text generated so far.

        Args:
            prompt: English text; only the end of a long prompt is used.
            max_new_tokens: How many tokens to generate at most.
            temperature: 0 always picks the most likely token.
            top_k: Sample from only the k most likely tokens.
            top_p: Sample from the smallest set of tokens whose probabilities reach p.
            seed: The same seed and settings generate the same text.
            repetition_penalty: Above 1 makes recent tokens less likely; 1 turns it off.
        """


@runtime_checkable
class Stream(Protocol):
    """Text generation with token counts."""

    def stream(
        self,
        prompt: str,
        max_new_tokens: int = 50,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        repetition_penalty: float = 1.0,
    ) -> Iterator[results.Piece]:
        """Like ``generate``, but each piece comes with its number of tokens."""

    def is_cut(self, prompt: str, max_new_tokens: int = 0) -> bool:
        """Whether the prompt is cut to its end, to leave room for new tokens in the context."""


@runtime_checkable
class Score(Protocol):
    """The likelihood of a text."""

    def score(self, text: str) -> list[results.TokenScore]:
        """The log-probability of each token of a text, given the tokens before it.

        Args:
            text: An English text.
        """


@runtime_checkable
class HeadEffects(Protocol):
    """The effects of attention heads on an answer."""

    def head_effects(self, text: str) -> views.HeadEffects:
        """How much the answer changes when each attention head is switched off.

        Args:
            text: An English text.
        """


@runtime_checkable
class HeadsOff(Protocol):
    """Answers without some attention heads."""

    def heads_off(self, text: str, heads: list[str]) -> views.Intervention:
        """The answer with all attention heads, and without some of them.

        Args:
            text: An English text.
            heads: Names of heads, such as "2.1", the first head of the second layer.
        """


@runtime_checkable
class Patch(Protocol):
    """Activation patching between two texts."""

    def patch(self, text: str, other: str) -> views.Patches:
        """How far the answer moves when one hidden state is taken from another text.

        Args:
            text: An English text.
            other: Another text, best one that differs in a single word.
        """


@runtime_checkable
class LayerWords(Protocol):
    """Linear probes on the words of a text."""

    def layer_words(self, text: str) -> views.LayerWords:
        """The probability of positive that a linear probe predicts from each word in each layer.

        Args:
            text: An English text, such as a film review.
        """


@runtime_checkable
class Gates(Protocol):
    """The gates of an LSTM."""

    def gates(self, text: str) -> views.Gates:
        """The input, forget and output gates, cell and hidden states at each token.

        Args:
            text: An English text, such as a film review.
        """


@runtime_checkable
class UnitsOff(Protocol):
    """Verdicts without some hidden units."""

    def units_off(self, text: str, units: list[str]) -> views.Intervention:
        """The verdict with all hidden units, and with some of them held at zero.

        Args:
            text: An English text, such as a film review.
            units: Numbers of units, from "1".
        """


@runtime_checkable
class FixedAttention(Protocol):
    """Translation with fixed attention weights."""

    def fixed_attention(
        self, text: str, attention: str = "uniform", beam_size: int = 5
    ) -> results.Translation:
        """Translate English into French with fixed attention weights.

        Args:
            text: An English text.
            attention: "uniform", "last" (the last character of the sentence) or "diagonal".
            beam_size: Number of hypotheses that beam search keeps at each step, 1 to 20.
        """


@runtime_checkable
class SamplingSteps(Protocol):
    """From logits to probabilities."""

    def sampling_steps(
        self,
        prompt: str,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        k: int = 12,
    ) -> views.SamplingSteps:
        """How temperature, softmax, top-k and top-p turn logits into probabilities.

        Args:
            prompt: English text; only the end of a long prompt is used.
            temperature: Below 1 sharpens the distribution, above 1 flattens it.
            top_k: Keep only the k most likely tokens.
            top_p: Keep the smallest set of tokens whose probabilities reach p.
            k: How many tokens to list.
        """


@runtime_checkable
class HeadSteps(Protocol):
    """The computation of an attention head."""

    def head_steps(
        self, text: str, layer: int = 1, head: int = 1, token: int = 0
    ) -> views.HeadSteps:
        """The computation of one attention head for one token, step by step.

        Args:
            text: An English text; only the end of a long text is used.
            layer: From 1.
            head: From 1.
            token: The position of the token that attends, from 1; 0 is the last token.
        """


@runtime_checkable
class Merges(Protocol):
    """The merges of byte-level BPE."""

    def merges(self, text: str) -> views.Merges:
        """How byte-level BPE merges the bytes of a text into tokens.

        Args:
            text: An English text; only the beginning of a long text is used.
        """


@runtime_checkable
class DeletionCurves(Protocol):
    """A check of attributions."""

    def deletion_curves(self, text: str) -> views.DeletionCurves:
        """The logit as more and more words are deleted, in the order of each attribution method.

        Args:
            text: An English text, such as a film review.
        """


@runtime_checkable
class Walk(Protocol):
    """The forward pass of a model, call by call."""

    def walk(self, text: str) -> views.Walk:
        """The modules that a text's forward pass calls, with the shapes of all tensors.

        Args:
            text: An English text; only a part of a long text is used.
        """


@dataclass(frozen=True)
class Budget:
    """The limit on the work of one request.

    Args:
        work: Computes the work units of a call from its arguments, including the defaults.
        most: The largest allowed number of work units.
        unit: The name of the work units, for the message that refuses a request.
    """

    work: Callable[..., int]
    most: int
    unit: str


@dataclass(frozen=True)
class Capability:
    """One verb of the predictors.

    Args:
        verb: The name of the method, and the end of its endpoint ``/<stem>_<verb>``.
        protocol: The Protocol that a predictor implements.
        sample: Arguments of a typical call.
        budget: The limit for one request.
        public: Whether it has an endpoint.
        keep: The part of a very long text to use, "beginning" or "end".
        queue: Requests to a model with the same queue name run one at a time; long work has its
            own queue.
    """

    verb: str
    protocol: type
    sample: Mapping[str, Any]
    budget: Budget
    public: bool = False
    keep: str = "beginning"
    queue: str = ""

    @cached_property
    def signature(self) -> inspect.Signature:
        """The method's parameters and result, without ``self`` and with types resolved."""
        method = getattr(self.protocol, self.verb)
        hints = typing.get_type_hints(method)
        _, *parameters = inspect.signature(method).parameters.values()
        typed = [each.replace(annotation=hints[each.name]) for each in parameters]
        return inspect.Signature(typed, return_annotation=hints["return"])

    @cached_property
    def description(self) -> str:
        """The method's docstring, which describes it and its arguments."""
        return inspect.getdoc(getattr(self.protocol, self.verb)) or ""

    @cached_property
    def takes_list(self) -> bool:
        """Whether the first argument is a list of texts, answered by a list of results."""
        return typing.get_origin(next(iter(self.signature.parameters.values())).annotation) is list

    @cached_property
    def streams(self) -> bool:
        """Whether the method returns an iterator of results."""
        return typing.get_origin(self.signature.return_annotation) is Iterator


def _translated(texts: list[str], beam: int) -> int:
    return beam * sum(min(len(text), MAX_TRANSLATED) for text in texts)


# Budgets are chosen so that the largest request takes about 25 seconds on two CPU cores.
CHARACTERS = Budget(lambda texts: sum(map(len, texts)), 200_000, "characters in total")
ONE_TEXT = Budget(lambda text, **_: len(text), MAX_CHARACTERS, "characters")
PROMPT = Budget(lambda prompt, **_: len(prompt), MAX_CHARACTERS, "characters")
NEW_TOKENS = Budget(lambda max_new_tokens, **_: max_new_tokens, 1_000, "new tokens")
BEAM = "characters × beam size"
FEELING = "I wanted to like it, but the plot is thin."
CONTINUATIONS = "_generate"  # the queue for generating text, apart from a model's other requests
GENERATION = {"prompt": "Once upon a time", "max_new_tokens": 20, "seed": 0}

CAPABILITIES = (
    Capability("classify", Classify, {"texts": [FEELING, "Great!"]}, CHARACTERS, public=True),
    Capability("logits", Logits, {"texts": [FEELING, "Great!"]}, CHARACTERS),
    Capability("explain", Explain, {"text": FEELING}, ONE_TEXT),
    Capability("trace", Trace, {"text": FEELING}, ONE_TEXT),
    Capability("layers", Layers, {"text": FEELING}, ONE_TEXT),
    Capability("attention", Attention, {"text": FEELING}, ONE_TEXT),
    Capability("induction", Induction, {"text": FEELING}, ONE_TEXT, keep="end"),
    Capability("lens", Lens, {"text": "The meaning of life is"}, ONE_TEXT, keep="end"),
    Capability(
        "translate",
        Translate,
        {"texts": ["hello", "Where are you?"], "beam_size": 5},
        Budget(lambda texts, beam_size: _translated(texts, beam_size), 100_000, BEAM),
        public=True,
    ),
    Capability(
        "candidates",
        Candidates,
        {"text": "hello", "n": 3},
        Budget(lambda text, n: _translated([text], n), 100_000, BEAM),
    ),
    Capability(
        "force",
        Force,
        {"text": "hello", "target": "bonjour"},
        Budget(lambda text, target: len(text) + len(target), 200_000, "characters in total"),
    ),
    Capability(
        "distribution", Distribution, {"prompt": "The meaning of life is"}, PROMPT, keep="end"
    ),
    Capability(
        "next_tokens",
        NextTokens,
        {"prompt": "The meaning of life is", "k": 5},
        PROMPT,
        public=True,
        keep="end",
    ),
    Capability(
        "generate",
        Generate,
        GENERATION,
        NEW_TOKENS,
        public=True,
        keep="end",
        queue=CONTINUATIONS,
    ),
    Capability("stream", Stream, GENERATION, NEW_TOKENS, keep="end", queue=CONTINUATIONS),
    Capability("score", Score, {"text": FEELING}, ONE_TEXT),
    Capability("head_effects", HeadEffects, {"text": FEELING}, ONE_TEXT),
    Capability("heads_off", HeadsOff, {"text": FEELING, "heads": ["2.1"]}, ONE_TEXT),
    Capability(
        "patch",
        Patch,
        {"text": FEELING, "other": "I wanted to like it, but the plot is dull."},
        Budget(lambda text, other: len(text) + len(other), 200_000, "characters in total"),
    ),
    Capability("layer_words", LayerWords, {"text": FEELING}, ONE_TEXT),
    Capability("gates", Gates, {"text": FEELING}, ONE_TEXT),
    Capability("units_off", UnitsOff, {"text": FEELING, "units": ["3"]}, ONE_TEXT),
    Capability("deletion_curves", DeletionCurves, {"text": FEELING}, ONE_TEXT),
    Capability(
        "fixed_attention",
        FixedAttention,
        {"text": "hello", "attention": "uniform"},
        Budget(lambda text, beam_size, **_: _translated([text], beam_size), 100_000, BEAM),
    ),
    Capability("sampling_steps", SamplingSteps, {"prompt": "Once upon a"}, PROMPT, keep="end"),
    Capability("head_steps", HeadSteps, {"text": "Once upon a"}, ONE_TEXT, keep="end"),
    Capability("merges", Merges, {"text": "unbelievable"}, ONE_TEXT),
    Capability("walk", Walk, {"text": "I loved the movie"}, ONE_TEXT),
)


def capability(verb: str) -> Capability:
    """The capability with that verb.

    Raises:
        ValueError: There is none.
    """
    for each in CAPABILITIES:
        if each.verb == verb:
            return each
    known = ", ".join(each.verb for each in CAPABILITIES)
    raise ValueError(f"There is no verb {verb!r}; predictors have {known}.")
