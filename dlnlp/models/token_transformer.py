"""Chapter 3: a Transformer that predicts the next token.

The tutorial's ``TransformerModel`` with its sinusoidal ``PositionalEncoding``, indexed by
position (not by the batch), with the causal mask without which a predictor sees the future,
normalisation before each block, and the output layer tied to the embedding. Tokens are
byte-level BPE, so any text can be read. (Vaswani et al. 2017; Radford et al. 2019.)
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from tokenizers.models import BPE
from torch import Tensor, nn
from torch.nn import functional as F

from dlnlp import checkpoint
from dlnlp.byte_level import (
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
from dlnlp.device import pick_device
from dlnlp.models.writer import Writer, predictable
from dlnlp.results import AttentionMaps, Distribution, NextToken, Piece, TokenScore
from dlnlp.sampling import Draws, check_settings, check_whole, filtered, likeliest
from dlnlp.text import check_text

TOKENIZER = "tokenizer.json"
MAX_CHARACTERS = 100_000
MAX_NEW_TOKENS = 1000
EXPECTED = 3  # alternatives to each token of a scored text


@dataclass(frozen=True)
class Config:
    """Sizes; the tutorial's are 512 wide, 8 heads, 6 layers."""

    vocab_size: int
    d_model: int = 512
    nhead: int = 8
    num_layers: int = 6
    context: int = 256
    dropout: float = 0.1


class PositionalEncoding(nn.Module):
    """Sines and cosines of the position, added to the embedding (Vaswani et al., 3.5)."""

    def __init__(self, d_model: int, max_len: int = 5000) -> None:
        super().__init__()
        position = torch.arange(max_len).unsqueeze(1)
        frequency = torch.exp(torch.arange(0, d_model, 2) * (-math.log(10_000.0) / d_model))
        table = torch.zeros(max_len, d_model)
        table[:, 0::2] = torch.sin(position * frequency)
        table[:, 1::2] = torch.cos(position * frequency)
        self.register_buffer("table", table, persistent=False)

    def forward(self, x: Tensor, start: int = 0) -> Tensor:
        """``x`` (B, T, C) plus the encoding of positions ``start`` to ``start + T``."""
        table: Tensor = self.table  # type: ignore[assignment]
        return x + table[start : start + x.shape[1]]


