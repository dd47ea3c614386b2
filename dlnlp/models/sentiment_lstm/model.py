"""Chapter 1: sentiment with an LSTM.

The tutorial's ``SentimentLSTM``: embedding, LSTM, linear layer to one unit. The sigmoid
lives in the loss and in ``classify``, where it is numerically safe. Bidirectional layers and
pooling over time are options of the config; without them this is the tutorial's model.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


@dataclass(frozen=True)
class Config:
    """Sizes; the tutorial's are 1 layer, one direction and the last state."""

    vocab_size: int
    embed_dim: int = 128
    hidden_dim: int = 128
    num_layers: int = 1
    bidirectional: bool = False
    pooling: str = "last"  # or "max": over time, so a long review's end does not outweigh it
    dropout: float = 0.0


class SentimentLSTM(nn.Module):
    """Embedding, LSTM, linear to one unit.

    B texts of up to T tokens, E wide embeddings, H wide states in D directions.
    """

    def __init__(self, vocab_size: int, embed_dim: int, hidden_dim: int, **options: object) -> None:
        super().__init__()
        config = Config(vocab_size, embed_dim, hidden_dim, **options)  # type: ignore[arg-type]
        if config.pooling not in ("last", "max"):
            raise ValueError(f"pooling must be 'last' or 'max', not {config.pooling!r}")
        self.config = config
        self.embedding = nn.Embedding(vocab_size, embed_dim, padding_idx=0)
        self.lstm = nn.LSTM(
            embed_dim,
            hidden_dim,
            config.num_layers,
            batch_first=True,
            bidirectional=config.bidirectional,
            dropout=config.dropout if config.num_layers > 1 else 0.0,
        )
        self.dropout = nn.Dropout(config.dropout)
        self.linear = nn.Linear(hidden_dim * (2 if config.bidirectional else 1), 1)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Logits (B,) towards positive, of token ids (B, T) and lengths (B,) on the CPU."""
        return self.read(self.embedding(tokens), lengths)

    def read(self, embedded: Tensor, lengths: Tensor) -> Tensor:
        """Logits (B,) of embedded tokens (B, T, E)."""
        _, pooled = self.states(embedded, lengths)
        return self.linear(self.dropout(pooled)).squeeze(-1)

    def states(self, embedded: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """All states (B, T, D * H), -inf after a text's end, and the pooled ones (B, D * H)."""
        embedded = self.dropout(embedded)
        # Packing stops each text at its own end: no state is ever read after the padding.
        packed = pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)
        output, (hidden, _) = self.lstm(packed)  # hidden (layers * D, B, H)
        states, _ = pad_packed_sequence(output, batch_first=True, padding_value=-torch.inf)
        if self.config.pooling == "max":
            return states, states.max(dim=1).values
        directions = 2 if self.config.bidirectional else 1
        return states, torch.cat(tuple(hidden[-directions:]), dim=-1)
