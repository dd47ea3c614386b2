"""The tutorial's character-level translator with attention, with its errors."""
import torch
from torch import nn

pairs = [("hello", "bonjour"), ("thanks", "merci")]
letters = sorted({letter for pair in pairs for word in pair for letter in word})
index = {"<sos>": 0, "<eos>": 1, **{letter: i + 2 for i, letter in enumerate(letters)}}


def encode(word):
    return torch.tensor([index[letter] for letter in word])


class Encoder(nn.Module):
    def __init__(self, vocab_size, hidden_dim):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, hidden_dim)
        self.gru = nn.GRU(hidden_dim, hidden_dim)

    def forward(self, x):
        return self.gru(self.embedding(x))


class Decoder(nn.Module):
    def __init__(self, vocab_size, hidden_dim):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, hidden_dim)
        self.gru = nn.GRU(2 * hidden_dim, hidden_dim)
        self.output = nn.Linear(hidden_dim, vocab_size)

    def forward(self, x, hidden, states):
        scores = states @ hidden.transpose(0, 1)
        self.weights = torch.softmax(scores, dim=1)
        context = self.weights.transpose(0, 1) @ states
        joined = torch.cat((self.embedding(x), context), dim=0)
        output, hidden = self.gru(joined, hidden)
        return self.output(output), hidden


encoder, decoder = Encoder(len(index), 32), Decoder(len(index), 32)
parameters = [*encoder.parameters(), *decoder.parameters()]
optimizer = torch.optim.Adam(parameters, lr=0.02)
for epoch in range(40):
    loss = torch.zeros(())
    for english, french in pairs:
        states, hidden = encoder(encode(english))
        target = encode(french)
        for t in range(len(target) - 1):
            output, hidden = decoder(target[t : t + 1], hidden, states)
            loss = loss + nn.functional.cross_entropy(output, target[t + 1 : t + 2])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(f"loss {loss.item():.3f}")
