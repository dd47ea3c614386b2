"""Chapter 1: sentiment with an LSTM.

The tutorial's ``SentimentLSTM``: embedding, LSTM, linear layer to one unit. The sigmoid
lives in the loss and in ``classify``, where it is numerically safe. Bidirectional layers and
pooling over time are options of the config; without them this is the tutorial's model.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from dlnlp import checkpoint
from dlnlp.device import pick_device
from dlnlp.inference.attribution import check_method, integrated_gradients, leave_one_out, per_word
from dlnlp.inference.batching import batches
from dlnlp.inference.calibration import TYPICAL, UNCALIBRATED, Calibration
from dlnlp.models.sentiment_lstm.model import SentimentLSTM
from dlnlp.results import Attribution, Sentiment, Trace
from dlnlp.text.checks import check_text, check_texts
from dlnlp.text.vocabulary import PAD, UNK, Vocabulary
from dlnlp.text.words import basic_english, natural, spans_of_tokens, words

VOCABULARY = "vocab.json"
MAX_WORDS = 2000
MAX_EXPLAINED = 500
MAX_PREFIXES = 64
BATCH_WORDS = 16_384


def encode(vocabulary: Vocabulary, text: str) -> tuple[list[int], bool]:
    """Token ids, at least one, and whether the text was cut at ``MAX_WORDS``."""
    ids = vocabulary.encode(basic_english(text)) or vocabulary.encode([UNK])
    return ids[:MAX_WORDS], len(ids) > MAX_WORDS


def collate(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Padded ids (B, T) and lengths (B,)."""
    tokens = pad_sequence([torch.tensor(row) for row in rows], batch_first=True)
    return tokens, torch.tensor([len(row) for row in rows])


