"""Chapter 4's predictor: verdicts, attributions, attention and layer probes of texts."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

import torch
from tokenizers import Encoding, Tokenizer
from torch import Tensor

from dlnlp import checkpoint
from dlnlp.accelerate.onnx import GRAPH, Engine, open_engine
from dlnlp.device import pick_device
from dlnlp.inference.attribution import METHODS, attribute, integrated_gradients, steps_for
from dlnlp.inference.batching import batches, in_order
from dlnlp.inference.calibration import UNCALIBRATED, Calibration
from dlnlp.inference.deletion import deletion_curves
from dlnlp.inference.walk import walk
from dlnlp.models.sentiment_bert import interventions
from dlnlp.models.sentiment_bert import model as chapter
from dlnlp.models.sentiment_bert import probes as probe_file
from dlnlp.models.sentiment_bert.forward import Forward, LazyModel, TorchForward, collate
from dlnlp.models.sentiment_bert.model import Probes, attention_weights, build, mean_states
from dlnlp.models.sentiment_bert.probes import PROBES
from dlnlp.models.sentiment_bert.tokenizer import TOKENIZER, encode, encode_all, tiny_tokenizer
from dlnlp.models.sentiment_bert.windows import first_window, windowed
from dlnlp.models.untrained import seeded_weights
from dlnlp.results import AttentionMaps, Attribution, Sentiment
from dlnlp.text.checks import check_text, check_texts
from dlnlp.text.vocabulary import TINY_WORDS
from dlnlp.text.words import natural
from dlnlp.views import DeletionCurves, HeadEffects, Intervention, LayerWords, Patches, Walk

if TYPE_CHECKING:
    from transformers import BertForSequenceClassification

MOST_WALKED = 24  # word pieces of a walk
TINY_SIZES = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 64,
    "num_labels": 2,
}


class SentimentBertPredictor:
    """A fine-tuned BERT with its WordPiece tokenizer; safe to share between threads.

    Args:
        model: The model, or a function that builds it on first use. With an engine, classifying
            needs neither the PyTorch model nor transformers, which take seconds to load.
        probes: Linear probes of the layers' hidden states.
        engine: Computes the logits instead of PyTorch.
        max_length: The number of positions, if ``model`` is a function.
    """

    def __init__(
        self,
        model: BertForSequenceClassification | Callable[[], BertForSequenceClassification],
        tokenizer: Tokenizer,
        calibration: Calibration = UNCALIBRATED,
        probes: Probes | None = None,
        engine: Engine | None = None,
        max_length: int = 512,
    ) -> None:
        self._model = LazyModel(model)
        if isinstance(model, torch.nn.Module):
            max_length = int(self.model.config.max_position_embeddings)
        self.max_length = max_length
        self.tokenizer = tokenizer
        self.tokenizer.no_truncation()  # long texts are split into windows instead
        self.tokenizer.no_padding()
        self.calibration = calibration
        self.probes = probes or Probes.blank(self.model)
        self.engine = engine

    @property
    def model(self) -> BertForSequenceClassification:
        """The PyTorch model, built on first use."""
        return self._model()

    @property
    def device(self) -> torch.device:
        """The device of the model's weights."""
        return self.model.classifier.weight.device

    @property
    def engine(self) -> Engine | None:
        """The engine that computes the logits, or None for PyTorch."""
        return self._engine

    @engine.setter
    def engine(self, engine: Engine | None) -> None:
        self._engine = engine
        self._forward: Forward = engine or TorchForward(self._model)

    def classify(self, texts: Sequence[str]) -> list[Sentiment]:
        """The verdict on each text, from at most ``windows.MAX_WINDOWS`` windows of it.

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
        """The number of word pieces of each text, on which its calibration depends."""
        return list(map(len, encode_all(self.tokenizer, texts)))

    def explain(self, text: str, method: str = "integrated_gradients") -> Attribution:
        """How much each word contributes to the logit, in the first ``max_length`` word pieces.

        The baseline of integrated gradients is [PAD] in place of every word piece.

        Args:
            method: "integrated_gradients" or "leave_one_out".

        Raises:
            TypeError: ``text`` is not a string.
            ValueError: The method is unknown.
            DeadlineExceeded: The time limit of the current context has passed.
        """
        whole, _, truncated = self._beginning(text)
        return attribute(whole, method, self.logits, self._token_gradients, truncated)

    def deletion_curves(self, text: str) -> DeletionCurves:
        """The logit as more and more words are deleted, in the order of each attribution method.

        Raises:
            TypeError: ``text`` is not a string.
            DeadlineExceeded: The time limit of the current context has passed.
        """
        explained = {method: self.explain(text, method) for method in METHODS}
        return deletion_curves(self.logits, explained)

    @torch.inference_mode()
    def attention(self, text: str) -> AttentionMaps:
        """Attention weights (L, H, T, T) of the first ``max_length`` word pieces.

        Raises:
            TypeError: ``text`` is not a string.
        """
        encoding = self.tokenizer.encode(natural(check_text(text)))
        ids, truncated = first_window(encoding.ids, self.max_length)
        tokens, _ = first_window(encoding.tokens, self.max_length)
        weights = attention_weights(self.model, torch.tensor([ids], device=self.device))
        return AttentionMaps(tuple(tokens), weights.float().cpu().numpy(), truncated)

    @torch.inference_mode()
    def layers(self, text: str) -> tuple[float, ...]:
        """P(positive) by the probes of the embeddings and of each layer, L + 1 values.

        Only reads the first ``max_length`` word pieces.

        Raises:
            TypeError: ``text`` is not a string.
        """
        ids, _ = first_window(encode(self.tokenizer, check_text(text)), self.max_length)
        states = mean_states(self.model, *collate([ids]))
        return tuple(torch.sigmoid(self.probes.logits(states))[0].tolist())

    @torch.inference_mode()
    def layer_words(self, text: str) -> LayerWords:
        """The verdict of each layer's probe on each word, which averages those of its pieces.

        The probe's logit for the text is the mean of those of all pieces. Only reads the first
        ``max_length`` word pieces.

        Raises:
            TypeError: ``text`` is not a string.
        """
        whole, encoding, truncated = self._beginning(text)
        names, pieces = interventions.words_and_pieces(whole, encoding)
        states = interventions.read(self.model, encoding.ids)  # (L + 1, T, E)
        logits = (states.float() @ self.probes.weight.to(states).unsqueeze(-1)).squeeze(-1)
        logits = (logits + self.probes.bias.to(states).unsqueeze(-1)).cpu()  # (L + 1, T)
        words = torch.stack([logits[:, each].mean(-1) for each in pieces], -1)  # (L + 1, N)
        return LayerWords(
            tuple(names), logits.mean(-1).sigmoid().numpy(), words.sigmoid().numpy(), truncated
        )

    @torch.inference_mode()
    def head_effects(self, text: str) -> HeadEffects:
        """How much the logit changes when each attention head is switched off.

        Only reads the first ``max_length`` word pieces.

        Raises:
            TypeError: ``text`` is not a string.
            DeadlineExceeded: The time limit of the current context has passed.
        """
        _, encoding, truncated = self._beginning(text)
        found = interventions.head_effects(self.model, encoding.ids, self._calibrated(encoding))
        return replace(found, truncated=truncated)

    @torch.inference_mode()
    def heads_off(self, text: str, heads: Sequence[str]) -> Intervention:
        """The verdict with all attention heads, and without some of them.

        Only reads the first ``max_length`` word pieces.

        Args:
            heads: Names such as "5.3", which is the third head of the fifth layer.

        Raises:
            TypeError: ``text`` is not a string.
            ValueError: The model has no head with such a name.
        """
        _, encoding, truncated = self._beginning(text)
        how = self._calibrated(encoding)
        found = interventions.heads_off(self.model, encoding.ids, how, heads)
        return replace(found, truncated=truncated)

    @torch.inference_mode()
    def patch(self, text: str, other: str) -> Patches:
        """How far the logit moves when one hidden state is taken from another text.

        A place is a layer and a word, with all its pieces. Only the first
        ``interventions.MOST_PATCHED`` words are patched.

        Raises:
            TypeError: ``text`` or ``other`` is not a string.
            DeadlineExceeded: The time limit of the current context has passed.
        """
        whole, encoding, cut = self._beginning(text)
        second, second_encoding, _ = self._beginning(other)
        found = interventions.patch(
            self.model, (whole, encoding), (second, second_encoding), self._calibrated(encoding)
        )
        return replace(found, truncated=cut or found.truncated)

    def walk(self, text: str) -> Walk:
        """The forward pass of the first ``MOST_WALKED`` word pieces, call by call.

        Raises:
            TypeError: ``text`` is not a string.
        """
        encoding = self.tokenizer.encode(natural(check_text(text)))
        ids, truncated = first_window(encoding.ids, MOST_WALKED)
        pieces, _ = first_window(encoding.tokens, MOST_WALKED)
        library = inspect.getfile(type(self.model))
        return walk(
            self.model,
            lambda: chapter.classify(self.model, [ids]),
            [chapter.__file__, library],
            "word pieces",
            pieces,
            truncated=truncated,
        )

    def _beginning(self, text: str) -> tuple[str, Encoding, bool]:
        """The beginning of a text that fits the model, its encoding, and whether there is more."""
        whole = natural(check_text(text))
        encoding = self.tokenizer.encode(whole)
        truncated = len(encoding.ids) > self.max_length
        while len(encoding.ids) > self.max_length:
            _, end = encoding.offsets[self.max_length - 2]  # the last one before [SEP]
            # At least one character less: pieces of one character (Hangul letters) end alike.
            whole = whole[: min(end, len(whole) - 1)]
            encoding = self.tokenizer.encode(whole)
        return whole, encoding, truncated

    def _calibrated(self, encoding: Encoding) -> Callable[[Tensor], Tensor]:
        """Calibrates the logits of a text."""
        return lambda raw: self.calibration(raw, len(encoding.ids))

    def _read(self, texts: list[str]) -> tuple[list[float], list[bool]]:
        """The calibrated mean logit of each text's windows, and whether it was truncated."""
        encoded = encode_all(self.tokenizer, texts)
        split = [windowed(ids, self.max_length) for ids in encoded]
        every = iter(self._raw_logits([window for windows, _ in split for window in windows]))
        means = [fmean(islice(every, len(windows))) for windows, _ in split]
        logits = [self.calibration(*each) for each in zip(means, map(len, encoded), strict=True)]
        return logits, [truncated for _, truncated in split]

    @torch.inference_mode()
    def _raw_logits(self, windows: Sequence[Sequence[int]]) -> list[float]:
        """The logit of the positive class against the negative one of each window of token ids."""
        order = batches([len(window) for window in windows], self._forward.batch_tokens)
        logits = self._forward([collate([windows[i] for i in batch]) for batch in order])
        return in_order(order, [(rows[:, 1] - rows[:, 0]).tolist() for rows in logits])

    def _token_gradients(self, text: str) -> tuple[list[int], list[float]]:
        """Where each word piece of a natural text starts, and its integrated gradients."""
        encoding = self.tokenizer.encode(text)
        embedding = self.model.bert.embeddings.word_embeddings
        tokens = torch.tensor(encoding.ids, device=self.device)
        padding = torch.full_like(tokens, self.model.config.pad_token_id or 0)
        padding[0], padding[-1] = tokens[0], tokens[-1]  # [CLS] and [SEP]
        x, baseline = embedding(tokens).detach(), embedding(padding).detach()  # (T, E)

        def logit(points: Tensor) -> Tensor:
            output = self.model(inputs_embeds=points).logits
            return self.calibration(output[:, 1] - output[:, 0], len(tokens))

        scores = integrated_gradients(logit, x, baseline, steps_for(len(tokens))).tolist()
        return [start for start, _ in encoding.offsets[1:-1]], scores[1:-1]


