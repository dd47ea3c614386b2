"""Convert text to token ids and back, with a special rule for prompts that end in a space.

A word's token includes the space before the word, so the model can only continue "on the " with
" sea" if the last space is not encoded as a token. The last space of a prompt is therefore removed
before encoding. When generating, the next token must begin with a space, and only "sea" is added
to the prompt. The distribution of the next token also counts tokens after a separate space token.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from tokenizers import Tokenizer

from dlnlp.results import NextToken, Piece
from dlnlp.text.byte_level import BEGIN_ID, is_text, piece_bytes, shown, whole_texts
from dlnlp.text.checks import MAX_CHARACTERS, check_text


@dataclass(frozen=True)
class Prompt:
    """The token ids of a prompt.

    ``truncated`` says that they are only the end of the prompt, and ``space`` that the prompt ends
    in a space, which is not part of the ids.
    """

    ids: list[int]
    truncated: bool
    space: bool


class Tokens:
    """The tokens of a byte-level BPE tokenizer as bytes and as text.

    ``texts`` (V,) is what each token adds to a text, ``after_space`` (V,) what it adds to one
    that ends in a space.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.bytes = tuple(piece_bytes(tokenizer, i) for i in range(tokenizer.get_vocab_size()))
        self.texts = tuple(shown(piece) for piece in self.bytes)
        self.fragments = frozenset(i for i, piece in enumerate(self.bytes) if not is_text(piece))
        self.space = self.bytes.index(b" ")
        self.spaced = np.array([piece.startswith(b" ") for piece in self.bytes])  # (V,)
        # After a space, the token " " adds a second one.
        self.after_space = tuple(shown(piece.removeprefix(b" ") or b" ") for piece in self.bytes)

    def encode(self, text: str) -> list[int]:
        """A begin token and the ids of the text; unpaired surrogates become "?"."""
        text = text.encode("utf-8", "replace").decode("utf-8")
        return [BEGIN_ID, *self.tokenizer.encode(text).ids]

    def end(self, text: str, size: int) -> tuple[list[int], bool]:
        """The begin token and last ids of the text, ``size`` at most, and whether it was cut."""
        begin, *ids = self.encode(text[-MAX_CHARACTERS:])
        cut = len(ids) >= size or len(text) > MAX_CHARACTERS
        return [begin, *ids[max(0, len(ids) - size + 1) :]], cut

    def prompt(self, text: str, size: int) -> Prompt:
        """The end of a prompt, at most ``size`` ids including its last space.

        Raises:
            TypeError: ``text`` is not a string.
        """
        space = check_text(text, "prompt").endswith(" ")
        ids, cut = self.end(text.removesuffix(" "), size - space)
        return Prompt(ids, cut, space)

    def candidate(self, token: int, probability: float) -> NextToken:
        """The token as a candidate for the next token."""
        whole = token not in self.fragments
        return NextToken(self.texts[token], min(1.0, probability), token, whole)

    def stream(self, tokens: Iterator[int], space: bool = False) -> Iterator[Piece]:
        """The tokens as text; tokens that share a character come in one piece.

        Args:
            space: Whether to remove the space at the beginning of the first token.
        """
        pieces = (
            self.bytes[token][space and position == 0 :] for position, token in enumerate(tokens)
        )
        return (Piece(*each) for each in whole_texts(pieces))

    def beyond_space(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """Log-probabilities (V,) of what follows a prompt that ends in a space.

        The space is either the beginning of the next token or a token by itself. Both are
        counted: a token that begins with a space follows the prompt without its last space, and
        any other token follows the token " ".

        Args:
            before: Log-probabilities (V,) after the prompt without its last space.
            after: Log-probabilities (V,) after the token " " that follows it.
        """
        found = np.where(self.spaced, before, before[self.space] + after)
        # The token " " followed by another space.
        found[self.space] = before[self.space] + np.logaddexp.reduce(after[self.spaced])
        return found - np.logaddexp.reduce(found)
