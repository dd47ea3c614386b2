"""The errors in the tutorial's listings: where they are, what is wrong, and what ours does."""

from __future__ import annotations

import functools
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

TUTORIAL = Path(__file__).with_name("tutorial")
MODELS = Path(__file__).resolve().parent.parent / "models"


@dataclass(frozen=True)
class Correction:
    """One error of a listing.

    Attributes:
        line: The line of the listing with the error, without its indentation.
        wrong: What is wrong, in one sentence.
        ours: What our code does instead.
        here: A part of the line of our ``model.py`` that does it, or "" if that is elsewhere.
        edits: Lines of the listing and what repairs them; () if that takes more than a few lines.
        fault: A Python expression that is true after a run of the listing with the error, or ""
            for an error that ends the run.
    """

    line: str
    wrong: str
    ours: str
    here: str = ""
    edits: tuple[tuple[str, str], ...] = ()
    fault: str = ""


CORRECTIONS: dict[str, tuple[Correction, ...]] = {
    "sentiment_lstm": (
        Correction(
            "from torchtext.data.utils import get_tokenizer",
            "torchtext is discontinued, and is not installed here.",
            "It has a tokenizer and a vocabulary of its own.",
            edits=(
                (
                    "from torchtext.data.utils import get_tokenizer",
                    "from dlnlp.learn.stand_ins import get_tokenizer",
                ),
                (
                    "from torchtext.vocab import build_vocab_from_iterator",
                    "from dlnlp.learn.stand_ins import build_vocab_from_iterator",
                ),
            ),
        ),
        Correction(
            'vocab = build_vocab_from_iterator(map(tokenize, texts), specials=["<unk>"])',
            "Unknown words get the id 0, which is also the id of padding, so the model cannot tell "
            "them apart.",
            "Padding and unknown words have two ids.",
            "PAD_ID = 0",
            (
                (
                    'vocab = build_vocab_from_iterator(map(tokenize, texts), specials=["<unk>"])',
                    "vocab = build_vocab_from_iterator(map(tokenize, texts), "
                    'specials=["<pad>", "<unk>"])',
                ),
            ),
            'vocab["<unk>"] == 0',
        ),
        Correction(
            "_, (hidden, _) = self.lstm(self.embedding(x))",
            "The last hidden state is read after the padding, so the verdict on a text depends on "
            "the other texts of its batch.",
            "A packed batch ends each text at its own last token.",
            "packed = pack_padded_sequence",
            (
                (
                    "_, (hidden, _) = self.lstm(self.embedding(x))",
                    "packed = nn.utils.rnn.pack_padded_sequence(\n"
                    "    self.embedding(x), (x != 0).sum(1), batch_first=True, "
                    "enforce_sorted=False\n"
                    ")\n"
                    "_, (hidden, _) = self.lstm(packed)",
                ),
            ),
            "not torch.allclose(model(rows[0][None]), "
            "model(torch.cat((rows[0], torch.zeros(3, dtype=torch.long)))[None]))",
        ),
        Correction(
            'test = torch.tensor(vocab(tokenize("This was fantastic"))).unsqueeze(0).unsqueeze(0)',
            "The test text gets one dimension too many, so the model stops with an error.",
            "A text becomes a batch with one row, as long as the text.",
            "tokens = torch.tensor([ids], device=device)",
            (
                (
                    'test = torch.tensor(vocab(tokenize("This was fantastic")))'
                    ".unsqueeze(0).unsqueeze(0)",
                    'test = torch.tensor(vocab(tokenize("This was fantastic"))).unsqueeze(0)',
                ),
            ),
        ),
    ),
    "char_seq2seq": (
        Correction(
            "joined = torch.cat((self.embedding(x), context), dim=0)",
            "The context is concatenated below the embedded letter instead of beside it, so the "
            "GRU gets two short rows and stops with an error.",
            "The features are concatenated along the last axis.",
            "joined = torch.cat((embedded, query, context), dim=-1)",
            (
                (
                    "joined = torch.cat((self.embedding(x), context), dim=0)",
                    "joined = torch.cat((self.embedding(x), context), dim=1)",
                ),
            ),
        ),
        Correction(
            "self.weights = torch.softmax(scores, dim=1)",
            "The softmax runs over an axis of size one, so every letter gets the weight 1.",
            "The softmax runs over the source characters, so their weights sum to 1.",
            "attention = F.softmax(scores, dim=-1)",
            (
                (
                    "self.weights = torch.softmax(scores, dim=1)",
                    "self.weights = torch.softmax(scores, dim=0)",
                ),
            ),
            "not torch.allclose(decoder.weights.sum(0), torch.ones(1))",
        ),
        Correction(
            "target = encode(french)",
            "<sos> and <eos> are defined but never used, so the first letter and the end of a word "
            "are never learnt.",
            "Decoding starts with <sos> and ends with <eos>.",
            "token = torch.tensor([SOS_ID], device=device)",
            (
                (
                    "target = encode(french)",
                    "target = torch.tensor("
                    '[index["<sos>"], *encode(french).tolist(), index["<eos>"]])',
                ),
            ),
            'index["<sos>"] not in target.tolist()',
        ),
        Correction(
            "return self.gru(self.embedding(x))",
            "There is no batch dimension, so the words are read one at a time.",
            "Everything runs in batches, with a mask for the padding.",
            "embedded = self.dropout(self.embedding(source))",
            fault="states.dim() == 2",
        ),
        Correction(
            'print(f"loss {loss.item():.3f}")',
            "After the training, nothing can be translated.",
            "Characters are predicted one after the other, each from those before it.",
            "def greedy(",
            (
                (
                    'print(f"loss {loss.item():.3f}")',
                    'print(f"loss {loss.item():.3f}")\n\n\n'
                    "def translate(word):\n"
                    "    states, hidden = encoder(encode(word))\n"
                    '    token, written = torch.tensor([index["<sos>"]]), ""\n'
                    "    while len(written) < 12:\n"
                    "        output, hidden = decoder(token, hidden, states)\n"
                    "        token = output.argmax(-1)\n"
                    '        if token.item() == index["<eos>"]:\n'
                    "            break\n"
                    "        written += list(index)[token.item()]\n"
                    "    return written\n\n\n"
                    'print("hello:", translate("hello"))',
                ),
            ),
            '"translate" not in globals()',
        ),
    ),
    "token_transformer": (
        Correction(
            "x = self.positions(self.embedding(x) * math.sqrt(d_model))",
            "d_model is an argument of __init__, so it is not defined here.",
            "The sizes are kept in the model's config.",
            "x = self.embedding(tokens) * math.sqrt(self.config.d_model)",
            (
                (
                    "x = self.positions(self.embedding(x) * math.sqrt(d_model))",
                    "x = self.positions(self.embedding(x) * "
                    "math.sqrt(self.embedding.embedding_dim))",
                ),
            ),
        ),
        Correction(
            "return x + self.table[: x.size(0)]",
            "The first axis is the batch, so in a batch of one text every token gets the "
            "position 0.",
            "The second axis, the position, is used.",
            "return x + cast(Tensor, self.table)[start : start + x.shape[1]]",
            (
                (
                    "return x + self.table[: x.size(0)]",
                    "return x + self.table[: x.size(1)]",
                ),
            ),
            "torch.equal(*model.positions(torch.zeros(1, 2, 64))[0])",
        ),
        Correction(
            "return self.output(self.encoder(x))",
            "Without a causal mask, every token sees those that it should predict.",
            "The scores of later tokens are set to minus infinity.",
            "scores += scores.new_full",
            (
                (
                    "return self.output(self.encoder(x))",
                    "mask = nn.Transformer.generate_square_subsequent_mask(x.size(1))\n"
                    "return self.output(self.encoder(x, mask=mask, is_causal=True))",
                ),
            ),
            "not torch.allclose(model(tokens)[0, 0], "
            "model(torch.cat((tokens[:, :-1], tokens[:, :1]), 1))[0, 0], atol=1e-5)",
        ),
        Correction(
            'print(f"logits of shape {tuple(model(tokens).shape)}")',
            "The model is never trained, so its predictions are random.",
            "The script in train/ trains it on the next tokens of stories, articles and sentences.",
            "",
            (
                (
                    'print(f"logits of shape {tuple(model(tokens).shape)}")',
                    'print(f"logits of shape {tuple(model(tokens).shape)}")\n'
                    "optimizer = torch.optim.Adam(model.parameters(), lr=0.003)\n"
                    "for step in range(60):\n"
                    "    loss = nn.functional.cross_entropy("
                    "model(tokens)[0, :-1], tokens[0, 1:])\n"
                    "    optimizer.zero_grad()\n"
                    "    loss.backward()\n"
                    "    optimizer.step()\n"
                    "found = model(tokens)[0, :-1].argmax(-1).tolist()\n"
                    "print(words[0], *(vocabulary[i] for i in found))",
                ),
            ),
            "model(tokens)[0, :-1].argmax(-1).tolist() != tokens[0, 1:].tolist()",
        ),
    ),
    "sentiment_bert": (
        Correction(
            "labels = torch.tensor([1, 0]).unsqueeze(0)",
            "The labels have the shape (1, 2), but the loss needs one label per text; the listing "
            "only runs because the library flattens them.",
            "It has one label per text.",
            "",
            (
                (
                    "labels = torch.tensor([1, 0]).unsqueeze(0)",
                    "labels = torch.tensor([1, 0])",
                ),
            ),
            "labels.shape != (len(texts),)",
        ),
        Correction(
            "prediction = model(**test).logits.argmax(-1).item()",
            "eval() is never called after the training, so dropout still zeroes random features, "
            "and the same text gets other logits each time.",
            "The model is in eval mode before it predicts.",
            "model.eval()  # no dropout",
            (
                (
                    "prediction = model(**test).logits.argmax(-1).item()",
                    "model.eval()\n"
                    "with torch.inference_mode():\n"
                    "    prediction = model(**test).logits.argmax(-1).item()",
                ),
            ),
            "not torch.equal(model(**test).logits, model(**test).logits)",
        ),
        Correction(
            'print("I enjoyed this film:", ("negative", "positive")[prediction])',
            "Nothing is measured, so nobody knows whether the model learnt anything.",
            "Accuracy and calibration are measured on texts that were not trained on.",
            "",
            (
                (
                    'print("I enjoyed this film:", ("negative", "positive")[prediction])',
                    'print("I enjoyed this film:", ("negative", "positive")[prediction])\n'
                    'held_out = tokenizer(["A good film", "A bad film"], return_tensors="pt")\n'
                    "answers = model(**held_out).logits.argmax(-1)\n"
                    "accuracy = (answers == torch.tensor([1, 0])).float().mean().item()\n"
                    'print(f"accuracy on two other texts {accuracy:.0%}")',
                ),
            ),
            '"accuracy" not in globals()',
        ),
    ),
}


