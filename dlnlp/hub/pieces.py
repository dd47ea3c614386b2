"""The tokens of any tokenizer as bytes and as text, and where they are in a text."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from dlnlp.results import NextToken, Piece
from dlnlp.text.byte_level import BYTE_OF, is_text, shown, whole_texts

NO_OFFSETS = (
    "This model's tokenizer doesn't tell where its tokens are in the text, so there are no "
    "integrated gradients of words: choose leave-one-out."
)
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")
_SPACE_BYTE = "Ġ"  # the byte of a space in GPT-2's alphabet
_SPACE = "▁"  # SentencePiece's sign for a space


class Pieces:
    """The V tokens of a model as bytes and as text.

    ``texts`` (V,) is what each token adds to a text; special tokens have their name.
    ``fragments`` are the ids of tokens that are only a part of a character, and of rows of the
    model's vocabulary that the tokenizer doesn't use.

    Args:
        tokenizer: A tokenizer of the transformers library.
        size: The number of logits of the model.
    """

    def __init__(self, tokenizer: Any, size: int) -> None:
        names = {token: piece for piece, token in tokenizer.get_vocab().items()}
        added = {token: str(each) for token, each in tokenizer.added_tokens_decoder.items()}
        convert = _converter(tokenizer)
        self.bytes = tuple(
            added[token].encode() if token in added else convert(names.get(token, ""))
            for token in range(size)
        )
        self.texts = tuple(map(shown, self.bytes))
        self.fragments = frozenset(
            token for token, piece in enumerate(self.bytes) if not piece or not is_text(piece)
        )

    def candidate(self, token: int, probability: float) -> NextToken:
        """The token as a candidate for the next token."""
        whole = token not in self.fragments
        return NextToken(self.texts[token], min(1.0, probability), token, whole)

    def stream(self, tokens: Iterable[int]) -> Iterator[Piece]:
        """The tokens as text; tokens that share a character come in one piece."""
        return (Piece(*each) for each in whole_texts(self.bytes[token] for token in tokens))


class Tokenize:
    """A tokenizer, one text at a time, because its settings change with every call."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self._lock = threading.Lock()

    def __call__(self, text: str, **options: Any) -> dict[str, Any]:
        """The features of a text, by name, with unpaired surrogates as "?"."""
        with self._lock:
            return dict(self.tokenizer(valid(text), verbose=False, **options))


def token_names(tokenizer: Any) -> Callable[[list[int]], tuple[str, ...]]:
    """A function that names tokens for display: by their text, or as the word pieces they are."""
    convert = _converter(tokenizer)

    def names(ids: list[int]) -> tuple[str, ...]:
        pieces: list[str] = tokenizer.convert_ids_to_tokens(ids)
        if convert in (_byte_level, _sentencepiece):
            return tuple(shown(convert(piece)) for piece in pieces)
        return tuple(pieces)

    return names


def _converter(tokenizer: Any) -> Callable[[str], bytes]:
    """A function from a token's name to its bytes, for the kind of names in the vocabulary."""
    added = tokenizer.added_tokens_decoder
    pieces = {piece for piece, token in tokenizer.get_vocab().items() if token not in added}
    if any(piece.startswith(_SPACE) for piece in pieces):  # no byte is written as this sign
        return _sentencepiece
    # Some vocabularies lack the bytes that never occur in valid UTF-8.
    if pieces.issuperset(BYTE_OF) or any(piece.startswith(_SPACE_BYTE) for piece in pieces):
        return _byte_level
    if any(piece.endswith("</w>") for piece in pieces):
        return lambda piece: piece.replace("</w>", " ").encode()
    if any(piece.startswith("##") for piece in pieces):
        return _wordpiece
    return str.encode


def _byte_level(piece: str) -> bytes:
    if all(character in BYTE_OF for character in piece):
        return bytes(BYTE_OF[character] for character in piece)
    return piece.encode()


def _sentencepiece(piece: str) -> bytes:
    byte = _BYTE.fullmatch(piece)
    return bytes([int(byte[1], 16)]) if byte else piece.replace(_SPACE, " ").encode()


def _wordpiece(piece: str) -> bytes:
    return (piece[2:] if piece.startswith("##") else f" {piece}" if piece else "").encode()


def valid(text: str) -> str:
    """The text with unpaired surrogates, which tokenizers can't read, as "?"."""
    return text.encode("utf-8", "replace").decode("utf-8")


def begin_id(tokenizer: Any) -> int | None:
    """The id of the token that comes before a text: the begin token, else the end token."""
    found = tokenizer.bos_token_id
    return tokenizer.eos_token_id if found is None else found


def token_starts(text: str, offsets: Sequence[tuple[int, int]]) -> list[int]:
    """Where the characters of each token start, without the spaces before them.

    Byte-level BPE and SentencePiece count the space before a word as a part of its token, whose
    offsets may begin there.
    """
    starts = []
    for start, end in offsets:
        inside = text[start:end]
        starts.append(start + len(inside) - len(inside.lstrip()))
    return starts
