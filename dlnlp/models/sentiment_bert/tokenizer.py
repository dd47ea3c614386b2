"""BERT's WordPiece tokenizer, from the tokenizers library."""

from __future__ import annotations

from collections.abc import Sequence

from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing

from dlnlp.text.words import natural

TOKENIZER = "tokenizer.json"
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def encode(tokenizer: Tokenizer, text: str) -> list[int]:
    """The word-piece ids of a text, including [CLS] and [SEP]."""
    ids: list[int] = tokenizer.encode(natural(text)).ids
    return ids


def encode_all(tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    """Like ``encode``, for many texts in parallel."""
    found = tokenizer.encode_batch_fast([natural(text) for text in texts])
    return [encoding.ids for encoding in found]


def wordpiece(vocabulary: dict[str, int]) -> Tokenizer:
    """BERT's uncased tokenizer for a vocabulary that contains ``SPECIAL``."""
    tokenizer = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[(name, vocabulary[name]) for name in ("[CLS]", "[SEP]")],
    )
    return tokenizer


def tiny_tokenizer(words: Sequence[str]) -> Tokenizer:
    """A tokenizer whose vocabulary is a few words, and letters for all others."""
    letters = [f"{prefix}{c}" for c in "abcdefghijklmnopqrstuvwxyz" for prefix in ("", "##")]
    return wordpiece({token: i for i, token in enumerate([*SPECIAL, *words, *letters])})
