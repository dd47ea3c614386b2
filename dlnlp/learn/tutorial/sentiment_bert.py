"""The tutorial's fine-tuning of BERT, with its errors."""
import torch
from transformers import BertForSequenceClassification, BertTokenizer

tokenizer = BertTokenizer.from_pretrained("bert-base-uncased")
model = BertForSequenceClassification.from_pretrained("bert-base-uncased", num_labels=2)
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-5)

texts = ["This movie was great!", "Terrible experience"]
inputs = tokenizer(texts, return_tensors="pt", padding=True)
labels = torch.tensor([1, 0]).unsqueeze(0)

model.train()
for epoch in range(3):
    optimizer.zero_grad()
    loss = model(**inputs, labels=labels).loss
    loss.backward()
    optimizer.step()
    print(f"epoch {epoch + 1}: loss {loss.item():.3f}")

test = tokenizer(["I enjoyed this film"], return_tensors="pt")
prediction = model(**test).logits.argmax(-1).item()
print("I enjoyed this film:", ("negative", "positive")[prediction])
