"""Chapter 3: a Transformer that predicts the next token.

The tutorial's ``TransformerModel`` with its sinusoidal ``PositionalEncoding`` (Vaswani et al.
2017). As in GPT-2 (Radford et al. 2019), a causal mask hides later tokens, the sublayers of a block
normalise their inputs, and the output layer shares its weights with the embedding.

Shapes: B texts, T new tokens, S tokens so far (S = T without a cache), C features (``d_model``),
H attention heads, V tokens in the vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# Chooses the next token from the logits (V,) and the ids of all tokens before it.
Choose = Callable[[Tensor, list[int]], int]


@dataclass(frozen=True)
class Config:
    """Model sizes; the tutorial uses 512 features, 8 heads and 6 layers."""

    vocab_size: int
    d_model: int = 512
    nhead: int = 8
    num_layers: int = 6
    context: int = 256
    dropout: float = 0.1


class PositionalEncoding(nn.Module):
    """Adds sines and cosines of the position to the embedding (Vaswani et al., section 3.5)."""

    def __init__(self, d_model: int, max_len: int = 5000) -> None:
        super().__init__()
        position = torch.arange(max_len).unsqueeze(1)
        frequency = torch.exp(torch.arange(0, d_model, 2) * (-math.log(10_000.0) / d_model))
        table = torch.zeros(max_len, d_model)
        table[:, 0::2] = torch.sin(position * frequency)
        table[:, 1::2] = torch.cos(position * frequency)
        self.register_buffer("table", table, persistent=False)

    def forward(self, x: Tensor, start: int = 0) -> Tensor:
        """``x`` (B, T, C) plus the encoding of positions ``start`` to ``start + T - 1``."""
        return x + cast(Tensor, self.table)[start : start + x.shape[1]]


class Cache:
    """Keys and values (layers, B, H, context, C / H) of earlier tokens, for inference only.

    The first ``length`` positions are in use; lowering ``length`` removes the last tokens.
    """

    def __init__(self, model: TransformerModel, batch: int = 1) -> None:
        config, weight = model.config, model.embedding.weight
        width = config.d_model // config.nhead
        shape = (config.num_layers, batch, config.nhead, config.context, width)
        self.keys, self.values = weight.new_empty(shape), weight.new_empty(shape)
        self.length = 0

    def extend(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Store T new keys and values of a layer; returns all S so far (B, H, S, C / H)."""
        end = self.length + k.shape[2]
        self.keys[layer, :, :, self.length : end] = k
        self.values[layer, :, :, self.length : end] = v
        return self.keys[layer, :, :, :end], self.values[layer, :, :, :end]


def attend(q: Tensor, k: Tensor, v: Tensor, maps: list[Tensor] | None = None) -> Tensor:
    """Causal attention (B, H, T, C / H) of the last T of S tokens to themselves and earlier ones.

    The attention weights (B, H, T, S) are appended to ``maps`` if it is given.
    """
    steps, total = q.shape[2], k.shape[2]
    # PyTorch's fused attention returns no weights, and gave wrong results for one token on "mps".
    fused = q.device.type != "mps" if steps == 1 else q.is_cuda and steps == total
    if fused and maps is None:
        return F.scaled_dot_product_attention(q, k, v, is_causal=steps > 1)
    scores = (q / math.sqrt(q.shape[-1])) @ k.transpose(-1, -2)  # (B, H, T, S)
    if steps > 1:  # in place, because a copy of all scores would be slower
        scores += scores.new_full((steps, total), -torch.inf).triu(total - steps + 1)
    weights = F.softmax(scores, dim=-1)
    if maps is not None:
        maps.append(weights)
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
        maps: list[Tensor] | None = None,
    ) -> Tensor:
        """Output (B, T, C) for input ``x`` (B, T, C); ``layer`` is the block's index."""
        batch, steps, width = x.shape
        shape = (batch, steps, self.heads, width // self.heads)
        q, k, v = (t.view(shape).transpose(1, 2) for t in self.qkv(self.norm1(x)).chunk(3, dim=-1))
        if cache is not None:
            k, v = cache.extend(layer, k, v)
        mixed = attend(q, k, v, maps).transpose(1, 2).reshape(batch, steps, width)
        x = x + self.dropout(self.out(mixed))
        hidden = F.gelu(self.up(self.norm2(x)))  # (B, T, 4C)
        return x + self.dropout(self.down(hidden))


class TransformerModel(nn.Module):
    """Embedding, positional encoding, blocks, and an output layer tied to the embedding."""

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
        self.apply(self._initialise)

    def _initialise(self, module: nn.Module) -> None:
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)
        if isinstance(module, Block):  # smaller, because each block adds to the residuals (GPT-2)
            for last in (module.out, module.down):
                nn.init.normal_(last.weight, std=0.02 / math.sqrt(2 * self.config.num_layers))

    def embedded(self, tokens: Tensor, start: int = 0) -> Tensor:
        """Input (B, T, C) of the first block, for token ids (B, T) from position ``start`` on."""
        # Scaled as in the paper, so that the positional encoding does not dominate.
        x = self.embedding(tokens) * math.sqrt(self.config.d_model)
        return cast(Tensor, self.dropout(self.positions(x, start)))

    def hidden(
        self,
        tokens: Tensor,
        cache: Cache | None = None,
        maps: list[Tensor] | None = None,
        residuals: list[Tensor] | None = None,
    ) -> Tensor:
        """Final hidden states (B, T, C) of token ids (B, T).

        If ``cache`` is given, their keys and values are added to it. If ``maps`` is given, each
        layer's attention weights (B, H, T, S) are appended to it. If ``residuals`` is given, the
        embeddings and the output of each block (B, T, C) are appended to it.
        """
        x = self.embedded(tokens, 0 if cache is None else cache.length)
        if residuals is not None:
            residuals.append(x)
        for layer, block in enumerate(self.blocks):
            x = block(x, cache, layer, maps)
            if residuals is not None:
                residuals.append(x)
        if cache is not None:
            cache.length += tokens.shape[1]
        return cast(Tensor, self.norm(x))

    def logits(self, states: Tensor) -> Tensor:
        """Logits (..., V) of final hidden states (..., C)."""
        return F.linear(states, self.embedding.weight)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits (B, T, V): row t predicts token t + 1 from tokens 0 to t."""
        return self.logits(self.hidden(tokens))

    @torch.inference_mode()
    def generate(self, prompt: list[int], count: int, choose: Choose) -> Iterator[int]:
        """Continue a prompt, which must fit the context, by ``count`` token ids.

        Greedy: ``choose=lambda logits, ids: int(logits.argmax())``. Sampling:
        ``choose=lambda logits, ids: int(logits.softmax(-1).multinomial(1))``.
        """
        ids, window = list(prompt), list(prompt)
        for _ in range(count):
            if len(window) > self.config.context:  # full: keep the first token and the last half
                window = [window[0], *window[-self.config.context // 2 :]]
            tokens = torch.tensor([window], device=self.embedding.weight.device)
            token = choose(self(tokens)[0, -1], ids)
            ids.append(token)
            window.append(token)
            yield token
