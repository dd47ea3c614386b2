"""Chapter 2: English to French, character by character, with attention.

The encoder reads the source in both directions. The decoder's first GRU reads the French
written so far; its hidden state is the query that attention compares with every source
character; the context it returns is joined to the embedded input of the second GRU, which
names the next character. Because the query does not wait for the context, training runs in
parallel over the target, and decoding one step at a time gives the same numbers.
(Bahdanau et al. 2015; the scaled dot product is Luong et al.'s, 2015.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from dlnlp.inference.beam_search import State

SOS_ID, EOS_ID = 2, 3


@dataclass(frozen=True)
class Config:
    """Sizes: ``hidden_dim`` is the decoder's width and twice that of each encoder direction."""

    source_vocab_size: int
    target_vocab_size: int
    embed_dim: int = 64
    hidden_dim: int = 512
    encoder_layers: int = 2
    dropout: float = 0.2


@dataclass(frozen=True)
class Memory:
    """What the decoder may look at: of B sources of S characters.

    ``states`` (B, S, H), ``keys`` (B, S, H) projected once per source, ``mask`` (B, S) true
    on real characters, and the decoder's first states ``first`` and ``second``, (1, B, H).
    """

    states: Tensor
    keys: Tensor
    mask: Tensor
    first: Tensor
    second: Tensor

    def select(self, rows: Tensor) -> Memory:
        """The memory of these rows (n,), in their order; rows may repeat."""
        return Memory(
            self.states[rows],
            self.keys[rows],
            self.mask[rows],
            self.first[:, rows],
            self.second[:, rows],
        )


class Encoder(nn.Module):
    """A bidirectional GRU over the source's characters."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width = config.hidden_dim
        self.embedding = nn.Embedding(config.source_vocab_size, config.embed_dim, padding_idx=0)
        self.gru = nn.GRU(
            config.embed_dim,
            width // 2,
            config.encoder_layers,
            batch_first=True,
            bidirectional=True,
            dropout=config.dropout if config.encoder_layers > 1 else 0.0,
        )
        self.dropout = nn.Dropout(config.dropout)
        self.key = nn.Linear(width, width, bias=False)
        self.first = nn.Linear(width, width)
        self.second = nn.Linear(width, width)

    def forward(self, source: Tensor, lengths: Tensor) -> Memory:
        """The memory of padded ids (B, S) and their lengths (B,) on the CPU."""
        embedded = self.dropout(self.embedding(source))  # (B, S, E)
        if int(lengths.min()) == source.shape[1]:  # nothing is padded, which is faster
            states, hidden = self.gru(embedded)  # (B, S, H)
        else:
            packed = pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)
            output, hidden = self.gru(packed)
            states, _ = pad_packed_sequence(output, batch_first=True)
        states = self.dropout(states)
        summary = torch.cat((hidden[-2], hidden[-1]), dim=-1).unsqueeze(0)  # (1, B, H)
        mask = torch.arange(states.shape[1], device=source.device) < lengths.to(
            source.device
        ).unsqueeze(1)
        return Memory(
            states,
            self.key(states),
            mask,
            torch.tanh(self.first(summary)),
            torch.tanh(self.second(summary)),
        )


class Decoder(nn.Module):
    """Two GRUs with attention between them."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width = config.hidden_dim
        self.embedding = nn.Embedding(config.target_vocab_size, config.embed_dim, padding_idx=0)
        self.reader = nn.GRU(config.embed_dim, width, batch_first=True)
        self.writer = nn.GRU(config.embed_dim + 2 * width, width, batch_first=True)
        self.dropout = nn.Dropout(config.dropout)
        self.output = nn.Linear(2 * width, config.target_vocab_size)

    def forward(self, memory: Memory, target: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """Read target ids (B, T) and predict what follows each of them.

        Returns:
            Logits (B, T, V), attention (B, T, S) whose rows sum to 1 over each source's own
            characters, and the state to go on from.
        """
        embedded = self.dropout(self.embedding(target))  # (B, T, E)
        query, first = self.reader(embedded, state[0])  # (B, T, H)
        scores = query @ memory.keys.transpose(1, 2) / math.sqrt(query.shape[-1])  # (B, T, S)
        scores = scores.float().masked_fill(~memory.mask.unsqueeze(1), -torch.inf)
        attention = F.softmax(scores, dim=-1)  # over the source, not over the batch
        context = attention.to(memory.states.dtype) @ memory.states  # (B, T, H)
        joined = torch.cat((embedded, query, context), dim=-1)
        written, second = self.writer(joined, state[1])  # (B, T, H)
        logits = self.output(torch.cat((self.dropout(written), context), dim=-1))  # (B, T, V)
        return logits, attention, (first, second)


class CharSeq2Seq(nn.Module):
    """Encoder and decoder, trained together."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)

    def forward(self, source: Tensor, lengths: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (B, T, V) and attention (B, T, S), the target (B, T) being given."""
        memory = self.encoder(source, lengths)
        logits, attention, _ = self.decoder(memory, target, (memory.first, memory.second))
        return logits, attention
