"""The tutorial's LSTM for sentiment, with its errors."""
import torch
from torch import nn
from torchtext.data.utils import get_tokenizer
from torchtext.vocab import build_vocab_from_iterator

texts = ["I loved the movie", "The film was terrible", "It was okay"]
labels = torch.tensor([1.0, 0.0, 1.0])
tokenize = get_tokenizer("basic_english")
vocab = build_vocab_from_iterator(map(tokenize, texts), specials=["<unk>"])
vocab.set_default_index(vocab["<unk>"])


class SentimentLSTM(nn.Module):
    def __init__(self, vocab_size, embed_dim, hidden_dim):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embed_dim)
        self.lstm = nn.LSTM(embed_dim, hidden_dim, batch_first=True)
        self.linear = nn.Linear(hidden_dim, 1)

    def forward(self, x):
        _, (hidden, _) = self.lstm(self.embedding(x))
        return torch.sigmoid(self.linear(hidden[-1]))


rows = [torch.tensor(vocab(tokenize(text))) for text in texts]
batch = nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=0)
model = SentimentLSTM(len(vocab), 16, 32)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(10):
    optimizer.zero_grad()
    loss = nn.BCELoss()(model(batch).squeeze(1), labels)
    loss.backward()
    optimizer.step()
print(f"loss {loss.item():.3f}")
test = torch.tensor(vocab(tokenize("This was fantastic"))).unsqueeze(0).unsqueeze(0)
print(f"This was fantastic: {model(test).item():.3f}")