def load(folder: Path, device: str | None = None) -> SentimentBertPredictor:
    """The predictor of a checkpoint folder, with an engine if the folder has a graph for it.

    Raises:
        CheckpointError: The folder is missing, damaged or does not fit this code.
    """
    config = checkpoint.read_config(folder)
    calibration = Calibration.taken_from(config)
    target = pick_device(device)
    with checkpoint.fitting(folder):
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        probes = probe_file.loads((folder / PROBES).read_text(encoding="utf-8"), config)

    def build_model() -> BertForSequenceClassification:
        with checkpoint.fitting(folder):
            model = build(config)
        checkpoint.load_weights(folder, model)
        return model.to(target)  # type: ignore[arg-type]  # the stub of transformers lacks torch.device

    engine = None
    verified = checkpoint.read_json(folder, checkpoint.TRAINING)["files"]
    if target.type == "cpu" and GRAPH in verified:
        engine = open_engine(folder / GRAPH, torch.get_num_threads())
    model = build_model if engine else build_model()
    positions = int(config.get("max_position_embeddings", 512))
    return SentimentBertPredictor(model, tokenizer, calibration, probes, engine, positions)


def save(folder: Path, predictor: SentimentBertPredictor, training: dict[str, object]) -> None:
    """Write the predictor's checkpoint folder."""
    config = json.loads(predictor.model.config.to_json_string(use_diff=True))
    kept = {k: v for k, v in config.items() if k not in ("dtype", "_name_or_path")}
    config = {**kept, **asdict(predictor.calibration)}
    files = {TOKENIZER: predictor.tokenizer.to_str(), PROBES: probe_file.dumps(predictor.probes)}
    checkpoint.save(folder, config, predictor.model, files, training)


def tiny() -> SentimentBertPredictor:
    """A small predictor with seeded random weights and a vocabulary of a few words."""
    tokenizer = tiny_tokenizer(TINY_WORDS.split())
    with seeded_weights():
        model = build({**TINY_SIZES, "vocab_size": tokenizer.get_vocab_size()})
        layers, width = TINY_SIZES["num_hidden_layers"], TINY_SIZES["hidden_size"]
        probes = Probes(torch.randn(layers + 1, width), torch.randn(layers + 1))
    return SentimentBertPredictor(model, tokenizer, probes=probes)
