"""Train chapter 2's translator on a few pairs of sentences."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from torch import Tensor

from dlnlp.inference.batching import pad_rows
from dlnlp.models.char_seq2seq.model import EOS_ID, PAD_ID, SOS_ID, CharSeq2Seq, Config
from dlnlp.models.char_seq2seq.predictor import SPECIALS, CharSeq2SeqPredictor, save
from dlnlp.models.char_seq2seq.source import align, read
from dlnlp.text.vocabulary import Vocabulary
from dlnlp.training.progress import LONGEST, Answer, Rows, Settings
from dlnlp.training.task import Task

Example = list[tuple[list[int], list[int]]]  # the characters of both sides of each sentence


def needs_base(settings: Settings) -> bool:
    """Whether the training starts from the chapter's trained model."""
    return False


def build(settings: Settings, rows: Rows, base: None = None) -> Task:
    """The encoder and the decoder with attention for these pairs."""
    pairs = [as_read(english, french) for english, french in rows.rows]
    source, target = (
        Vocabulary.build(side, specials=SPECIALS)
        for side in zip(*itertools.chain.from_iterable(pairs), strict=True)
    )
    model = CharSeq2Seq(
        Config(len(source), len(target), max(16, settings.width // 2), settings.width, 1, 0.1)
    )
    predictor = CharSeq2SeqPredictor(model, source, target)
    examples = [
        [
            (source.encode(english), [SOS_ID, *target.encode(french), EOS_ID])
            for english, french in sentences
        ]
        for sentences in pairs
    ]

    def outputs(examples: Sequence[Example]) -> tuple[Tensor, Tensor]:
        sentences = list(itertools.chain.from_iterable(examples))
        english, lengths = pad_rows([source for source, _ in sentences])
        french, _ = pad_rows([target for _, target in sentences])
        logits, _ = model(english, lengths, french[:, :-1])
        targets = french[:, 1:]
        real = targets != PAD_ID
        return logits[real], targets[real]

    def answer(text: str) -> Answer:
        [found] = predictor.translate([text], beam_size=1)
        return Answer(found.text)

    return Task(model, predictor, examples, outputs, answer, save)


def as_read(english: str, french: str) -> list[tuple[str, str]]:
    """The sentences of a pair as the predictor reads and writes them.

    They are in normal casing, with a full stop, and one pair of sentences each, unless the
    translation has another number of sentences.
    """
    # Long sentences stay whole, because the parts of both sides may not correspond.
    sources, targets = align(read(english, LONGEST)[0], read(french, LONGEST)[0])
    pairs = []
    for sentence, translation in zip(sources, targets, strict=True):
        written = sentence.casing.written(translation.text)
        stop = "." if sentence.is_open and translation.is_open else ""
        pairs.append((sentence.canonical, written + stop))
    return pairs