@functools.cache
def listing(stem: str) -> str:
    """The tutorial's listing of a chapter, without its docstring."""
    _, _, code = (TUTORIAL / f"{stem}.py").read_text(encoding="utf-8").partition("\n")
    return code.strip("\n")


@functools.cache
def ours(stem: str) -> str:
    """Our ``model.py`` of a chapter."""
    return (MODELS / stem / "model.py").read_text(encoding="utf-8").strip("\n")


def edited(line: str, edits: tuple[tuple[str, str], ...]) -> str | None:
    """What repairs a line of a listing, with its indentation; None if no edit is about it."""
    for old, new in edits:
        if line.strip() == old:
            indent = line[: len(line) - len(line.lstrip())]
            return "\n".join(indent + each if each else "" for each in new.split("\n"))
    return None


def repaired(stem: str, repairs: Collection[int]) -> str:
    """The listing with the edits of some corrections, by their indexes.

    Raises:
        ValueError: There is no correction with such an index.
    """
    found = CORRECTIONS[stem]
    if not set(repairs) <= set(range(len(found))):
        raise ValueError(f"The listing has {len(found)} corrections.")
    edits = tuple(edit for i in sorted(repairs) for edit in found[i].edits)
    lines = listing(stem).split("\n")
    return "\n".join(line if (new := edited(line, edits)) is None else new for line in lines)
