"""Chapter 3: a Transformer that predicts the next token.

The tutorial's ``TransformerModel`` with its sinusoidal ``PositionalEncoding``, indexed by
position (not by the batch), with the causal mask without which a predictor sees the future,
normalisation before each block, and the output layer tied to the embedding. Tokens are
byte-level BPE, so any text can be read. (Vaswani et al. 2017; Radford et al. 2019.)
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from tokenizers.models import BPE
from torch import Tensor
from torch.nn import functional as F

from dlnlp import checkpoint
from dlnlp.accelerate.speculative import Writer, predictable
from dlnlp.device import pick_device
from dlnlp.inference.sampling import Draws, check_settings, check_whole, filtered, likeliest
from dlnlp.models.token_transformer.model import TransformerModel
from dlnlp.results import AttentionMaps, Distribution, NextToken, Piece, TokenScore
from dlnlp.text.byte_level import (
    BEGIN,
    BEGIN_ID,
    BYTE_OF,
    UNK,
    UNK_ID,
    empty_tokenizer,
    is_text,
    piece_bytes,
    shown,
    split_whole,
)
from dlnlp.text.checks import check_text

TOKENIZER = "tokenizer.json"
MAX_CHARACTERS = 100_000
MAX_NEW_TOKENS = 1000
EXPECTED = 3  # alternatives to each token of a scored text


class TokenTransformerPredictor:
    """A trained TransformerModel with its tokenizer; safe to share between threads."""

    def __init__(self, model: TransformerModel, tokenizer: Tokenizer) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.pieces = tuple(piece_bytes(tokenizer, i) for i in range(tokenizer.get_vocab_size()))
        self.texts = tuple(shown(piece) for piece in self.pieces)
        self.fragments = frozenset(i for i, piece in enumerate(self.pieces) if not is_text(piece))

    @property
    def device(self) -> torch.device:
        """Where the model's weights are."""
        return self.model.embedding.weight.device

    @functools.cached_property
    def _writer(self) -> Writer:
        """What generation uses, with the weights of its first call."""
        return Writer(self.model)

    @torch.inference_mode()
    def distribution(self, prompt: str) -> Distribution:
        """What may follow the prompt; of a long one the end is read.

        ``<unk>`` is never predicted, nor is a text's end: half of the training texts are one
        sentence long, and whoever asks for more means to read on.

        Raises:
            TypeError: ``prompt`` is no string.
        """
        ids, cut = self._prompt(prompt, room=0)
        states = self.model.hidden(torch.tensor([ids], device=self.device))
        log_probs = predictable(self.model.logits(states[0, -1]))
        return Distribution(prompt, self.texts, log_probs, self.fragments, cut)

    def next_tokens(
        self,
        prompt: str,
        k: int = 10,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
    ) -> list[NextToken]:
        """The ``k`` likeliest tokens after the prompt, likeliest first.

        Tokens that the settings rule out are not listed. Of a long prompt the end is read.

        Raises:
            TypeError: ``prompt`` is no string.
            ValueError: A setting is out of its range; the message names it.
        """
        check_whole("k", k, 1, 10**6)
        check_settings(temperature, top_k, top_p)
        found = self.distribution(prompt)
        return likeliest(found, filtered(found.log_probs, temperature, top_k, top_p), k)

    def is_cut(self, prompt: str, max_new_tokens: int = 0) -> bool:
        """Whether only the end of the prompt fits the window beside so many new tokens.

        Raises:
            TypeError: ``prompt`` is no string.
        """
        return self._prompt(prompt, min(max_new_tokens, self.model.config.context // 2))[1]

    def generate(
        self,
        prompt: str,
        max_new_tokens: int = 50,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
    ) -> Iterator[str]:
        """Continue the prompt, yielding each piece of text as it is complete.

        A character of several tokens comes in one piece.
        Temperature 0 is greedy; the same seed gives the same text.

        Raises:
            TypeError: ``prompt`` is no string.
            ValueError: A setting is out of its range; the message names it.
        """
        pieces = self.stream(prompt, max_new_tokens, temperature, top_k, top_p, seed)
        return (piece.text for piece in pieces)

    def stream(
        self,
        prompt: str,
        max_new_tokens: int = 50,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
    ) -> Iterator[Piece]:
        """``generate``, and with each piece the number of tokens it took."""
        check_whole("max_new_tokens", max_new_tokens, 0, MAX_NEW_TOKENS)
        if seed is not None:
            check_whole("seed", seed, 0, 2**63)
        check_settings(temperature, top_k, top_p)
        check_text(prompt, "prompt")
        draws = Draws(seed)

        def choose(log_probs: np.ndarray, place: int) -> int:
            return draws(filtered(log_probs, temperature, top_k, top_p), place)

        ids, _ = self._prompt(prompt, room=min(max_new_tokens, self.model.config.context // 2))
        return self._pieces(self._writer.tokens(ids, max_new_tokens, choose))

    def _pieces(self, tokens: Iterator[int]) -> Iterator[Piece]:
        """The tokens as text; those that share a character come in one piece."""
        held, count = b"", 0
        for token in tokens:
            count += 1
            held += self.pieces[token]
            whole, held = split_whole(held)
            if whole:
                yield Piece(whole, count)
                count = 0
        if held:
            yield Piece(shown(held), count)

    @torch.inference_mode()
    def score(self, text: str) -> list[TokenScore]:
        """The log-probability of every token of the text; the pieces join to the text.

        With each token come the likeliest ones at its place.

        Long text is read in windows that overlap by half, so that beyond the first window
        each token is given at least half a window of context. At most ``MAX_CHARACTERS``
        characters are scored.

        Raises:
            TypeError: ``text`` is no string.
        """
        result: list[TokenScore] = []
        held, total, count = b"", 0.0, 0
        expected: tuple[NextToken, ...] = ()
        for log_probs, tokens in self._windows(self._encode(check_text(text)[:MAX_CHARACTERS])):
            scores = _picked(log_probs, tokens)
            log_probs[:, [UNK_ID, BEGIN_ID]] = -torch.inf
            best, places = log_probs.topk(EXPECTED)
            rows = zip(best.exp().tolist(), places.tolist(), strict=True)
            for token, log_prob, row in zip(tokens.tolist(), scores, rows, strict=True):
                if not held:
                    expected = tuple(self._candidate(i, p) for p, i in zip(*row, strict=True))
                held += self.pieces[token]
                total, count = total + log_prob, count + 1
                whole, rest = split_whole(held)
                if not rest:  # tokens that share a character are one entry
                    result.append(TokenScore(whole, total, expected, count))
                    held, total, count = b"", 0.0, 0
        return result

    @torch.inference_mode()
    def attention(self, prompt: str) -> AttentionMaps:
        """Where each token of the prompt looked: weights (layers, heads, T, T), causal.

        The first token is the begin token. Of a long prompt the end is read.

        Raises:
            TypeError: ``prompt`` is no string.
        """
        ids, cut = self._prompt(prompt, room=0)
        kept: list[Tensor] = []
        self.model.hidden(torch.tensor([ids], device=self.device), kept=kept)
        tokens = tuple(self.texts[token] for token in ids)
        return AttentionMaps(tokens, torch.cat(kept).float().cpu().numpy(), cut)

    @torch.inference_mode()
    def total(self, text: str) -> float:
        """The summed log-probability in nats of the whole text, however long."""
        return sum(self._window_scores(self._encode(text)))

    def _encode(self, text: str) -> list[int]:
        """A begin token and the ids of the text; unpaired surrogates become "?"."""
        text = text.encode("utf-8", "replace").decode("utf-8")
        return [BEGIN_ID, *self.tokenizer.encode(text).ids]

    def _window_scores(self, ids: Sequence[int]) -> list[float]:
        """Log-probability of each id but the first, given those before it."""
        return [score for window in self._windows(ids) for score in _picked(*window)]

    def _windows(self, ids: Sequence[int]) -> Iterator[tuple[Tensor, Tensor]]:
        """Log-probabilities (N, V) and what came (N,), so that each id but the first comes once."""
        size = self.model.config.context
        start = done = 0
        while done < len(ids) - 1:
            window = torch.tensor([ids[start : start + size + 1]], device=self.device)
            states = self.model.hidden(window[:, :-1])
            new = start + window.shape[1] - 1 - done
            logits = self.model.logits(states[0, -new:]).float()
            yield F.log_softmax(logits, dim=-1), window[0, -new:]
            done += new
            start += size // 2

    def _candidate(self, token: int, probability: float) -> NextToken:
        """The token as something that might have come."""
        whole = token not in self.fragments
        return NextToken(self.texts[token], min(1.0, probability), token, whole)

    def _prompt(self, prompt: str, room: int) -> tuple[list[int], bool]:
        """A begin token and the end of the prompt, and whether more of it was left out.

        There remains room for so many tokens more.
        """
        end = check_text(prompt, "prompt")[-MAX_CHARACTERS:]
        begin, *ids = self._encode(end)
        size = self.model.config.context - 1 - room
        return [begin, *ids[max(0, len(ids) - size) :]], len(ids) > size or len(end) < len(prompt)


def _picked(log_probs: Tensor, tokens: Tensor) -> list[float]:
    """Of each row of log-probabilities (N, V) that of the token (N,) which came."""
    return log_probs.gather(1, tokens.unsqueeze(1)).squeeze(1).clamp(max=0.0).tolist()


def load(folder: Path, device: str | None = None) -> TokenTransformerPredictor:
    """The predictor of a checkpoint folder.

    Raises:
        CheckpointError: The folder is missing, damaged or does not fit this code.
    """
    checkpoint.verify(folder)
    config = checkpoint.read_json(folder, checkpoint.CONFIG)
    try:
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        model = TransformerModel(**config)
    except Exception as fault:  # tokenizers raises bare Exception
        raise checkpoint.CheckpointError(folder, f"does not fit this code ({fault})") from None
    checkpoint.load_weights(folder, model)
    return TokenTransformerPredictor(model.to(pick_device(device)), tokenizer)


def save(folder: Path, predictor: TokenTransformerPredictor, training: dict[str, object]) -> None:
    """Write the predictor's checkpoint folder."""
    files = {TOKENIZER: predictor.tokenizer.to_str()}
    checkpoint.save(folder, asdict(predictor.model.config), predictor.model, files, training)


def tiny() -> TokenTransformerPredictor:
    """A seeded, untrained predictor whose tokens are the 256 bytes."""
    vocabulary = {UNK: UNK_ID, BEGIN: BEGIN_ID}
    for character in sorted(BYTE_OF):
        vocabulary[character] = len(vocabulary)
    tokenizer = empty_tokenizer()
    tokenizer.model = BPE(vocabulary, [])
    tokenizer.add_special_tokens([UNK, BEGIN])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = TransformerModel(len(vocabulary), 16, 2, 2, context=32)
    return TokenTransformerPredictor(model, tokenizer)
