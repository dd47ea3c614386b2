"""Chapter 1's predictor: verdicts, attributions and hidden states of texts."""

from __future__ import annotations

import json
import threading
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dlnlp import checkpoint
from dlnlp.device import pick_device
from dlnlp.inference.attribution import METHODS, attribute, integrated_gradients
from dlnlp.inference.batching import batches, in_order, pad_rows
from dlnlp.inference.calibration import TYPICAL, UNCALIBRATED, Calibration
from dlnlp.inference.deadline import check_deadline
from dlnlp.inference.deletion import deletion_curves
from dlnlp.inference.walk import walk
from dlnlp.models.sentiment_lstm import interventions
from dlnlp.models.sentiment_lstm import model as chapter
from dlnlp.models.sentiment_lstm.model import SentimentLSTM
from dlnlp.models.untrained import seeded_weights
from dlnlp.results import Attribution, Sentiment, Trace
from dlnlp.text.checks import check_text, check_texts
from dlnlp.text.vocabulary import PAD, TINY_WORDS, UNK, Vocabulary
from dlnlp.text.words import basic_english, natural, spans_of_tokens, words
from dlnlp.views import DeletionCurves, Gates, Intervention, Patches, Walk

VOCABULARY = "vocab.json"
UNITS = "units.json"  # the units' leanings
MAX_WORDS = 2000  # tokens used for a verdict
MAX_EXPLAINED = 500  # tokens used for an explanation or a trace
MAX_PREFIXES = 64
MOST_WALKED = 24  # tokens of a walk
BATCH_WORDS = 16_384
_CUDNN_FLAG = threading.Lock()


