"""Chapter 3: a Transformer that predicts the next token.

The tutorial's ``TransformerModel`` with its sinusoidal ``PositionalEncoding``, indexed by
position (not by the batch), with the causal mask without which a predictor sees the future,
normalisation before each block, and the output layer tied to the embedding. Tokens are
byte-level BPE, so any text can be read. (Vaswani et al. 2017; Radford et al. 2019.)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


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
