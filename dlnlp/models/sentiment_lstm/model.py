"""Chapter 1: sentiment classification with an LSTM.

The tutorial's model reads a text word by word and classifies its last hidden state:

    token ids -> embedding -> LSTM -> last hidden state -> linear layer -> one logit

With the default options, ``SentimentLSTM`` is this model. A second direction, more layers, max
pooling over time and dropout are options that make it more accurate.

Shapes: B texts in a batch, T tokens in the longest one, E embedding dimensions, H hidden units
per direction, D directions (1, or 2 if bidirectional).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

PAD_ID = 0


@dataclass(frozen=True)
class Config:
    """Sizes and options of a ``SentimentLSTM``."""

    vocab_size: int
    embed_dim: int
    hidden_dim: int
    num_layers: int = 1
    bidirectional: bool = False
    pooling: str = "last"  # or "max", which keeps strong words early in a long review
    dropout: float = 0.0


class SentimentLSTM(nn.Module):
    """Embedding, LSTM and a linear layer with one output.

    The output is a logit. Training applies the sigmoid in the loss (``BCEWithLogitsLoss``), and
    ``classify`` applies it to compute P(positive).

    Args:
        options: Any further fields of ``Config``.

    Raises:
        TypeError: An option is unknown.
        ValueError: ``pooling`` is neither "last" nor "max".
    """

    def __init__(
        self,
        vocab_size: int,
        embed_dim: int,
        hidden_dim: int,
        **options: int | float | bool | str,
    ) -> None:
        super().__init__()
        config = Config(vocab_size, embed_dim, hidden_dim, **options)  # type: ignore[arg-type]
        if config.pooling not in ("last", "max"):
            raise ValueError(f"pooling must be 'last' or 'max', not {config.pooling!r}")
        self.config = config
        self.directions = 2 if config.bidirectional else 1
        self.embedding = nn.Embedding(vocab_size, embed_dim, padding_idx=PAD_ID)
        self.lstm = nn.LSTM(
            embed_dim,
            hidden_dim,
            config.num_layers,
            batch_first=True,
            bidirectional=config.bidirectional,
            dropout=config.dropout if config.num_layers > 1 else 0.0,  # between layers only
        )
        self.dropout = nn.Dropout(config.dropout)
        self.linear = nn.Linear(self.directions * hidden_dim, 1)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Logits (B,) for padded token ids (B, T) and the texts' lengths (B,) on the CPU."""
        return self.read(self.embedding(tokens), lengths)

    def read(self, embedded: Tensor, lengths: Tensor) -> Tensor:
        """Logits (B,) for embedded tokens (B, T, E)."""
        _, pooled = self.states(embedded, lengths)
        return self.linear(self.dropout(pooled)).squeeze(-1)

    def states(self, embedded: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Hidden states (B, T, D * H), -inf at padding, and the pooled states (B, D * H)."""
        embedded = self.dropout(embedded)
        # A packed batch has no padding, so each text ends at its own last token.
        packed = pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)
        output, (last, _) = self.lstm(packed)  # last: (layers * D, B, H)
        states, _ = pad_packed_sequence(output, batch_first=True, padding_value=-torch.inf)
        if self.config.pooling == "max":
            return states, states.max(dim=1).values
        return states, torch.cat(tuple(last[-self.directions :]), dim=-1)

    def pooled(self, states: Tensor) -> Tensor:
        """Pooled states (B, D * H) of hidden states (B, T, D * H) without padding."""
        if self.config.pooling == "max":
            return states.max(dim=1).values
        forward, *backward = states.split(self.lstm.hidden_size, dim=-1)
        return torch.cat((forward[:, -1], *(each[:, 0] for each in backward)), dim=-1)


@torch.inference_mode()
def classify(model: SentimentLSTM, texts: Sequence[Sequence[int]]) -> list[float]:
    """P(positive) of each text, given as token ids; one text at a time, so nothing is padded.

    The predictor does the same in batches.
    """
    model.eval()  # no dropout
    device = model.linear.weight.device
    probabilities = []
    for ids in texts:
        tokens = torch.tensor([ids], device=device)  # (1, T)
        logit = model(tokens, torch.tensor([len(ids)]))  # (1,)
        probabilities.append(torch.sigmoid(logit).item())
    return probabilities
