"""What the tutorial's listings need and this machine lacks: torchtext, and models of the Hub."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from dlnlp.models.sentiment_bert.model import build
from dlnlp.models.sentiment_bert.predictor import TINY_SIZES
from dlnlp.models.sentiment_bert.tokenizer import tiny_tokenizer
from dlnlp.text.vocabulary import TINY_WORDS
from dlnlp.text.words import basic_english


def get_tokenizer(name: str) -> Callable[[str], list[str]]:
    """Like ``torchtext.data.utils.get_tokenizer``, for "basic_english"."""
    return basic_english


class Vocab:
    """Like ``torchtext.vocab.Vocab``."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self.ids = {token: i for i, token in enumerate(tokens)}
        self.default = 0

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, token: str) -> int:
        return self.ids.get(token, self.default)

    def __call__(self, tokens: Iterable[str]) -> list[int]:
        """The ids of tokens."""
        return [self[token] for token in tokens]

    def set_default_index(self, index: int) -> None:
        """Set the id of unknown tokens."""
        self.default = index


def build_vocab_from_iterator(rows: Iterable[Sequence[str]], specials: Sequence[str]) -> Vocab:
    """Like ``torchtext.vocab.build_vocab_from_iterator``: special tokens come first."""
    counted = Counter(token for row in rows for token in row)
    return Vocab([*specials, *(token for token, _ in counted.most_common())])


class BertTokenizer:
    """Like that of the transformers library, with a few words."""

    def __init__(self) -> None:
        self.tokenizer = tiny_tokenizer(TINY_WORDS.split())
        self.tokenizer.enable_padding()

    @classmethod
    def from_pretrained(cls, name: str) -> BertTokenizer:
        """The tokenizer; nothing is downloaded."""
        return cls()

    def __call__(self, texts: Sequence[str], **options: object) -> dict[str, Tensor]:
        """Padded token ids (B, T) and their mask."""
        found = self.tokenizer.encode_batch(list(texts))
        return {
            "input_ids": torch.tensor([each.ids for each in found]),
            "attention_mask": torch.tensor([each.attention_mask for each in found]),
        }


class BertForSequenceClassification:
    """The library's model, tiny and with random weights."""

    @classmethod
    def from_pretrained(cls, name: str, num_labels: int) -> torch.nn.Module:
        """The model; nothing is downloaded."""
        vocabulary = BertTokenizer().tokenizer.get_vocab_size()
        return build({**TINY_SIZES, "vocab_size": vocabulary, "num_labels": num_labels}).eval()
