"""The result types of the predictors: frozen dataclasses, validated and without torch.

Both sentiment models return the same types, so they share panels and plots. Arrays are numpy
arrays. ``as_json`` turns any result into the JSON value that an endpoint returns.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeGuard

import numpy as np

UNSURE_BELOW, UNSURE_ABOVE = 2 / 3, 1 / 3


@dataclass(frozen=True)
class Sentiment:
    """The verdict on one text.

    ``positive`` is the probability of a positive text. ``verdict`` is the label, or
    "unsure" where that probability lies between 1/3 and 2/3. ``truncated`` says that
    only the beginning of the text was read.
    """

    text: str
    positive: float
    truncated: bool = False
    label: str = field(init=False)
    verdict: str = field(init=False)

    def __post_init__(self) -> None:
        if not 0.0 <= self.positive <= 1.0:
            raise ValueError(f"a probability must lie in [0, 1], not {self.positive}")
        label = "positive" if self.positive >= 0.5 else "negative"
        unsure = UNSURE_ABOVE < self.positive < UNSURE_BELOW
        object.__setattr__(self, "label", label)
        object.__setattr__(self, "verdict", "unsure" if unsure else label)


@dataclass(frozen=True)
class Classification:
    """The probabilities of N labels for one text.

    ``probabilities`` (N,) sum to 1, unless the model is ``multi_label``: then any number of labels
    can apply. ``label`` is the most likely one, and ``chosen`` are those that apply: the most
    likely label, or all with at least 1/2. ``truncated`` says that only the beginning of the text
    was read.
    """

    text: str
    labels: tuple[str, ...]
    probabilities: np.ndarray
    multi_label: bool = False
    truncated: bool = False
    label: str = field(init=False)
    chosen: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        found = self.probabilities
        if len(self.labels) < 2 or found.shape != (len(self.labels),):
            raise ValueError(f"{len(self.labels)} labels, but probabilities {found.shape}")
        if not ((found >= 0) & (found <= 1)).all():
            raise ValueError("probabilities must lie in [0, 1]")
        if not self.multi_label and not math.isclose(float(found.sum()), 1.0, abs_tol=1e-3):
            raise ValueError("the probabilities of all labels must sum to 1")
        best = self.labels[int(found.argmax())]
        several = tuple(name for name, p in zip(self.labels, found, strict=True) if p >= 0.5)
        object.__setattr__(self, "label", best)
        object.__setattr__(self, "chosen", several if self.multi_label else (best,))


@dataclass(frozen=True)
class Attribution:
    """The contribution of each word of a text to its logit.

    ``scores`` (N,) are in logits, one per word, above 0 towards positive. ``starts`` are the
    positions of the words in ``text``, which is in natural spelling, as the model read it.
    """

    text: str
    words: tuple[str, ...]
    starts: tuple[int, ...]
    scores: np.ndarray
    method: str
    truncated: bool = False

    def __post_init__(self) -> None:
        if self.scores.shape != (len(self.words),) or len(self.starts) != len(self.words):
            raise ValueError(f"{len(self.words)} words, but scores {self.scores.shape}")


@dataclass(frozen=True)
class LabelAttribution(Attribution):
    """The contribution of each word to the log-odds of one ``label``, above 0 towards it."""

    label: str = ""


@dataclass(frozen=True)
class Trace:
    """The verdicts and hidden states of a recurrent model while it reads N words.

    ``positive[i]`` is the probability of positive for the text up to and including word
    ``ends[i]``. ``hidden`` (N, units) are the hidden states at each word of the whole text: the
    first ``forward`` units belong to the forward direction, the others to the backward direction.
    None means that all units belong to the forward direction.
    """

    words: tuple[str, ...]
    ends: tuple[int, ...]
    positive: np.ndarray
    hidden: np.ndarray
    truncated: bool = False
    forward: int | None = None

    def __post_init__(self) -> None:
        if self.positive.shape != (len(self.ends),):
            raise ValueError(f"{len(self.ends)} prefixes, but positive {self.positive.shape}")
        if len(self.hidden) != len(self.words):
            raise ValueError(f"{len(self.words)} words, but states of {len(self.hidden)}")


@dataclass(frozen=True)
class AttentionMaps:
    """Attention ``weights`` (layers, heads, T, T) of T tokens; each row sums to 1."""

    tokens: tuple[str, ...]
    weights: np.ndarray
    truncated: bool = False

    def __post_init__(self) -> None:
        count = len(self.tokens)
        if self.weights.ndim != 4 or self.weights.shape[2:] != (count, count):
            raise ValueError(f"{count} tokens, but attention {self.weights.shape}")
        if count and not np.allclose(self.weights.sum(axis=-1), 1.0, atol=1e-3):
            raise ValueError("every row of the attention must sum to 1")


@dataclass(frozen=True)
class Lens:
    """What a language model would predict after each of T tokens from each of L layers.

    Layer 0 is the embeddings; the last layer's predictions are the model's own. ``predicted``
    (L, T) has the most likely tokens and ``probabilities`` (L, T) theirs; ``final`` (L, T) is the
    probability of the token that the last layer predicts.
    """

    tokens: tuple[str, ...]
    predicted: tuple[tuple[str, ...], ...]
    probabilities: np.ndarray
    final: np.ndarray
    truncated: bool = False

    def __post_init__(self) -> None:
        shape = (len(self.predicted), len(self.tokens))
        if {len(row) for row in self.predicted} != {len(self.tokens)}:
            raise ValueError(f"every layer needs predictions after {len(self.tokens)} tokens")
        if self.probabilities.shape != shape or self.final.shape != shape:
            raise ValueError(f"probabilities must have the shape {shape}")


@dataclass(frozen=True)
class Induction:
    """How a language model reads the same T tokens for a second time.

    ``scores`` (layers, heads) is the mean attention weight from each repeated token to the token
    that followed it the first time. ``first_bits`` and ``second_bits`` (T - 1,) are the surprisal
    of each token but the first, in both copies.
    """

    tokens: tuple[str, ...]
    scores: np.ndarray
    first_bits: np.ndarray
    second_bits: np.ndarray
    truncated: bool = False

    def __post_init__(self) -> None:
        shape = (max(0, len(self.tokens) - 1),)
        if self.first_bits.shape != shape or self.second_bits.shape != shape:
            raise ValueError(f"{len(self.tokens)} tokens, but surprisal {self.first_bits.shape}")
        if self.scores.ndim != 2 or not ((self.scores >= 0) & (self.scores <= 1.001)).all():
            raise ValueError("scores must be a matrix of attention weights")


@dataclass(frozen=True)
class NextToken:
    """A candidate for the next token; ``text`` is what it appends to the prompt.

    ``id`` is its index in the vocabulary. If the token is only a part of a character, ``whole`` is
    False and ``text`` shows its bytes, such as ``‹E9›``.
    """

    text: str
    probability: float
    id: int
    whole: bool = True

    def __post_init__(self) -> None:
        if not 0.0 <= self.probability <= 1.0:
            raise ValueError(f"a probability must lie in [0, 1], not {self.probability}")


@dataclass(frozen=True)
class Distribution:
    """The distribution of the next token after a prompt, before any generation settings apply.

    ``log_probs`` (V,) are in nats, one for each token of the vocabulary. ``texts`` (V,) is
    what each token appends to the prompt. ``fragments`` are the ids of tokens that are only a part
    of a character. ``truncated`` says that only the end of the prompt was read.
    """

    prompt: str
    texts: tuple[str, ...]
    log_probs: np.ndarray
    fragments: frozenset[int] = frozenset()
    truncated: bool = False

    def __post_init__(self) -> None:
        if self.log_probs.shape != (len(self.texts),):
            raise ValueError(f"{len(self.texts)} tokens, but log_probs {self.log_probs.shape}")
        if not math.isclose(float(np.exp(self.log_probs).sum()), 1.0, abs_tol=1e-3):
            raise ValueError("the probabilities of all tokens must sum to 1")

    def token(self, id: int, probability: float) -> NextToken:
        """The token with that id as a candidate."""
        return NextToken(self.texts[id], probability, id, id not in self.fragments)

    def may_follow(self, id: object) -> TypeGuard[int]:
        """Whether ``id`` is the id of a token that can be appended to the prompt."""
        return (
            isinstance(id, int)
            and not isinstance(id, bool)
            and id in range(len(self.texts))
            and id not in self.fragments
            and bool(self.log_probs[id] > -np.inf)
        )


@dataclass(frozen=True)
class Piece:
    """A piece of generated text and its number of tokens."""

    text: str
    tokens: int


@dataclass(frozen=True)
class TokenScore:
    """One token of a scored text; ``log_prob`` is in nats, given the tokens before it.

    ``expected`` are the most likely tokens at its position, with their probabilities. If several
    ``tokens`` make up one character, they are one entry, and ``expected`` is for the first of them.
    """

    text: str
    log_prob: float
    expected: tuple[NextToken, ...] = ()
    tokens: int = 1

    def __post_init__(self) -> None:
        if not self.log_prob <= 1e-6:
            raise ValueError(f"a log-probability can't be above 0: {self.log_prob}")

    @property
    def bits(self) -> float:
        """The surprisal in bits."""
        return max(0.0, -self.log_prob / math.log(2))


class BlockMatrix:
    """A matrix that is zero outside rectangular blocks, stored as its blocks.

    The attention over a long text consists of one block per sentence: 3,000 characters take
    less than 1 MB instead of 40 MB. Indexing, ``np.asarray`` and ``tolist`` fill in the zeros.
    """

    def __init__(
        self, shape: tuple[int, int], blocks: Sequence[tuple[int, int, np.ndarray]]
    ) -> None:
        """Blocks are (first row, first column, values); they must not overlap."""
        self.shape = shape
        self.blocks = tuple(blocks)

    def __repr__(self) -> str:
        """The shape and the number of blocks, without the values."""
        return f"BlockMatrix(shape={self.shape}, blocks={len(self.blocks)})"

    def __getitem__(self, key: Any) -> Any:
        """The same as numpy indexing; slices only compute the part they select."""
        rows, columns = key if isinstance(key, tuple) else (key, slice(None))
        if not (isinstance(rows, slice) and isinstance(columns, slice)):
            return np.asarray(self)[key]
        top, bottom, down = rows.indices(self.shape[0])
        left, right, across = columns.indices(self.shape[1])
        return self._part(top, bottom, left, right)[::down, ::across]

    def _part(self, top: int, bottom: int, left: int, right: int) -> np.ndarray:
        result = np.zeros((max(0, bottom - top), max(0, right - left)), dtype=np.float32)
        for row, column, values in self.blocks:
            begin, end = max(row, top), min(row + values.shape[0], bottom)
            first, last = max(column, left), min(column + values.shape[1], right)
            if begin < end and first < last:
                inside = values[begin - row : end - row, first - column : last - column]
                result[begin - top : end - top, first - left : last - left] = inside
        return result

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """The whole matrix."""
        return self._part(0, self.shape[0], 0, self.shape[1]).astype(dtype or np.float32)

    @property
    def nbytes(self) -> int:
        """The size of the blocks in bytes."""
        return sum(values.nbytes for _, _, values in self.blocks)

    def row_sums(self) -> np.ndarray:
        """The sum of each row."""
        result = np.zeros(self.shape[0], dtype=np.float32)
        for row, _, values in self.blocks:
            result[row : row + len(values)] += values.sum(axis=1)
        return result

    def tolist(self) -> list[list[float]]:
        """The whole matrix as lists; the zeros are one shared object to save memory."""
        result = [[0.0] * self.shape[1] for _ in range(self.shape[0])]
        for row, column, values in self.blocks:
            for line, numbers in zip(result[row:], values.tolist(), strict=False):
                line[column : column + len(numbers)] = numbers
        return result


@dataclass(frozen=True)
class Translation:
    """A translation with the decoder's attention.

    ``source`` holds the S characters that were read, ``target`` the T characters of ``text``,
    including line breaks. ``truncated`` says that only the beginning of the text was read.
    ``score`` is the summed log-probability in nats, including that of the end symbol;
    ``log_probs`` (T,) has one entry per target character; ``attention`` (T, S) has one row per
    target character over the source characters, and each row sums to 1. ``parts`` is the number
    of parts that were translated separately: sentences, or pieces of very long sentences.
    ``looks_english`` is False for a source that is probably in another language.
    """

    text: str
    score: float
    source: tuple[str, ...]
    target: tuple[str, ...]
    log_probs: np.ndarray
    attention: np.ndarray | BlockMatrix
    truncated: bool = False
    parts: int = 1
    looks_english: bool = True

    def __post_init__(self) -> None:
        rows, columns = len(self.target), len(self.source)
        if self.log_probs.shape != (rows,):
            raise ValueError(f"{rows} target characters, but log_probs {self.log_probs.shape}")
        weights = self.attention
        if weights.shape != (rows, columns):
            raise ValueError(f"attention must be {(rows, columns)}, not {weights.shape}")
        sums = weights.row_sums() if isinstance(weights, BlockMatrix) else weights.sum(axis=1)
        if rows and not np.allclose(sums, 1.0, atol=1e-3):
            raise ValueError("every row of the attention must sum to 1")


MOST_ENTRIES = 1_000_000  # of an array in JSON


def as_json(value: Any) -> Any:
    """The result, or a list of them, as plain JSON values (arrays and sets as lists).

    An array with more than ``MOST_ENTRIES`` entries becomes None: written out, the attention of a
    translator over 3,000 characters would take about 100 MB, that of BERT's heads over 512 tokens
    400 MB.
    """
    is_array = isinstance(value, (np.ndarray, BlockMatrix))
    if is_array and math.prod(value.shape) > MOST_ENTRIES:
        return None
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: as_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if is_array:
        return value.tolist()
    if isinstance(value, (list, tuple)):
        return [as_json(item) for item in value]
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
