"""Chapter 2: character-level translation from English to French with attention.

The encoder reads the source in both directions. The decoder has two GRUs. The first reads the
French written so far; its output is the query that attention compares with every source
character. The second reads the embedded character, the query and the context that attention
returns, and predicts the next character. Because the query does not depend on the context,
training computes the attention of all target characters in parallel, and step-by-step decoding
gives the same numbers. (Bahdanau et al. 2015, with the scaled dot product of Vaswani et al. 2017.)

Shapes: B sources in a batch, S source characters, T target characters, E embedding size,
H hidden size, V target vocabulary size.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

PAD_ID, UNK_ID, SOS_ID, EOS_ID = range(4)
State = tuple[Tensor, ...]  # hidden states of the decoder's two GRUs, (1, B, H) each


@dataclass(frozen=True)
class Config:
    """Model sizes. ``hidden_dim`` is H; each direction of the encoder has H / 2 units."""

    source_vocab_size: int
    target_vocab_size: int
    embed_dim: int = 64
    hidden_dim: int = 512
    encoder_layers: int = 2
    dropout: float = 0.2


@dataclass(frozen=True)
class Memory:
    """What the encoder passes to the decoder.

    ``states`` (B, S, H) are the encoder's hidden states and ``keys`` (B, S, H) their projection
    for attention; ``mask`` (B, S) is True on characters and False on padding. ``first`` and
    ``second`` (1, B, H) are the initial states of the decoder's two GRUs.
    """

    states: Tensor
    keys: Tensor
    mask: Tensor
    first: Tensor
    second: Tensor

    def select(self, rows: Tensor) -> Memory:
        """The memory of these batch rows (n,), in their order; rows may be repeated."""
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
        self.embedding = nn.Embedding(
            config.source_vocab_size, config.embed_dim, padding_idx=PAD_ID
        )
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
        """Encode padded ids (B, S) whose lengths (B,) are on the CPU."""
        embedded = self.dropout(self.embedding(source))  # (B, S, E)
        if int(lengths.min()) == source.shape[1]:  # without padding, packing is not needed
            states, hidden = self.gru(embedded)  # (B, S, H)
        else:
            packed = pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)
            output, hidden = self.gru(packed)
            states, _ = pad_packed_sequence(output, batch_first=True)
        states = self.dropout(states)
        positions = torch.arange(states.shape[1], device=source.device)
        mask = positions < lengths.to(source.device).unsqueeze(1)  # (B, S)
        # The last layer's final state in each direction has seen the whole source.
        summary = torch.cat((hidden[-2], hidden[-1]), dim=-1).unsqueeze(0)  # (1, B, H)
        first, second = torch.tanh(self.first(summary)), torch.tanh(self.second(summary))
        return Memory(states, self.key(states), mask, first, second)


class Decoder(nn.Module):
    """Two GRUs with attention between them."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width = config.hidden_dim
        self.embedding = nn.Embedding(
            config.target_vocab_size, config.embed_dim, padding_idx=PAD_ID
        )
        self.reader = nn.GRU(config.embed_dim, width, batch_first=True)
        self.writer = nn.GRU(config.embed_dim + 2 * width, width, batch_first=True)
        self.dropout = nn.Dropout(config.dropout)
        self.output = nn.Linear(2 * width, config.target_vocab_size)

    def forward(
        self, memory: Memory, target: Tensor, state: State, attention: Tensor | None = None
    ) -> tuple[Tensor, Tensor, State]:
        """Read target ids (B, T) and predict the character after each of them.

        Args:
            attention: Weights (B, T, S) to use instead of the model's own.

        Returns:
            Logits (B, T, V), attention (B, T, S) whose rows sum to 1 and are 0 on padding, and
            the GRUs' new states.
        """
        embedded = self.dropout(self.embedding(target))  # (B, T, E)
        query, first = self.reader(embedded, state[0])  # (B, T, H)
        if attention is None:
            scores = query @ memory.keys.transpose(1, 2) / math.sqrt(query.shape[-1])  # (B, T, S)
            scores = scores.float().masked_fill(~memory.mask.unsqueeze(1), -torch.inf)
            attention = F.softmax(scores, dim=-1)  # over source characters
        context = attention.to(memory.states.dtype) @ memory.states  # (B, T, H)
        joined = torch.cat((embedded, query, context), dim=-1)
        written, second = self.writer(joined, state[1])  # (B, T, H)
        logits = self.output(torch.cat((self.dropout(written), context), dim=-1))  # (B, T, V)
        return logits, attention, (first, second)


class CharSeq2Seq(nn.Module):
    """The encoder and the decoder."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)

    def forward(self, source: Tensor, lengths: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (B, T, V) and attention (B, T, S) for given targets (B, T) by teacher forcing."""
        memory = self.encoder(source, lengths)
        logits, attention, _ = self.decoder(memory, target, (memory.first, memory.second))
        return logits, attention

    def step(
        self, memory: Memory, tokens: Tensor, state: State, given: Tensor | None = None
    ) -> tuple[Tensor, Tensor, State]:
        """Read the previous token (B,) of each source and predict the next one.

        Args:
            given: Attention (B, S) to use instead of the model's own.

        Returns:
            Log-probabilities (B, V), attention (B, S) and the new states. ``<pad>``, ``<unk>``
            and ``<sos>`` are never predicted, nor is an empty translation.
        """
        weights = None if given is None else given.unsqueeze(1)
        logits, attention, state = self.decoder(memory, tokens.unsqueeze(1), state, weights)
        log_probs = F.log_softmax(logits[:, 0].float(), dim=-1)
        log_probs[:, :EOS_ID] = -torch.inf
        log_probs[tokens == SOS_ID, EOS_ID] = -torch.inf
        return log_probs, attention[:, 0], state


@torch.inference_mode()
def greedy(model: CharSeq2Seq, source: Sequence[int], max_length: int) -> Iterator[int]:
    """Translate the source ids (S,) by taking the most likely character at each step."""
    device = model.decoder.output.weight.device
    memory = model.encoder(torch.tensor([source], device=device), torch.tensor([len(source)]))
    state: State = (memory.first, memory.second)
    token = torch.tensor([SOS_ID], device=device)
    for _ in range(max_length):
        log_probs, _, state = model.step(memory, token, state)
        token = log_probs.argmax(dim=-1)
        if int(token) == EOS_ID:
            return
        yield int(token)