class SentimentLSTMPredictor:
    """A trained SentimentLSTM with its vocabulary; safe to share between threads."""

    def __init__(
        self,
        model: SentimentLSTM,
        vocabulary: Vocabulary,
        calibration: Calibration = UNCALIBRATED,
    ) -> None:
        self.model = model.eval()
        self.vocabulary = vocabulary
        self.calibration = calibration

    def classify(self, texts: Sequence[str]) -> list[Sentiment]:
        """The verdict on each text; the first ``MAX_WORDS`` tokens of it are read.

        Raises:
            TypeError: ``texts`` is no list of strings.
        """
        texts = check_texts(texts)
        logits, truncated = self._read(texts)
        positive = torch.sigmoid(torch.tensor(logits)).tolist()
        return [Sentiment(*row) for row in zip(texts, positive, truncated, strict=True)]

    def logits(self, texts: Sequence[str]) -> list[float]:
        """The calibrated logit towards positive of each text, for analysis.

        Raises:
            TypeError: ``texts`` is no list of strings.
        """
        return self._read(check_texts(texts))[0]

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """All alike: its calibration does not depend on the length."""
        return [TYPICAL] * len(texts)

    @torch.inference_mode()
    def _read(self, texts: list[str]) -> tuple[list[float], list[bool]]:
        """Each text's logit, and whether any of it was left unread."""
        encoded = [encode(self.vocabulary, text) for text in texts]
        logits = [0.0] * len(texts)
        for batch in batches([len(ids) for ids, _ in encoded], BATCH_WORDS):
            tokens, lengths = collate([encoded[i][0] for i in batch])
            found = self.calibration(self.model(tokens.to(self.device), lengths).float())
            for i, logit in zip(batch, found.tolist(), strict=True):
                logits[i] = logit
        return logits, [cut for _, cut in encoded]

    def explain(self, text: str, method: str = "integrated_gradients") -> Attribution:
        """What each word contributed to the logit, by gradients or by leaving it out.

        The baseline of the gradients is a text of padding: of words without a meaning.

        Raises:
            TypeError: ``text`` is no string.
            ValueError: The method is unknown.
        """
        check_method(method)
        whole = natural(check_text(text))
        tokens = spans_of_tokens(whole)
        cut = len(tokens) > MAX_EXPLAINED
        if cut:
            whole, tokens = whole[: tokens[MAX_EXPLAINED][1]].rstrip(), tokens[:MAX_EXPLAINED]
        if method == "leave_one_out":
            scores = leave_one_out(self.logits, whole)
        elif not tokens:
            scores = np.zeros(0)
        else:
            ids = self.vocabulary.encode(token.lower() for token, _ in tokens)
            x = self.model.embedding(torch.tensor(ids, device=self.device)).detach()  # (T, E)

            def logit(points: Tensor) -> Tensor:
                read = self.model.read(points, torch.full((len(points),), len(ids)))
                return self.calibration(read)

            found = integrated_gradients(logit, x, torch.zeros_like(x))
            scores = per_word(whole, [start for _, start in tokens], found.tolist())
        spans = words(whole)
        return Attribution(
            whole,
            tuple(word for word, _ in spans),
            tuple(start for _, start in spans),
            scores,
            method,
            cut,
        )

    @torch.inference_mode()
    def trace(self, text: str) -> Trace:
        """The verdict after each word, every prefix really read, and the states behind it.

        A text of more than ``MAX_PREFIXES`` words is traced at so many of them.

        Raises:
            TypeError: ``text`` is no string.
        """
        whole = natural(check_text(text))
        tokens = spans_of_tokens(whole)[:MAX_EXPLAINED]
        if not tokens:
            return Trace((), (), np.zeros(0), np.zeros((0, self.model.linear.in_features)))
        cut = len(spans_of_tokens(whole)) > MAX_EXPLAINED
        ids = self.vocabulary.encode(token.lower() for token, _ in tokens)
        found = [(word, start) for word, start in words(whole) if start <= tokens[-1][1]]
        begins = [start for _, start in tokens] + [len(whole)]
        # A word ends where the next one's first token begins.
        ends = [bisect_left(begins, start) for _, start in found[1:]] + [len(tokens)]
        chosen = np.linspace(0, len(found) - 1, min(len(found), MAX_PREFIXES)).round().astype(int)
        prefixes = [ids[: ends[i]] for i in chosen]
        logits = [0.0] * len(prefixes)
        for batch in batches([len(prefix) for prefix in prefixes], BATCH_WORDS):
            rows, lengths = collate([prefixes[i] for i in batch])
            scores = self.calibration(self.model(rows.to(self.device), lengths).float())
            for i, logit in zip(batch, scores.tolist(), strict=True):
                logits[i] = logit
        rows, lengths = collate([ids])
        states, _ = self.model.states(self.model.embedding(rows.to(self.device)), lengths)
        hidden = states[0].float().cpu().numpy()[[end - 1 for end in ends]]  # (N, D * H)
        positive = torch.sigmoid(torch.tensor(logits)).numpy()
        return Trace(
            tuple(word for word, _ in found),
            tuple(chosen.tolist()),
            positive,
            hidden,
            cut,
            self.model.lstm.hidden_size,
        )

    @property
    def device(self) -> torch.device:
        """Where the model's weights are."""
        return self.model.linear.weight.device


def load(folder: Path, device: str | None = None) -> SentimentLSTMPredictor:
    """The predictor of a checkpoint folder.

    Raises:
        CheckpointError: The folder is missing, damaged or does not fit this code.
    """
    checkpoint.verify(folder)
    config = checkpoint.read_json(folder, checkpoint.CONFIG)
    calibration = Calibration.taken_from(config)
    try:
        vocabulary = Vocabulary.loads((folder / VOCABULARY).read_text(encoding="utf-8"))
        model = SentimentLSTM(**config)
    except (TypeError, ValueError) as fault:
        raise checkpoint.CheckpointError(folder, f"does not fit this code ({fault})") from None
    checkpoint.load_weights(folder, model)
    return SentimentLSTMPredictor(model.to(pick_device(device)), vocabulary, calibration)


def save(folder: Path, predictor: SentimentLSTMPredictor, training: dict[str, object]) -> None:
    """Write the predictor's checkpoint folder."""
    config = {**asdict(predictor.model.config), **asdict(predictor.calibration)}
    files = {VOCABULARY: predictor.vocabulary.dumps()}
    checkpoint.save(folder, config, predictor.model, files, training)


TINY_WORDS = "the film movie was is good great bad terrible loved hated not but . !"


def tiny() -> SentimentLSTMPredictor:
    """A seeded, untrained predictor of a few words."""
    words = TINY_WORDS.split()
    vocabulary = Vocabulary([PAD, UNK, *words])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = SentimentLSTM(len(vocabulary), 8, 8, bidirectional=True, pooling="max")
    return SentimentLSTMPredictor(model, vocabulary)
