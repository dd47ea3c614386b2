"""Byte-level BPE (Radford et al. 2019): tokens are bytes, so any text can be read and written."""

from __future__ import annotations

from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel

UNK, BEGIN = "<unk>", "<|endoftext|>"
UNK_ID, BEGIN_ID = 0, 1


def piece_bytes(tokenizer: Tokenizer, token: int) -> bytes:
    """The bytes that a token stands for."""
    piece = str(tokenizer.id_to_token(token))
    if token in (UNK_ID, BEGIN_ID):
        return piece.encode()
    return bytes(BYTE_OF[character] for character in piece)


def _byte_alphabet() -> dict[str, int]:
    """GPT-2's printable character for each byte, backwards."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    pairs = {chr(byte): byte for byte in printable}
    return pairs | {chr(256 + position): byte for position, byte in enumerate(others)}


BYTE_OF = _byte_alphabet()


def split_whole(data: bytes) -> tuple[str, bytes]:
    """The text of the bytes, and the beginning of an unfinished character at their end.

    Bytes that can't be UTF-8 at all are shown as ``shown`` does.
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


def _may_begin(data: bytes) -> bool:
    """Whether the bytes may be the beginning of a longer UTF-8 character."""
    need = (
        2
        if 0xC2 <= data[0] <= 0xDF
        else 3
        if data[0] >> 4 == 0xE
        else 4
        if 0xF0 <= data[0] <= 0xF4
        else 0
    )
    return len(data) < need and all(byte >> 6 == 0b10 for byte in data[1:])


def shown(data: bytes) -> str:
    """The bytes as text, those that are only a part of a character as ``‹E9›``."""
    return (
        data.decode("utf-8", "backslashreplace")
        if is_text(data)
        else "".join(chr(byte) if byte < 128 else f"‹{byte:02X}›" for byte in data)
    )


def is_text(data: bytes) -> bool:
    """Whether the bytes are whole characters of UTF-8."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def empty_tokenizer() -> Tokenizer:
    """A byte-level BPE tokenizer without merges, to be trained."""
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer.decoder = ByteLevelDecoder()
    return tokenizer