class Cache:
    """The keys and values of the tokens read so far, so that each is computed but once.

    Room for the whole context is taken at once and filled in place, so it is for inference
    only: ``keys`` and ``values`` (layers, B, heads, context, C / heads), of which ``length``
    positions are filled; no more than ``context`` can be.
    """

    def __init__(self, model: TransformerModel, count: int = 1) -> None:
        config, weight = model.config, model.embedding.weight
        width = config.d_model // config.nhead
        shape = (config.num_layers, count, config.nhead, config.context, width)
        self.keys, self.values = weight.new_empty(shape), weight.new_empty(shape)
        self.length = 0

    def extended(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """A layer's keys and values (B, heads, S, C / heads) with T new ones at their end."""
        end = self.length + k.shape[2]
        self.keys[layer, :, :, self.length : end] = k
        self.values[layer, :, :, self.length : end] = v
        return self.keys[layer, :, :, :end], self.values[layer, :, :, :end]


def attend(q: Tensor, k: Tensor, v: Tensor, kept: list[Tensor] | None = None) -> Tensor:
    """Causal attention of the last T of S positions: (B, heads, T, C) over (B, heads, S, C).

    The mask is what makes this a predictor: position t sees itself and those before it.
    The weights (B, heads, T, S) are added to ``kept`` where that is given.
    """
    steps, total = q.shape[2], k.shape[2]
    one = steps == 1 and q.device.type != "mps"  # where the fused one has had its faults
    if kept is None and (one or (q.is_cuda and steps == total)):
        return F.scaled_dot_product_attention(q, k, v, is_causal=steps > 1)
    scores = (q / math.sqrt(q.shape[-1])) @ k.transpose(-1, -2)  # (B, heads, T, S)
    if steps > 1:
        # Added in place, since a copy of all scores takes longer than the sum.
        scores += scores.new_full((steps, total), -torch.inf).triu(total - steps + 1)
    weights = F.softmax(scores, dim=-1)
    if kept is not None:
        kept.append(weights)
    return weights @ v


class Block(nn.Module):
    """Causal self-attention and a feed-forward network, each after a LayerNorm."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width = config.d_model
        self.heads = config.nhead
        self.dropout = nn.Dropout(config.dropout)
        self.norm1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def forward(
        self,
        x: Tensor,
        cache: Cache | None = None,
        layer: int = 0,
        kept: list[Tensor] | None = None,
    ) -> Tensor:
        """Output (B, T, C); the keys and values go to the cache's ``layer``."""
        count, steps, width = x.shape
        shape = (count, steps, self.heads, width // self.heads)
        q, k, v = (t.view(shape).transpose(1, 2) for t in self.qkv(self.norm1(x)).chunk(3, dim=-1))
        if cache is not None:
            k, v = cache.extended(layer, k, v)
        attended = attend(q, k, v, kept)
        attended = attended.transpose(1, 2).reshape(count, steps, width)  # (B, T, C)
        x = x + self.dropout(self.out(attended))
        hidden = F.gelu(self.up(self.norm2(x)))  # (B, T, 4C)
        return x + self.dropout(self.down(hidden))


class TransformerModel(nn.Module):
    """Embedding, positions, blocks, and the embedding again as output layer."""

    def __init__(
        self,
        vocab_size: int,
        d_model: int = 512,
        nhead: int = 8,
        num_layers: int = 6,
        *,
        context: int = 256,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.config = config = Config(vocab_size, d_model, nhead, num_layers, context, dropout)
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.positions = PositionalEncoding(d_model)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(Block(config) for _ in range(num_layers))
        self.norm = nn.LayerNorm(d_model)
        self.output: nn.Module | None = None  # the embedding again, where it was rebuilt
        self.apply(self._initialise)

    def _initialise(self, module: nn.Module) -> None:
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)
        if isinstance(module, Block):  # the residual stream adds up over the layers (GPT-2)
            for last in (module.out, module.down):
                nn.init.normal_(last.weight, std=0.02 / math.sqrt(2 * self.config.num_layers))

    def hidden(
        self, tokens: Tensor, cache: Cache | None = None, kept: list[Tensor] | None = None
    ) -> Tensor:
        """Last states (B, T, C) of token ids (B, T), which follow the cache's and fill it.

        Each layer's attention (B, heads, T, S) is added to ``kept`` where that is given.
        """
        start = 0 if cache is None else cache.length
        # Scaled as in the paper, so that positions do not drown the tokens.
        x = self.embedding(tokens) * math.sqrt(self.config.d_model)  # (B, T, C)
        x = self.dropout(self.positions(x, start))
        for layer, block in enumerate(self.blocks):
            x = block(x, cache, layer, kept)
        if cache is not None:
            cache.length += tokens.shape[1]
        normed: Tensor = self.norm(x)
        return normed

    def logits(self, states: Tensor) -> Tensor:
        """Logits (..., V) of last states (..., C)."""
        if self.output is None:
            return F.linear(states, self.embedding.weight)
        product: Tensor = self.output(states)
        return product

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits (B, T, V): row t predicts token t + 1 from tokens 0 to t alone."""
        return self.logits(self.hidden(tokens))

    def cache(self) -> Cache:
        """An empty cache for one text."""
        return Cache(self)

    def rebuilt(self, linear: Callable[[Tensor, Tensor | None], nn.Module]) -> TransformerModel:
        """This model with what ``linear`` makes of each weight and bias in a layer's place."""
        with torch.device("meta"):  # an empty one, to be filled
            twin = TransformerModel(**asdict(self.config)).eval()
        twin.embedding, twin.positions, twin.norm = self.embedding, self.positions, self.norm
        twin.output = linear(self.embedding.weight, None)
        for block, own in zip(twin.blocks, self.blocks, strict=True):
            for name, child in own.named_children():
                if isinstance(child, nn.Linear):
                    child = linear(child.weight, child.bias)
                setattr(block, name, child)
        return twin


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
