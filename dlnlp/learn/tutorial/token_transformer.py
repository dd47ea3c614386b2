"""The tutorial's Transformer, with its errors."""
import math

import torch
from torch import nn

words = "the cat sat on the mat".split()
vocabulary = sorted(set(words))
tokens = torch.tensor([[vocabulary.index(word) for word in words]])


class PositionalEncoding(nn.Module):
    def __init__(self, d_model, max_len=5000):
        super().__init__()
        table = torch.zeros(max_len, d_model)
        position = torch.arange(max_len).unsqueeze(1)
        frequency = torch.exp(torch.arange(0, d_model, 2) * (-math.log(10000.0) / d_model))
        table[:, 0::2] = torch.sin(position * frequency)
        table[:, 1::2] = torch.cos(position * frequency)
        self.register_buffer("table", table)

    def forward(self, x):
        return x + self.table[: x.size(0)]


class TransformerModel(nn.Module):
    def __init__(self, vocab_size, d_model=512, nhead=8, num_layers=6):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.positions = PositionalEncoding(d_model)
        layer = nn.TransformerEncoderLayer(d_model, nhead, batch_first=True, dropout=0.0)
        self.encoder = nn.TransformerEncoder(layer, num_layers)
        self.output = nn.Linear(d_model, vocab_size)

    def forward(self, x):
        x = self.positions(self.embedding(x) * math.sqrt(d_model))
        return self.output(self.encoder(x))


model = TransformerModel(len(vocabulary), 64, 4, 2)
print(f"logits of shape {tuple(model(tokens).shape)}")
