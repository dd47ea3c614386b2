"""The predictor of any model of the transformers library that classifies texts."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from dlnlp.hub.about import About
from dlnlp.hub.errors import HubError
from dlnlp.hub.forward import (
    MOST_TOKENS,
    accepted,
    attention_room,
    attention_weights,
    check_ids,
    positions,
)
from dlnlp.hub.interventions import Heads
from dlnlp.hub.layers import layer_logits
from dlnlp.hub.pieces import NO_OFFSETS, Tokenize, begin_id, token_names, token_starts, valid
from dlnlp.inference.attribution import attribute, check_method, integrated_gradients, steps_for
from dlnlp.inference.batching import batches, in_order
from dlnlp.inference.deadline import check_deadline
from dlnlp.results import AttentionMaps, Classification, LabelAttribution
from dlnlp.text.checks import check_text, check_texts
from dlnlp.views import HeadEffects, Intervention

if TYPE_CHECKING:
    from transformers import PreTrainedModel

BATCH_TOKENS = 2048
Features = dict[str, list[int]]  # of one text, by the names of the model's arguments


class HubClassifier:
    """A model that classifies texts, with its tokenizer; safe to share between threads.

    It reads the first ``max_length`` tokens of a text, 512 at most.

    Args:
        model: A model for sequence classification with at least two labels.
        tokenizer: Its tokenizer.
        about: What the model is.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: Any, about: About) -> None:
        self.model = model.eval().requires_grad_(False)
        self.tokenizer = tokenizer
        self.about = about
        self.labels = about.labels
        self.multi_label = about.multi_label
        self.max_length = positions(model, tokenizer, MOST_TOKENS)
        self._lock = threading.Lock()  # attention() changes the model while it runs
        self._tokenize = Tokenize(tokenizer)
        self._names = token_names(tokenizer)
        # Only models that know which tokens are padding read texts of different lengths together.
        padding = (tokenizer.pad_token_id, model.config.get_text_config().pad_token_id)
        self._pads = None not in padding and "attention_mask" in self._encode("a")[0]

    @property
    def device(self) -> torch.device:
        """The device of the model's weights."""
        return self.model.device

    def classify(self, texts: Sequence[str]) -> list[Classification]:
        """The probability of every label for each text.

        Raises:
            TypeError: ``texts`` is not a list of strings.
            DeadlineExceeded: The time limit of the current context has passed.
        """
        texts = check_texts(texts)
        encoded = [self._encode(text) for text in texts]
        logits = self._logits([features for features, _ in encoded]).double()
        rows = logits.sigmoid() if self.multi_label else logits.softmax(dim=-1)
        return [
            Classification(text, self.labels, row, self.multi_label, truncated)
            for text, row, (_, truncated) in zip(texts, rows.numpy(), encoded, strict=True)
        ]

    def logits(self, texts: Sequence[str]) -> list[tuple[float, ...]]:
        """The logits (N,) of the labels for each text, as the model computes them.

        Raises:
            TypeError: ``texts`` is not a list of strings.
            DeadlineExceeded: The time limit of the current context has passed.
        """
        encoded = [self._encode(text)[0] for text in check_texts(texts)]
        return [tuple(row) for row in self._logits(encoded).tolist()]

    def explain(
        self, text: str, method: str = "integrated_gradients", label: str | None = None
    ) -> LabelAttribution:
        """How much each word contributes to the log-odds of a label.

        With two labels, these are the difference of the two logits. The baseline of integrated
        gradients is the padding token in place of every token (see ``_baseline``).

        Args:
            method: "integrated_gradients" or "leave_one_out".
            label: One of ``labels``; by default the most likely one.

        Raises:
            TypeError: ``text`` is not a string.
            ValueError: The method or the label is unknown.
            HubError: The method does not work with this model.
            DeadlineExceeded: The time limit of the current context has passed.
        """
        check_method(method)
        text = valid(check_text(text))
        chosen = self._label(text, label)
        if method == "integrated_gradients" and not self.tokenizer.is_fast:
            raise HubError(NO_OFFSETS)
        text, truncated = self._beginning(text)

        def odds(texts: list[str]) -> list[float]:
            encoded = [self._encode(each)[0] for each in texts]
            return log_odds(self._logits(encoded), chosen, self.multi_label).tolist()

        def gradients(text: str) -> tuple[list[int], list[float]]:
            return self._token_gradients(text, chosen)

        found = attribute(text, method, odds, gradients, truncated)
        return LabelAttribution(**vars(found), label=self.labels[chosen])

    @torch.inference_mode()
    def attention(self, text: str) -> AttentionMaps:
        """Attention weights (L, H, T, T) of the first tokens.

        Raises:
            TypeError: ``text`` is not a string.
            HubError: The model has no attention weights.
        """
        room = attention_room(self.model, self.max_length)
        features, truncated = self._encode(check_text(text), room)
        with self._lock:
            weights = attention_weights(self.model, self._collate([features]))
        return AttentionMaps(self._names(features["input_ids"]), weights, truncated)

    @torch.inference_mode()
    def layers(self, text: str) -> tuple[float, ...]:
        """The probability of the most likely label, L + 1 values.

        They are what the model would say if its head read the embeddings, or each layer's output.

        Raises:
            TypeError: ``text`` is not a string.
            HubError: The layers of this model can't be read one by one.
        """
        features, _ = self._encode(check_text(text))
        with self._lock:
            logits = layer_logits(self.model, self._collate([features])).cpu().double()
        rows = logits.sigmoid() if self.multi_label else logits.softmax(dim=-1)
        return tuple(rows[:, int(logits[-1].argmax())].tolist())

    @torch.inference_mode()
    def head_effects(self, text: str) -> HeadEffects:
        """How much the log-odds of the most likely label change without each attention head.

        Only the beginning of a long text is used, so that it takes about ten seconds at most.

        Raises:
            TypeError: ``text`` is not a string.
            HubError: This app doesn't know where the model's heads are.
            DeadlineExceeded: The time limit of the current context has passed.
        """
        heads = Heads(self.model, _label_logits)
        features, truncated = self._encode(check_text(text), min(heads.room, self.max_length))
        with self._lock:
            logits = heads.without_each(self._collate([features]))
        best = int(logits[0].argmax())
        odds = log_odds(logits, best, self.multi_label)
        effects = (odds[1:] - odds[0]).view(heads.layers, heads.heads).cpu().numpy()
        return HeadEffects(f"the log-odds of “{self.labels[best]}”", effects, truncated)

    @torch.inference_mode()
    def heads_off(self, text: str, heads: Sequence[str]) -> Intervention:
        """The probabilities of the labels with all attention heads, and without some of them.

        Args:
            heads: Names such as "5.3", which is the third head of the fifth layer.

        Raises:
            TypeError: ``text`` is not a string.
            ValueError: The model has no head with such a name.
            HubError: This app doesn't know where the model's heads are.
        """
        known = Heads(self.model, _label_logits)
        features, truncated = self._encode(check_text(text))
        with self._lock:
            logits = known.without(self._collate([features]), heads).cpu().double()
        best = int(logits[0].argmax())
        odds = log_odds(logits, best, self.multi_label)
        rows = (logits.sigmoid() if self.multi_label else logits.softmax(dim=-1)).cpu().numpy()
        measure = f"the log-odds of “{self.labels[best]}”"
        return Intervention(
            self.labels, rows[0], rows[1], measure, float(odds[1] - odds[0]), truncated
        )

    def _label(self, text: str, label: str | None) -> int:
        """The index of a label, or of the most likely one."""
        if label is None:
            return int(self._logits([self._encode(text)[0]])[0].argmax())
        if label not in self.labels:
            known = ", ".join(self.labels)
            raise ValueError(f"The label must be one of {known}, not {label!r}.")
        return self.labels.index(label)

    def _encode(self, text: str, most: int | None = None) -> tuple[Features, bool]:
        """The features of the beginning of a text, and whether it is not the whole text."""
        text, most = valid(text), most or self.max_length
        found = self._tokenize(text)
        truncated = len(found["input_ids"]) > most
        if truncated:
            found = self._tokenize(text, truncation=True, max_length=most)
        if not found["input_ids"]:
            found = {"input_ids": [begin_id(self.tokenizer) or 0], "attention_mask": [1]}
        check_ids(self.model, found["input_ids"])
        return accepted(self.model, found), truncated

    def _beginning(self, text: str) -> tuple[str, bool]:
        """The part of the text that the model reads, and whether it is not the whole text."""
        features, truncated = self._encode(text)
        if not truncated or not self.tokenizer.is_fast:
            return text, truncated
        most = len(features["input_ids"])
        cut = self._tokenize(text, truncation=True, max_length=most, return_offsets_mapping=True)
        return text[: max(end for _, end in cut["offset_mapping"])], True

    @torch.inference_mode()
    def _logits(self, encoded: list[Features]) -> Tensor:
        """Logits (B, N) on the CPU for the features of B texts."""
        order = batches([len(each["input_ids"]) for each in encoded], BATCH_TOKENS)
        if not self._pads:
            order = [[index] for batch in order for index in batch]
        rows = []
        for batch in order:
            check_deadline()
            features = self._collate([encoded[index] for index in batch])
            with self._lock:
                rows.append(self.model(**features).logits.float().cpu())
        return torch.stack(in_order(order, rows)) if rows else torch.empty(0, len(self.labels))

    def _collate(self, encoded: list[Features]) -> dict[str, Tensor]:
        """The features (B, T) of B texts, padded to the longest."""
        padded = self.tokenizer.pad(
            encoded, padding=len(encoded) > 1, return_tensors="pt", verbose=False
        )
        return {name: value.to(self.device) for name, value in padded.items()}

    def _token_gradients(self, text: str, label: int) -> tuple[list[int], list[float]]:
        """Where each token of a text starts, and its integrated gradients."""
        if self.model.config.is_encoder_decoder:  # such classifiers take no input embeddings
            raise HubError(
                "This model can't compute integrated gradients of words: choose leave-one-out."
            )
        found = self._tokenize(
            text,
            truncation=True,
            max_length=self.max_length,
            return_offsets_mapping=True,
            return_special_tokens_mask=True,
        )
        if not found["input_ids"]:
            return [], []
        special = torch.tensor(found["special_tokens_mask"], dtype=torch.bool, device=self.device)
        features = self._collate([accepted(self.model, found)])
        ids = features.pop("input_ids")[0]
        embedding = self.model.get_input_embeddings()
        x, baseline = embedding(ids).detach(), embedding(self._baseline(ids, special)).detach()

        def odds(points: Tensor) -> Tensor:
            with self._lock:
                parts = points.split(len(points) if self._pads else 1)
                rows = [self._from_embeddings(part, features) for part in parts]
            return log_odds(torch.cat(rows), label, self.multi_label)

        scores = integrated_gradients(odds, x, baseline, steps_for(len(ids)))
        offsets = [
            span
            for span, hidden in zip(found["offset_mapping"], special, strict=True)
            if not hidden
        ]
        return token_starts(text, offsets), scores[~special].tolist()

    def _baseline(self, ids: Tensor, special: Tensor) -> Tensor:
        """The ids (T,) with padding in place of all but the special tokens.

        Where the padding's embedding is zero, it is another token. DeBERTa first normalises the
        embeddings: the direction of the path from zero to a text would be the same all the way.
        """
        tokenizer, table = self.tokenizer, self.model.get_input_embeddings()
        tokens = (tokenizer.pad_token_id, tokenizer.mask_token_id, tokenizer.unk_token_id)
        known = [token for token in (*tokens, begin_id(tokenizer)) if token is not None]
        present = (token for token in known if table(ids.new_tensor(token)).any())
        return ids.where(special, next(present, 0))

    def _from_embeddings(self, points: Tensor, features: dict[str, Tensor]) -> Tensor:
        """Logits (B, N) for embeddings (B, T, E) and the other features (1, T) of a text."""
        rest = {name: value.expand(len(points), -1) for name, value in features.items()}
        return self.model(inputs_embeds=points, **rest).logits.float()


def _label_logits(output: Any) -> Tensor:
    logits: Tensor = output.logits
    return logits.float()


def log_odds(logits: Tensor, label: int, multi_label: bool = False) -> Tensor:
    """The log-odds (B,) of one label against all others, log p / (1 - p), for logits (B, N).

    Labels of a ``multi_label`` model don't exclude each other, so its logits are log-odds.
    """
    if multi_label:
        return logits[:, label]
    others = [index for index in range(logits.shape[1]) if index != label]
    return logits[:, label] - logits[:, others].logsumexp(dim=-1)
