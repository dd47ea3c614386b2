"""The results of views that look inside a model or change it: frozen dataclasses, without torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LOGIT = "the logit of positive"


def _check_shape(name: str, array: np.ndarray, *shape: int) -> None:
    if array.shape != shape:
        raise ValueError(f"{name} must have the shape {shape}, not {array.shape}")


@dataclass(frozen=True)
class HeadEffects:
    """How much each attention head matters for the answer to a text.

    ``effects`` (layers, heads) is how much ``measure`` changes, in nats, when the head is switched
    off, that is, when its output is replaced by zeros.
    """

    measure: str
    effects: np.ndarray
    truncated: bool = False

    def __post_init__(self) -> None:
        if self.effects.ndim != 2:
            raise ValueError(f"effects must be a matrix, not {self.effects.shape}")


@dataclass(frozen=True)
class Intervention:
    """The probabilities of N possible answers without and with a change inside the model.

    ``measure`` names a logit or log-probability, that of ``HeadEffects`` for the same text;
    ``shift`` is how much the change moves it, in nats.
    """

    answers: tuple[str, ...]
    before: np.ndarray
    after: np.ndarray
    measure: str
    shift: float
    truncated: bool = False

    def __post_init__(self) -> None:
        _check_shape("before", self.before, len(self.answers))
        _check_shape("after", self.after, len(self.answers))


SENTIMENTS = ("positive", "negative")


def sentiment_intervention(before: float, after: float, truncated: bool = False) -> Intervention:
    """The probabilities of both sentiments, given the logits of positive."""
    positive = 1 / (1 + np.exp(-np.array([before, after])))
    return Intervention(
        SENTIMENTS,
        np.array([positive[0], 1 - positive[0]]),
        np.array([positive[1], 1 - positive[1]]),
        LOGIT,
        after - before,
        truncated,
    )


@dataclass(frozen=True)
class Patches:
    """How far the answer to a text moves when one hidden state is taken from another text.

    ``before`` and ``after`` are the values of ``measure`` for both texts, and ``moved`` (rows, N)
    is the share of the way between them: 0 is no change, 1 the whole way. ``places`` are the N
    places of the text and ``sources`` their counterparts in the other text; a place whose source
    is None was not patched.
    """

    measure: str
    before: float
    after: float
    rows: tuple[str, ...]
    places: tuple[str, ...]
    sources: tuple[str | None, ...]
    moved: np.ndarray
    truncated: bool = False

    def __post_init__(self) -> None:
        _check_shape("moved", self.moved, len(self.rows), len(self.places))
        if len(self.sources) != len(self.places):
            raise ValueError(f"{len(self.places)} places, but {len(self.sources)} sources")


@dataclass(frozen=True)
class LayerWords:
    """The probability of positive by linear probes of L + 1 layers, of the text and of N words.

    Layer 0 is the embeddings. ``positive`` (L + 1,) is for the whole text, ``words`` (L + 1, N) for
    each word and special token.
    """

    names: tuple[str, ...]
    positive: np.ndarray
    words: np.ndarray
    truncated: bool = False

    def __post_init__(self) -> None:
        _check_shape("words", self.words, len(self.positive), len(self.names))


@dataclass(frozen=True)
class Gates:
    """The gates and cell states of a recurrent layer at each of N tokens.

    ``input_gate``, ``forget_gate`` and ``output_gate`` (N, units) lie between 0 and 1; ``cell``
    (N, units) and ``hidden`` (N, units) are the states after the token. The first ``forward`` units
    read forwards, the others backwards. ``leanings`` (units,) is how closely each unit follows the
    sentiment of training texts: the correlation of its pooled value with their label.
    """

    tokens: tuple[str, ...]
    input_gate: np.ndarray
    forget_gate: np.ndarray
    output_gate: np.ndarray
    cell: np.ndarray
    hidden: np.ndarray
    leanings: np.ndarray
    forward: int
    truncated: bool = False

    def __post_init__(self) -> None:
        shape = (len(self.tokens), len(self.leanings))
        for name in ("input_gate", "forget_gate", "output_gate", "cell", "hidden"):
            _check_shape(name, getattr(self, name), *shape)


@dataclass(frozen=True)
class SamplingSteps:
    """How the settings turn the logits of the N most likely tokens into probabilities.

    Each step (N,) follows from the one before: ``logits``, ``scaled`` (by the temperature),
    ``softmax`` over the whole vocabulary, ``after_top_k`` and ``after_top_p``, where the tokens
    that remain share the whole probability. ``kept`` counts the tokens that remain at the end.
    """

    tokens: tuple[str, ...]
    logits: np.ndarray
    scaled: np.ndarray
    softmax: np.ndarray
    after_top_k: np.ndarray
    after_top_p: np.ndarray
    kept: int
    truncated: bool = False

    def __post_init__(self) -> None:
        for name in ("logits", "scaled", "softmax", "after_top_k", "after_top_p"):
            _check_shape(name, getattr(self, name), len(self.tokens))


@dataclass(frozen=True)
class HeadSteps:
    """The computation of one attention head for the token that is the last of T tokens.

    ``query`` (D,) is that of the last token; ``keys`` and ``values`` (T, D) are those of all
    tokens. ``products`` (T,) are Q·K, ``scores`` (T,) are these divided by √D, ``weights`` (T,) is
    their softmax, and ``output`` (D,) is the sum of the values times their weights. ``later`` are
    the tokens after the last one, which the causal mask hides from it.
    """

    tokens: tuple[str, ...]
    query: np.ndarray
    keys: np.ndarray
    values: np.ndarray
    products: np.ndarray
    scores: np.ndarray
    weights: np.ndarray
    output: np.ndarray
    later: tuple[str, ...] = ()
    truncated: bool = False

    def __post_init__(self) -> None:
        count, width = len(self.tokens), len(self.query)
        _check_shape("keys", self.keys, count, width)
        _check_shape("values", self.values, count, width)
        for name in ("products", "scores", "weights"):
            _check_shape(name, getattr(self, name), count)
        _check_shape("output", self.output, width)


@dataclass(frozen=True)
class Merges:
    """How byte-level BPE merges the pieces of a text, from its bytes to its tokens.

    ``steps`` are the pieces at first and after each merge; ``ranks`` are the places of the merges
    in the tokenizer's list, from 0, one fewer than the steps.
    """

    text: str
    steps: tuple[tuple[str, ...], ...]
    ranks: tuple[int, ...]
    truncated: bool = False

    def __post_init__(self) -> None:
        if len(self.ranks) != len(self.steps) - 1:
            raise ValueError(f"{len(self.steps)} steps, but {len(self.ranks)} merges")


@dataclass(frozen=True)
class DeletionCurves:
    """The logit of a text as more and more of its words are deleted.

    ``deleted`` (S,) are the numbers of deleted words. ``curves`` (methods, S) are the logits when
    the words are deleted that contribute most to the verdict, in the order of each method;
    ``random`` (S,) is the mean of several random orders.
    """

    words: int
    deleted: tuple[int, ...]
    methods: tuple[str, ...]
    curves: np.ndarray
    random: np.ndarray
    truncated: bool = False

    def __post_init__(self) -> None:
        _check_shape("curves", self.curves, len(self.methods), len(self.deleted))
        _check_shape("random", self.random, len(self.deleted))


Shape = tuple[int, ...]


@dataclass(frozen=True)
class ModuleCall:
    """One call of a module in a forward pass.

    ``name`` is the module's name in its model, "" for the model itself, ``kind`` its class and
    ``sizes`` what PyTorch prints of it. ``function`` is the index in ``Walk.functions`` of the
    function that called it, on ``line``; both are -1 for a call from elsewhere. Of a list of
    modules, such as layers, only calls of the first one are listed, with the length of the list
    as ``repeats``.
    """

    name: str
    kind: str
    sizes: str
    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]
    parameters: int
    repeats: int = 1
    function: int = -1
    line: int = -1


@dataclass(frozen=True)
class Assignment:
    """A tensor that a line of a file gave to a variable, after so many of the walk's calls."""

    line: int
    variable: str
    shape: Shape
    calls: int


@dataclass(frozen=True)
class TracedFunction:
    """A function of a forward pass: its body, from line ``first`` of ``file``, and its tensors."""

    file: str
    name: str
    first: int
    lines: tuple[str, ...]
    assigned: tuple[Assignment, ...]


@dataclass(frozen=True)
class Walk:
    """A forward pass in the order of its calls, with the shapes of all tensors.

    ``read`` are the tokens of the text that the model read, which are called ``unit``; ``written``
    are those of its translation. A function that was called several times is traced once, and
    one without tensors of its own is only listed if it called a module.
    """

    unit: str
    read: tuple[str, ...]
    written: tuple[str, ...]
    calls: tuple[ModuleCall, ...]
    functions: tuple[TracedFunction, ...]
    truncated: bool = False

    def __post_init__(self) -> None:
        wrong = [each.name for each in self.calls if each.function >= len(self.functions)]
        if wrong:
            raise ValueError(f"the functions that called {', '.join(wrong)} are missing")
