"""Byte-level BPE (Radford et al. 2019), which can encode any text because tokens are bytes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel

UNK, BEGIN = "<unk>", "<|endoftext|>"
UNK_ID, BEGIN_ID = 0, 1


def piece_bytes(tokenizer: Tokenizer, token: int) -> bytes:
    """The bytes of a token id; for special tokens, those of their name."""
    piece = str(tokenizer.id_to_token(token))
    if token in (UNK_ID, BEGIN_ID):
        return piece.encode()
    return bytes(BYTE_OF[character] for character in piece)


def _byte_alphabet() -> dict[str, int]:
    """The byte that each character of GPT-2's printable byte alphabet stands for."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    pairs = {chr(byte): byte for byte in printable}
    return pairs | {chr(256 + position): byte for position, byte in enumerate(others)}


BYTE_OF = _byte_alphabet()


def split_whole(data: bytes) -> tuple[str, bytes]:
    """The text of the bytes, and the bytes of an unfinished character at their end.

    Bytes that are not valid UTF-8 are converted by ``shown``.
    """
    for size in range(min(3, len(data)) + 1):
        try:
            whole = data[: len(data) - size].decode("utf-8")
        except UnicodeDecodeError:
            continue
        rest = data[len(data) - size :]
        if not rest or _may_begin(rest):
            return whole, rest
    return shown(data), b""


def whole_texts(pieces: Iterable[bytes]) -> Iterator[tuple[str, int]]:
    """Yield text as soon as its characters are complete, and the number of pieces that it took."""
    held, count = b"", 0
    for piece in pieces:
        held += piece
        count += 1
        whole, held = split_whole(held)
        if whole:
            yield whole, count
            count = 0
    if count:
        yield shown(held), count


def _may_begin(data: bytes) -> bool:
    """Whether the bytes may be the beginning of a longer UTF-8 character."""
    first, length = data[0], 0  # in bytes, of the whole character
    if 0xC2 <= first <= 0xDF:
        length = 2
    elif first >> 4 == 0xE:
        length = 3
    elif 0xF0 <= first <= 0xF4:
        length = 4
    return len(data) < length and all(byte >> 6 == 0b10 for byte in data[1:])


def shown(data: bytes) -> str:
    """The bytes as text; if they are not whole characters, bytes above 127 become ``‹E9›``."""
    if is_text(data):
        return data.decode("utf-8")
    return "".join(chr(byte) if byte < 128 else f"‹{byte:02X}›" for byte in data)


def is_text(data: bytes) -> bool:
    """Whether the bytes are whole UTF-8 characters."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def merge_ranks(tokenizer: Tokenizer) -> dict[tuple[str, str], int]:
    """The place of each merge in the tokenizer's list."""
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    return {(left, right): rank for rank, (left, right) in enumerate(merges)}


def merge_steps(
    tokenizer: Tokenizer, ranks: Mapping[tuple[str, str], int], text: str
) -> Iterator[tuple[list[str], int]]:
    """The pieces of a text, first its bytes, then after each merge, with the merge's rank.

    The pair with the lowest rank is merged first, wherever it occurs (Sennrich et al. 2016). The
    rank of the first step is -1. Pieces are written in GPT-2's byte alphabet.
    """
    words = [list(word) for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(text)]
    yield [piece for word in words for piece in word], -1
    while pairs := {pair for word in words for pair in pairwise(word)} & ranks.keys():
        best = min(pairs, key=ranks.__getitem__)
        words = [_merged(word, best) for word in words]
        yield [piece for word in words for piece in word], ranks[best]


def _merged(word: list[str], pair: tuple[str, str]) -> list[str]:
    result: list[str] = []
    for piece in word:
        if result and (result[-1], piece) == pair:
            result[-1] += piece
        else:
            result.append(piece)
    return result


def empty_tokenizer() -> Tokenizer:
    """A byte-level BPE tokenizer without a vocabulary, ready to be trained."""
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer.decoder = ByteLevelDecoder()
    return tokenizer


def byte_tokenizer(merges: Sequence[tuple[str, str]] = ()) -> Tokenizer:
    """A tokenizer whose vocabulary is the special tokens, the 256 bytes and the merges."""
    tokenizer = empty_tokenizer()
    names = [UNK, BEGIN, *sorted(BYTE_OF), *(left + right for left, right in merges)]
    tokenizer.model = BPE({name: i for i, name in enumerate(names)}, list(merges))
    tokenizer.add_special_tokens([UNK, BEGIN])
    return tokenizer
