"""Chapter 2: from English text to French text, with the attention that belongs to it.

The model translates one sentence at a time, as it was trained. This file splits a text into
sentences, searches for their translations in batches, and puts these together again.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dlnlp import checkpoint
from dlnlp.device import pick_device
from dlnlp.inference.batching import batches, pad_rows
from dlnlp.inference.beam_search import Hypothesis, beam_search, normalised
from dlnlp.inference.deadline import check_deadline
from dlnlp.inference.sampling import check_whole
from dlnlp.models.char_seq2seq.assembly import Rated, joined, likeliest
from dlnlp.models.char_seq2seq.forced_scores import score
from dlnlp.models.char_seq2seq.length_penalty import LengthPenalty
from dlnlp.models.char_seq2seq.model import EOS_ID, SOS_ID, CharSeq2Seq, Config, Memory, greedy
from dlnlp.models.char_seq2seq.source import LONGEST_SENTENCE as LONGEST_SENTENCE
from dlnlp.models.char_seq2seq.source import MAX_CHARACTERS, Sentence, align, max_length, read
from dlnlp.results import Translation
from dlnlp.text.checks import check_text, check_texts
from dlnlp.text.vocabulary import EOS, PAD, SOS, UNK, Vocabulary

collate = pad_rows  # the name that train.char_seq2seq imports
SOURCE_VOCABULARY, TARGET_VOCABULARY = "source_vocab.json", "target_vocab.json"
LENGTH_PENALTY = "length_penalty"  # in config.json
SPECIALS = (SOS, EOS)
STOPS = ("", ".", " .", "!", " !", "?", " ?")  # how a French sentence may end
BATCH_CHARACTERS = 4096
MAX_BEAM = 20


class CharSeq2SeqPredictor:
    """A trained translator with its two character vocabularies; safe to share between threads.

    A sentence typed without a full stop is read with one, and the stop of its translation is
    removed; ``score`` includes that stop. All methods raise ``DeadlineExceeded`` when the
    deadline of the current context passes (``dlnlp.inference.deadline``).
    """

    def __init__(
        self,
        model: CharSeq2Seq,
        source: Vocabulary,
        target: Vocabulary,
        length_penalty: LengthPenalty | None = None,
    ) -> None:
        self.model = model.eval()
        self.source_vocabulary = source
        self.target_vocabulary = target
        self.length_penalty = length_penalty or LengthPenalty()

    @property
    def device(self) -> torch.device:
        """The device of the model's weights."""
        return self.model.decoder.output.weight.device

    def translate(self, texts: Sequence[str], beam_size: int = 5) -> list[Translation]:
        """The best translation of each English text.

        The first ``MAX_CHARACTERS`` are read, up to the end of a sentence. Line breaks are kept.

        Raises:
            TypeError: ``texts`` is not a list of strings.
            ValueError: ``beam_size`` is not a whole number from 1 to 20.
        """
        return [found[0] for found in self._search(check_texts(texts), beam_size)]

    def candidates(self, text: str, n: int = 5) -> list[Translation]:
        """The ``n`` best translations that beam search of size ``n`` finds, best first.

        Raises:
            TypeError: ``text`` is not a string.
            ValueError: ``n`` is not a whole number from 1 to 20.
        """
        return self._search([check_text(text)], n)[0]

    def stream(self, text: str) -> Iterator[str]:
        """Yield the greedy translation piece by piece while it is written.

        Raises:
            TypeError: ``text`` is not a string.
        """
        for sentence in read(check_text(text))[0]:
            yield from sentence.streamed(self._greedy(sentence))
            if sentence.separator:
                yield sentence.separator

    def _greedy(self, sentence: Sentence) -> Iterator[str]:
        ids = self.source_vocabulary.encode(sentence.canonical)
        for token in greedy(self.model, ids, max_length(sentence)):
            check_deadline()
            yield self.target_vocabulary.tokens[token]

    @torch.inference_mode()
    def force(self, text: str, target: str) -> Translation:
        """Score a given translation of a text, with its attention, by teacher forcing.

        Sentences are scored one by one if both texts have equally many, else line by line or as
        a whole.

        Raises:
            TypeError: ``text`` or ``target`` is not a string.
        """
        source, cut = read(check_text(text), longest=MAX_CHARACTERS)
        wanted, target_cut = read(check_text(target, "target"), longest=MAX_CHARACTERS)
        truncated = cut or target_cut
        if not source:
            return joined([], [], truncated=truncated)
        pairs = list(zip(*align(source, wanted), strict=True))
        return joined(
            [self._forced(sentence, given.text) for sentence, given in pairs],
            [sentence.separator for sentence, _ in pairs],
            [given.separator for _, given in pairs],
            truncated,
        )

    def _forced(self, sentence: Sentence, target: str) -> Translation:
        check_deadline()
        ids = self.target_vocabulary.encode(sentence.as_written(target))
        # If the source lacks its stop, so does the target, and the best stop is added.
        stops = [self.target_vocabulary.encode(s) for s in (STOPS if sentence.is_open else ("",))]
        log_probs, scores, attention = score(self.model, self._memory([sentence]), ids, stops)
        alpha = self._alpha(sentence)
        best = max(
            range(len(stops)), key=lambda i: normalised(scores[i], len(ids + stops[i]), alpha)
        )
        return Translation(
            target,
            scores[best],
            tuple(sentence.text),
            tuple(target),
            log_probs.numpy(),
            _as_typed(attention, sentence),
        )

    def _memory(self, sentences: Sequence[Sentence]) -> Memory:
        ids, lengths = pad_rows([self.source_vocabulary.encode(s.canonical) for s in sentences])
        memory: Memory = self.model.encoder(ids.to(self.device), lengths)
        return memory

    def _alpha(self, sentence: Sentence) -> float:
        return self.length_penalty.alpha(len(sentence.canonical))

    @torch.inference_mode()
    def _search(self, texts: list[str], beam_size: int) -> list[list[Translation]]:
        """The best translations of each text, best first."""
        check_whole("The beam size", beam_size, 1, MAX_BEAM)
        sources = [read(text) for text in texts]
        every = [sentence for sentences, _ in sources for sentence in sentences]
        found: list[list[Rated]] = [[] for _ in every]
        budget = max(1, BATCH_CHARACTERS // beam_size)
        for rows in batches([len(sentence.text) for sentence in every], budget):
            batch = [every[i] for i in rows]
            for i, best in zip(rows, self.hypotheses(batch, beam_size), strict=True):
                unique: dict[str, Rated] = {}
                for hypothesis in best:
                    translation = self._translation(every[i], hypothesis)
                    unique.setdefault(translation.text, (hypothesis.rate, translation))
                found[i] = list(unique.values())
        results, remaining = [], iter(found)
        for sentences, truncated in sources:
            options = list(itertools.islice(remaining, len(sentences)))
            gaps = [sentence.separator for sentence in sentences]
            chosen = likeliest(options, beam_size)
            results.append([joined(parts, gaps, truncated=truncated) for parts in chosen])
        return results

    @torch.inference_mode()
    def hypotheses(self, batch: Sequence[Sentence], beam_size: int) -> list[list[Hypothesis]]:
        """What beam search finds for each sentence, best first."""
        memory = self._memory(batch).select(torch.arange(len(batch)).repeat_interleave(beam_size))
        return beam_search(
            functools.partial(self.model.step, memory),
            (memory.first, memory.second),
            [max_length(sentence) for sentence in batch],
            [self._alpha(sentence) for sentence in batch],
            beam_size=beam_size,
            start=SOS_ID,
            end=EOS_ID,
        )

    def _translation(self, sentence: Sentence, found: Hypothesis) -> Translation:
        text = sentence.restored("".join(self.target_vocabulary.decode(found.tokens)))
        return Translation(
            text,
            found.score,
            tuple(sentence.text),
            tuple(text),
            found.log_probs[: len(text)].numpy(),
            _as_typed(found.attention[: len(text)], sentence),
        )


def _as_typed(attention: Tensor, sentence: Sentence) -> np.ndarray:
    """Attention (T, S) over the characters typed: what an added stop gets goes to the last one."""
    found = attention[:, : len(sentence.text)].clone()
    if sentence.is_open:
        found[:, -1] += attention[:, len(sentence.text)]
    return found.numpy()


def load(folder: Path, device: str | None = None) -> CharSeq2SeqPredictor:
    """The predictor of a checkpoint folder.

    Raises:
        CheckpointError: The folder is missing, damaged or does not fit this code.
    """
    checkpoint.verify(folder)
    config = checkpoint.read_json(folder, checkpoint.CONFIG)
    try:
        penalty = LengthPenalty.from_json(config.pop(LENGTH_PENALTY, {}))
        source, target = (
            Vocabulary.loads((folder / name).read_text(encoding="utf-8"))
            for name in (SOURCE_VOCABULARY, TARGET_VOCABULARY)
        )
        model = CharSeq2Seq(Config(**config))
    except (AttributeError, TypeError, ValueError) as fault:
        raise checkpoint.CheckpointError(folder, f"does not fit this code ({fault})") from None
    checkpoint.load_weights(folder, model)
    return CharSeq2SeqPredictor(model.to(pick_device(device)), source, target, penalty)


def save(folder: Path, predictor: CharSeq2SeqPredictor, training: dict[str, object]) -> None:
    """Write the predictor's checkpoint folder."""
    files = {
        SOURCE_VOCABULARY: predictor.source_vocabulary.dumps(),
        TARGET_VOCABULARY: predictor.target_vocabulary.dumps(),
    }
    model, penalty = predictor.model, predictor.length_penalty
    config = {**asdict(model.config), LENGTH_PENALTY: penalty.as_json()}
    checkpoint.save(folder, config, model, files, training)


def tiny() -> CharSeq2SeqPredictor:
    """An untrained predictor with a small alphabet; the seed is fixed."""
    letters = [PAD, UNK, *SPECIALS, *" !',.?abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"]
    source, target = Vocabulary(letters), Vocabulary([*letters, *"àâçèéêîôùû"])
    config = Config(len(source), len(target), embed_dim=8, hidden_dim=16, encoder_layers=1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = CharSeq2Seq(config)
    return CharSeq2SeqPredictor(model, source, target)