class SentimentLSTMPredictor:
    """A trained SentimentLSTM with its vocabulary; safe to share between threads.

    Args:
        leanings: How closely each unit of the last layer follows the sentiment of training texts
            (see ``dlnlp.views.Gates``); zeros if that was not measured.
    """

    def __init__(
        self,
        model: SentimentLSTM,
        vocabulary: Vocabulary,
        calibration: Calibration = UNCALIBRATED,
        leanings: np.ndarray | None = None,
    ) -> None:
        self.model = model.eval()
        self.vocabulary = vocabulary
        self.calibration = calibration
        self.leanings = np.zeros(model.linear.in_features) if leanings is None else leanings

    @property
    def device(self) -> torch.device:
        """The device of the model's weights."""
        return self.model.linear.weight.device

    def classify(self, texts: Sequence[str]) -> list[Sentiment]:
        """The verdict on each text, from its first ``MAX_WORDS`` tokens.

        Raises:
            TypeError: ``texts`` is not a list of strings.
            DeadlineExceeded: The time limit of the current context has passed.
        """
        texts = check_texts(texts)
        logits, truncated = self._read(texts)
        positive = torch.sigmoid(torch.tensor(logits)).tolist()
        return [Sentiment(*row) for row in zip(texts, positive, truncated, strict=True)]

    def logits(self, texts: Sequence[str]) -> list[float]:
        """The calibrated logit of each text; above 0 is positive.

        Raises:
            TypeError: ``texts`` is not a list of strings.
            DeadlineExceeded: The time limit of the current context has passed.
        """
        return self._read(check_texts(texts))[0]

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """The lengths for the calibration, all equal because it does not depend on length."""
        return [TYPICAL] * len(texts)

    def explain(self, text: str, method: str = "integrated_gradients") -> Attribution:
        """How much each word contributes to the logit, in the first ``MAX_EXPLAINED`` tokens.

        The baseline of integrated gradients is a text of padding embeddings.

        Args:
            method: "integrated_gradients" or "leave_one_out".

        Raises:
            TypeError: ``text`` is not a string.
            ValueError: The method is unknown.
            DeadlineExceeded: The time limit of the current context has passed.
        """
        beginning, truncated = _beginning(natural(check_text(text)))
        return attribute(beginning, method, self.logits, self._token_gradients, truncated)

    def deletion_curves(self, text: str) -> DeletionCurves:
        """The logit as more and more words are deleted, in the order of each attribution method.

        Raises:
            TypeError: ``text`` is not a string.
            DeadlineExceeded: The time limit of the current context has passed.
        """
        explained = {method: self.explain(text, method) for method in METHODS}
        return deletion_curves(self.logits, explained)

    @torch.inference_mode()
    def trace(self, text: str) -> Trace:
        """P(positive) after each word, and the hidden states at each word.

        Every prefix is classified as a separate text. In texts of more than ``MAX_PREFIXES``
        words, only that many evenly spaced prefixes are. Only the first ``MAX_EXPLAINED`` tokens
        are read.

        Raises:
            TypeError: ``text`` is not a string.
            DeadlineExceeded: The time limit of the current context has passed.
        """
        beginning, truncated = _beginning(natural(check_text(text)))
        ids, starts = self._encoded(beginning)
        if not ids:
            return Trace((), (), np.zeros(0), np.zeros((0, self.model.linear.in_features)))
        found = words(beginning)
        # A word ends where the first token of the next word starts.
        ends = [bisect_left(starts, start) for _, start in found[1:]] + [len(ids)]
        chosen = np.linspace(0, len(found) - 1, min(len(found), MAX_PREFIXES)).round().astype(int)
        logits = self._logits([ids[: ends[i]] for i in chosen])
        tokens, lengths = pad_rows([ids])
        states, _ = self.model.states(self.model.embedding(tokens.to(self.device)), lengths)
        return Trace(
            words=tuple(word for word, _ in found),
            ends=tuple(chosen.tolist()),
            positive=torch.sigmoid(torch.tensor(logits)).numpy(),
            hidden=states[0, [end - 1 for end in ends]].float().cpu().numpy(),  # (N, D * H)
            truncated=truncated,
            forward=self.model.lstm.hidden_size,
        )

    @torch.inference_mode()
    def gates(self, text: str) -> Gates:
        """The gates and states of the last layer's units at each token.

        Only the first ``MAX_EXPLAINED`` tokens are read.

        Raises:
            TypeError: ``text`` is not a string.
        """
        read, truncated = self._words(text)
        return replace(interventions.gates(self.model, read, self.leanings), truncated=truncated)

    @torch.inference_mode()
    def units_off(self, text: str, units: Sequence[str]) -> Intervention:
        """The verdict with all units, and with some units of the last layer held at zero.

        Only the first ``MAX_EXPLAINED`` tokens are read.

        Args:
            units: Their numbers, from "1".

        Raises:
            TypeError: ``text`` is not a string.
            ValueError: The model has no unit with such a number.
        """
        read, truncated = self._words(text)
        found = interventions.units_off(self.model, read, units, self.calibration)
        return replace(found, truncated=truncated)

    @torch.inference_mode()
    def patch(self, text: str, other: str) -> Patches:
        """How far the verdict moves when the state after one token is that of another text.

        Only the first ``interventions.MOST_PATCHED`` tokens are patched.

        Raises:
            TypeError: ``text`` or ``other`` is not a string.
            DeadlineExceeded: The time limit of the current context has passed.
        """
        (read, cut), (second, _) = self._words(text), self._words(other)
        found = interventions.patch(self.model, read, second, self.calibration)
        return replace(found, truncated=cut or found.truncated)

    def walk(self, text: str) -> Walk:
        """The forward pass of the first ``MOST_WALKED`` tokens, call by call.

        Raises:
            TypeError: ``text`` is not a string.
        """
        read, truncated = self._words(text)
        tokens, ids = read.tokens[:MOST_WALKED], list(read.ids[:MOST_WALKED])
        return walk(
            self.model,
            lambda: chapter.classify(self.model, [ids]),
            [chapter.__file__],
            "tokens",
            tokens,
            truncated=truncated or len(tokens) < len(read.tokens),
        )

    def _words(self, text: str) -> tuple[interventions.Words, bool]:
        """The tokens that the model reads, and whether the text has more."""
        beginning, truncated = _beginning(natural(check_text(text)))
        tokens = tuple(token for token, _ in spans_of_tokens(beginning)) or (UNK,)
        ids = self.vocabulary.encode(token.lower() for token in tokens)
        return interventions.Words(tokens, ids), truncated

    def _read(self, texts: list[str]) -> tuple[list[float], list[bool]]:
        """The calibrated logit of each text, and whether the text was truncated."""
        rows = [
            self.vocabulary.encode(basic_english(text)) or self.vocabulary.encode([UNK])
            for text in texts
        ]
        truncated = [len(ids) > MAX_WORDS for ids in rows]
        return self._logits([ids[:MAX_WORDS] for ids in rows]), truncated

    @torch.inference_mode()
    def _logits(self, rows: Sequence[Sequence[int]]) -> list[float]:
        """The calibrated logit of each row of token ids."""
        order = batches([len(ids) for ids in rows], BATCH_WORDS)
        found = []
        for batch in order:
            check_deadline()
            tokens, lengths = pad_rows([rows[i] for i in batch])
            logits = self.model(tokens.to(self.device), lengths).float()
            found.append(self.calibration(logits).tolist())
        return in_order(order, found)

    def _encoded(self, text: str) -> tuple[list[int], list[int]]:
        """The ids of a natural text's tokens, and where the tokens start."""
        tokens = spans_of_tokens(text)
        ids = self.vocabulary.encode(token.lower() for token, _ in tokens)
        return ids, [start for _, start in tokens]

    def _token_gradients(self, text: str) -> tuple[list[int], list[float]]:
        """Where each token of a natural text starts, and its integrated gradients."""
        ids, starts = self._encoded(text)
        if not ids:
            return [], []
        x = self.model.embedding(torch.tensor(ids, device=self.device)).detach()  # (T, E)

        def logit(points: Tensor) -> Tensor:
            with differentiable_rnn(points.device):
                raw = self.model.read(points, torch.full((len(points),), len(ids)))
            return self.calibration(raw)

        return starts, integrated_gradients(logit, x, torch.zeros_like(x)).tolist()


