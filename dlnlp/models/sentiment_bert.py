"""Chapter 4: sentiment with a fine-tuned BERT.

``BertForSequenceClassification`` of the transformers library with two labels; the logit
towards positive is the difference of its two outputs. A review longer than BERT's 512
positions is read in windows whose logits are averaged.
"""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from dlnlp import checkpoint
from dlnlp.device import pick_device
from dlnlp.explain import STEPS, check_method, integrated_gradients, leave_one_out, per_word
from dlnlp.results import AttentionMaps, Attribution, Sentiment
from dlnlp.text import batches, check_text, check_texts, natural, words

if TYPE_CHECKING:
    from transformers import BertForSequenceClassification

TOKENIZER = "tokenizer.json"
MAX_WINDOWS = 8
BATCH_TOKENS = 8192


class SentimentBertPredictor:
    """A fine-tuned BERT with its WordPiece tokenizer; safe to share between threads."""

    def __init__(
        self, model: BertForSequenceClassification, tokenizer: Tokenizer, temperature: float = 1.0
    ) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.temperature = temperature
        self.max_length = int(model.config.max_position_embeddings)
        # Everything between [CLS] and [SEP] is put into windows here, never cut by the tokenizer.
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()

    @property
    def device(self) -> torch.device:
        """Where the model's weights are."""
        return self.model.classifier.weight.device

    def classify(self, texts: Sequence[str]) -> list[Sentiment]:
        """The verdict on each text; at most ``MAX_WINDOWS`` windows of it are read.

        Raises:
            TypeError: ``texts`` is no list of strings.
        """
        texts = check_texts(texts)
        logits, truncated = self._read(texts)
        positive = torch.sigmoid(torch.tensor(logits)).tolist()
        return [Sentiment(*row) for row in zip(texts, positive, truncated, strict=True)]

    def logits(self, texts: Sequence[str]) -> list[float]:
        """The calibrated logit towards positive of each text, for distillation and analysis.

        Raises:
            TypeError: ``texts`` is no list of strings.
        """
        return self._read(check_texts(texts))[0]

    def explain(self, text: str, method: str = "integrated_gradients") -> Attribution:
        """What each word contributed to the logit, by gradients or by leaving it out.

        The baseline of the gradients has [PAD] in the place of each word piece. Of a text
        beyond BERT's positions the beginning is explained.

        Raises:
            TypeError: ``text`` is no string.
            ValueError: The method is unknown.
        """
        check_method(method)
        whole = natural(check_text(text))
        encoding = self.tokenizer.encode(whole)
        cut = len(encoding.ids) > self.max_length
        if cut:
            whole = whole[: encoding.offsets[self.max_length - 2][1]]
            encoding = self.tokenizer.encode(whole)
        found = words(whole)
        if method == "leave_one_out":
            scores = leave_one_out(self.logits, whole)
        else:
            inner = slice(1, -1)  # [CLS] and [SEP] stay as they are
            starts = [start for start, _ in encoding.offsets[inner]]
            scores = per_word(whole, starts, self._gradients(encoding.ids)[inner])
        return Attribution(
            whole,
            tuple(word for word, _ in found),
            tuple(start for _, start in found),
            scores,
            method,
            cut,
        )

    def _gradients(self, ids: list[int]) -> list[float]:
        """Integrated gradients of each token id."""
        embedding = self.model.bert.embeddings.word_embeddings
        tokens = torch.tensor(ids, device=self.device)
        padding = torch.full_like(tokens, self.model.config.pad_token_id or 0)
        padding[0], padding[-1] = tokens[0], tokens[-1]
        x, baseline = embedding(tokens).detach(), embedding(padding).detach()  # (T, E)

        def logit(points: Tensor) -> Tensor:
            output = self.model(inputs_embeds=points).logits
            return (output[:, 1] - output[:, 0]) / self.temperature

        steps = max(8, min(STEPS, 2400 // len(ids)))  # a long review stays under three seconds
        scores: list[float] = integrated_gradients(logit, x, baseline, steps).tolist()
        return scores

    @torch.inference_mode()
    def attention(self, text: str) -> AttentionMaps:
        """Where each word piece looked, in every layer and head: weights (L, H, T, T).

        Of a text beyond BERT's positions the beginning is read.

        Raises:
            TypeError: ``text`` is no string.
        """
        encoding = self.tokenizer.encode(natural(check_text(text)))
        ids, tokens = encoding.ids, encoding.tokens
        cut = len(ids) > self.max_length
        if cut:
            ids = [*ids[: self.max_length - 1], ids[-1]]
            tokens = [*tokens[: self.max_length - 1], tokens[-1]]
        output = self._plain.bert(torch.tensor([ids], device=self.device), output_attentions=True)
        weights = torch.cat(output.attentions).float().cpu().numpy()
        return AttentionMaps(tuple(tokens), weights, cut)

    @functools.cached_property
    def _plain(self) -> BertForSequenceClassification:
        """The same weights with plain attention: the fused one keeps its weights to itself."""
        plain = copy.copy(self.model.config)
        plain._attn_implementation = "eager"
        from transformers import BertForSequenceClassification

        model = BertForSequenceClassification(plain)
        model.load_state_dict(self.model.state_dict(), assign=True)  # shared, not copied
        return model.eval()

    @torch.inference_mode()
    def _read(self, texts: list[str]) -> tuple[list[float], list[bool]]:
        """Each text's mean logit over its windows, and whether any of it was left unread."""
        windows: list[list[int]] = []
        owners: list[int] = []
        truncated: list[bool] = []
        for owner, text in enumerate(texts):
            found, cut = windowed(encode(self.tokenizer, text), self.max_length)
            windows += found
            owners += [owner] * len(found)
            truncated.append(cut)
        sums, counts = [0.0] * len(texts), [0] * len(texts)
        for owner, logit in zip(owners, self._logits(windows), strict=True):
            sums[owner] += logit
            counts[owner] += 1
        means = [total / n / self.temperature for total, n in zip(sums, counts, strict=True)]
        return means, truncated

    def _logits(self, windows: Sequence[Sequence[int]]) -> list[float]:
        """The logit towards positive of each window of token ids."""
        result = [0.0] * len(windows)
        for batch in batches([len(window) for window in windows], BATCH_TOKENS):
            ids, mask = collate([windows[i] for i in batch])
            logits = positive_logit(self.model, ids.to(self.device), mask.to(self.device))
            for i, logit in zip(batch, logits.tolist(), strict=True):
                result[i] = logit
        return result


def positive_logit(model: BertForSequenceClassification, ids: Tensor, mask: Tensor) -> Tensor:
    """Logits (B,) towards positive, of token ids (B, T) and their attention mask (B, T)."""
    whole = bool(mask.all())  # without padding, attention may take its fast unmasked path
    output = model(input_ids=ids, attention_mask=None if whole else mask).logits  # (B, 2)
    logit: Tensor = (output[:, 1] - output[:, 0]).float()
    return logit


def encode(tokenizer: Tokenizer, text: str) -> list[int]:
    """The word-piece ids of a text, [CLS] and [SEP] included."""
    ids: list[int] = tokenizer.encode(natural(text)).ids
    return ids


def windowed(ids: list[int], max_length: int) -> tuple[list[list[int]], bool]:
    """Windows of nearly equal size, each with [CLS] and [SEP], and whether any text is left.

    They overlap by an eighth, so that no sentence is seen only in halves.
    """
    if len(ids) <= max_length:
        return [ids], False
    first, inner, last = ids[0], ids[1:-1], ids[-1]
    size = max_length - 2
    stride = size - size // 8
    cut = len(inner) > size + stride * (MAX_WINDOWS - 1)
    inner = inner[: size + stride * (MAX_WINDOWS - 1)]
    count = -(-(len(inner) - size) // stride) + 1
    starts = [round(k * (len(inner) - size) / (count - 1)) for k in range(count)]
    return [[first, *inner[start : start + size], last] for start in starts], cut


def collate(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Padded ids (B, T) and the attention mask (B, T)."""
    ids = pad_sequence([torch.tensor(row) for row in rows], batch_first=True)
    lengths = torch.tensor([len(row) for row in rows])
    return ids, (torch.arange(ids.shape[1]) < lengths.unsqueeze(1)).long()


def build(config: dict[str, Any]) -> BertForSequenceClassification:
    """The model of a BERT config, with random weights.

    Raises:
        TypeError, ValueError: The config is not one of BERT.
    """
    from transformers import BertConfig, BertForSequenceClassification

    # Built from the config alone, so nothing goes looking for a hub.
    return BertForSequenceClassification(BertConfig(**config))


def load(folder: Path, device: str | None = None) -> SentimentBertPredictor:
    """The predictor of a checkpoint folder.

    Raises:
        CheckpointError: The folder is missing, damaged or does not fit this code.
    """
    checkpoint.verify(folder)
    config = checkpoint.read_json(folder, checkpoint.CONFIG)
    temperature = config.pop("temperature", 1.0)
    try:
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        model = build(config)
    except Exception as fault:  # tokenizers raises bare Exception
        raise checkpoint.CheckpointError(folder, f"does not fit this code ({fault})") from None
    checkpoint.load_weights(folder, model)
    model.to(pick_device(device))  # type: ignore[arg-type]  # its stub forgets plain devices
    return SentimentBertPredictor(model, tokenizer, temperature)


def save(folder: Path, predictor: SentimentBertPredictor, training: dict[str, object]) -> None:
    """Write the predictor's checkpoint folder."""
    config = json.loads(predictor.model.config.to_json_string(use_diff=True))
    kept = {k: v for k, v in config.items() if k not in ("dtype", "_name_or_path")}
    config = {**kept, "temperature": predictor.temperature}
    files = {TOKENIZER: predictor.tokenizer.to_str()}
    checkpoint.save(folder, config, predictor.model, files, training)


def wordpiece(vocabulary: dict[str, int]) -> Tokenizer:
    """BERT's uncased tokenizer over a vocabulary that has its five special tokens."""
    tokenizer = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[(name, vocabulary[name]) for name in ("[CLS]", "[SEP]")],
    )
    return tokenizer


TINY_WORDS = "the film movie was is good great bad terrible loved hated not but . !"


def tiny() -> SentimentBertPredictor:
    """A seeded, untrained predictor of a few words."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words = TINY_WORDS.split()
    letters = [f"{prefix}{c}" for c in "abcdefghijklmnopqrstuvwxyz" for prefix in ("", "##")]
    vocabulary = {word: i for i, word in enumerate([*special, *words, *letters])}
    config = {
        "vocab_size": len(vocabulary),
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "max_position_embeddings": 64,
        "num_labels": 2,
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = build(config)
    return SentimentBertPredictor(model, wordpiece(vocabulary))
