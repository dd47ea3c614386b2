"""Chapter 4: sentiment with a fine-tuned BERT.

``BertForSequenceClassification`` of the transformers library with two labels; the logit
towards positive is the difference of its two outputs. A review longer than BERT's 512
positions is read in windows whose logits are averaged. On a CPU an ONNX graph of the same
weights classifies, several times as fast; explanations are PyTorch's.
"""

from __future__ import annotations

import copy
import functools
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, cast

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from dlnlp import checkpoint
from dlnlp.accelerate.onnx import GRAPH, Engine, open_engine
from dlnlp.device import pick_device
from dlnlp.inference.attribution import (
    STEPS,
    check_method,
    integrated_gradients,
    leave_one_out,
    per_word,
)
from dlnlp.inference.batching import batches
from dlnlp.inference.calibration import UNCALIBRATED, Calibration
from dlnlp.models.sentiment_bert.model import Probes, build, mean_states, positive_logit
from dlnlp.results import AttentionMaps, Attribution, Sentiment
from dlnlp.text.checks import check_text, check_texts
from dlnlp.text.words import natural, words

if TYPE_CHECKING:
    from transformers import BertForSequenceClassification


TOKENIZER, PROBES = "tokenizer.json", "probes.json"
MAX_WINDOWS = 8
BATCH_TOKENS, ENGINE_TOKENS = 8192, 512  # a small batch stays in the CPU's cache


class SentimentBertPredictor:
    """A fine-tuned BERT with its WordPiece tokenizer; safe to share between threads.

    Args:
        model: The model, or where an engine classifies a function that makes it when it is
            first needed: reading a verdict then waits neither for it nor for transformers.
        max_length: Positions of a model that is not made yet.
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
        self._lock = threading.Lock()
        self._make = None if isinstance(model, torch.nn.Module) else model
        self._model: BertForSequenceClassification | None = None
        if isinstance(model, torch.nn.Module):  # which is callable, too
            self._model = cast("BertForSequenceClassification", model).eval()
            max_length = int(self._model.config.max_position_embeddings)
        self.probes = probes or Probes.blank(self.model)
        self.engine = engine
        self.tokenizer = tokenizer
        self.calibration = calibration
        self.max_length = max_length
        # Everything between [CLS] and [SEP] is put into windows here, never cut by the tokenizer.
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()

    @property
    def model(self) -> BertForSequenceClassification:
        """The PyTorch model, made on first use."""
        with self._lock:
            if self._model is None:
                assert self._make is not None
                # Whatever asks first: of weights made in inference mode no gradient is taken.
                with torch.inference_mode(False):
                    self._model = self._make().eval()
            return self._model

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
            return self.calibration(output[:, 1] - output[:, 0], len(ids))

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

    @torch.inference_mode()
    def layers(self, text: str) -> tuple[float, ...]:
        """What a linear probe reads off the embeddings and off each layer: P(positive), L + 1.

        Of a text beyond BERT's positions the beginning is read.

        Raises:
            TypeError: ``text`` is no string.
        """
        ids = encode(self.tokenizer, check_text(text))
        [window, *_], _ = windowed(ids, self.max_length)
        states = mean_states(self.model, *collate([window]))
        return tuple(torch.sigmoid(self.probes.logits(states))[0].tolist())

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
        encoded = self._encoded(texts)
        for owner, ids in enumerate(encoded):
            found, cut = windowed(ids, self.max_length)
            windows += found
            owners += [owner] * len(found)
            truncated.append(cut)
        sums, counts = [0.0] * len(texts), [0] * len(texts)
        for owner, logit in zip(owners, self._logits(windows), strict=True):
            sums[owner] += logit
            counts[owner] += 1
        means = [total / n for total, n in zip(sums, counts, strict=True)]
        lengths = map(len, encoded)
        return [self.calibration(*each) for each in zip(means, lengths, strict=True)], truncated

    def _encoded(self, texts: list[str]) -> list[list[int]]:
        found = self.tokenizer.encode_batch_fast([natural(text) for text in texts])
        return [encoding.ids for encoding in found]

    def lengths(self, texts: list[str]) -> list[int]:
        """Word pieces of each text, on which its calibration depends."""
        return list(map(len, self._encoded(texts)))

    def _logits(self, windows: Sequence[Sequence[int]]) -> list[float]:
        """The logit towards positive of each window of token ids."""
        order = batches([len(w) for w in windows], ENGINE_TOKENS if self.engine else BATCH_TOKENS)
        collated = [collate([windows[i] for i in batch]) for batch in order]
        if self.engine:
            found = self.engine([(ids.numpy(), mask.numpy()) for ids, mask in collated])
            logits = [float(row[1] - row[0]) for batch in found for row in batch]
        else:
            read = functools.partial(positive_logit, self.model)
            logits = [
                logit
                for ids, mask in collated
                for logit in read(ids.to(self.device), mask.to(self.device)).tolist()
            ]
        result = [0.0] * len(windows)
        for i, logit in zip((i for batch in order for i in batch), logits, strict=True):
            result[i] = logit
        return result


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


def load(folder: Path, device: str | None = None) -> SentimentBertPredictor:
    """The predictor of a checkpoint folder.

    Raises:
        CheckpointError: The folder is missing, damaged or does not fit this code.
    """
    listed = checkpoint.verify(folder)["files"]
    config = checkpoint.read_json(folder, checkpoint.CONFIG)
    calibration = Calibration.taken_from(config)
    target = pick_device(device)
    try:
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        probes = Probes.loads((folder / PROBES).read_text(encoding="utf-8"))
        # The library's config leaves out what is as in BERT-base.
        expected = config.get("num_hidden_layers", 12) + 1, config.get("hidden_size", 768)
        if probes.weight.shape != expected or probes.bias.shape != expected[:1]:
            raise ValueError(f"probes of shape {tuple(probes.weight.shape)}, not {expected}")
    except Exception as fault:  # tokenizers raises bare Exception
        raise checkpoint.CheckpointError(folder, f"does not fit this code ({fault})") from None

    def make() -> BertForSequenceClassification:
        try:
            model = build(config)
        except Exception as fault:
            raise checkpoint.CheckpointError(folder, f"does not fit this code ({fault})") from None
        checkpoint.load_weights(folder, model)
        return model.to(target)  # type: ignore[arg-type]  # its stub forgets plain devices

    engine = None
    if target.type == "cpu" and GRAPH in listed:  # a graph that nobody vouches for is not run
        engine = open_engine(folder / GRAPH, torch.get_num_threads())
    positions = int(config.get("max_position_embeddings", 512))
    return SentimentBertPredictor(
        make if engine else make(), tokenizer, calibration, probes, engine, positions
    )


def save(folder: Path, predictor: SentimentBertPredictor, training: dict[str, object]) -> None:
    """Write the predictor's checkpoint folder."""
    config = json.loads(predictor.model.config.to_json_string(use_diff=True))
    kept = {k: v for k, v in config.items() if k not in ("dtype", "_name_or_path")}
    config = {**kept, **asdict(predictor.calibration)}
    files = {TOKENIZER: predictor.tokenizer.to_str(), PROBES: predictor.probes.dumps()}
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
        probes = Probes(torch.randn(3, 16), torch.randn(3))
    return SentimentBertPredictor(model, wordpiece(vocabulary), probes=probes)