def _beginning(text: str) -> tuple[str, bool]:
    """The first ``MAX_EXPLAINED`` tokens of a natural text, and whether there are more."""
    tokens = spans_of_tokens(text)
    if len(tokens) <= MAX_EXPLAINED:
        return text, False
    _, end = tokens[MAX_EXPLAINED]
    return text[:end].rstrip(), True


@contextmanager
def differentiable_rnn(device: torch.device) -> Iterator[None]:
    """Allow gradients through an RNN in eval mode, which cuDNN does not support.

    On a GPU this disables cuDNN in favour of PyTorch's own kernels. The setting applies to the
    whole process, so only one thread may change it at a time. Other devices need no change.
    """
    if device.type != "cuda":
        yield
        return
    with _CUDNN_FLAG, torch.backends.cudnn.flags(enabled=False):
        yield


def load(folder: Path, device: str | None = None) -> SentimentLSTMPredictor:
    """The predictor of a checkpoint folder.

    Raises:
        CheckpointError: The folder is missing, damaged or does not fit this code.
    """
    config = checkpoint.read_config(folder)
    calibration = Calibration.taken_from(config)
    with checkpoint.fitting(folder):
        vocabulary = Vocabulary.loads((folder / VOCABULARY).read_text(encoding="utf-8"))
        model = SentimentLSTM(**config)
        leanings = None
        if (folder / UNITS).is_file():
            leanings = np.array(json.loads((folder / UNITS).read_text(encoding="utf-8")))
    checkpoint.load_weights(folder, model)
    model = model.to(pick_device(device))
    return SentimentLSTMPredictor(model, vocabulary, calibration, leanings)


def save(folder: Path, predictor: SentimentLSTMPredictor, training: dict[str, object]) -> None:
    """Write the predictor's checkpoint folder."""
    config = {**asdict(predictor.model.config), **asdict(predictor.calibration)}
    leanings = [round(each, 4) for each in predictor.leanings.tolist()]
    files = {VOCABULARY: predictor.vocabulary.dumps(), UNITS: json.dumps(leanings)}
    checkpoint.save(folder, config, predictor.model, files, training)


def tiny() -> SentimentLSTMPredictor:
    """A small predictor with seeded random weights and a vocabulary of a few words."""
    vocabulary = Vocabulary([PAD, UNK, *TINY_WORDS.split()])
    with seeded_weights():
        model = SentimentLSTM(len(vocabulary), 8, 8, bidirectional=True, pooling="max")
    return SentimentLSTMPredictor(model, vocabulary)
