"""Train chapter 3's Transformer on a few texts."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from tokenizers import Tokenizer
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer
from torch import Tensor

from dlnlp.inference.batching import pad_rows
from dlnlp.models.token_transformer.model import TransformerModel
from dlnlp.models.token_transformer.predictor import TokenTransformerPredictor, save
from dlnlp.text.byte_level import BEGIN, BEGIN_ID, UNK, empty_tokenizer
from dlnlp.training.progress import Answer, Rows, Settings
from dlnlp.training.task import Task

CONTEXT = 128
LAYERS = 2
MERGED = 300  # tokens beside the 256 bytes
ANSWERED = 20  # tokens
END = "\n"  # of each text


def needs_base(settings: Settings) -> bool:
    """Whether the training starts from the chapter's trained model."""
    return False


def build(settings: Settings, rows: Rows, base: None = None) -> Task:
    """A Transformer for these texts, with a byte-level BPE that is trained on them, too."""
    texts = [text for (text,) in rows.rows]
    tokenizer = _tokenizer(texts)
    model = TransformerModel(
        tokenizer.get_vocab_size(),
        settings.width,
        4 if settings.width % 32 == 0 else 2,
        LAYERS,
        context=CONTEXT,
        dropout=0.1,
    )
    # The model writes itself: a faster engine would keep copies of weights that change.
    predictor = TokenTransformerPredictor(model, tokenizer, writer=model)
    examples = [
        torch.tensor([BEGIN_ID, *encoding.ids][: CONTEXT + 1])
        for encoding in tokenizer.encode_batch([text + END for text in texts])
    ]

    def outputs(examples: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        tokens, lengths = pad_rows([each.tolist() for each in examples])
        real = torch.arange(1, tokens.shape[1]) < lengths.unsqueeze(1)
        return model(tokens[:, :-1])[real], tokens[:, 1:][real]

    def answer(text: str) -> Answer:
        pieces = predictor.generate(text, max_new_tokens=ANSWERED, temperature=0.0)
        return Answer(text + "".join(pieces).partition(END)[0])

    return Task(model, predictor, examples, outputs, answer, save)


def _tokenizer(texts: list[str]) -> Tokenizer:
    tokenizer = empty_tokenizer()
    trainer = BpeTrainer(
        vocab_size=2 + 256 + MERGED,
        special_tokens=[UNK, BEGIN],
        initial_alphabet=ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer
