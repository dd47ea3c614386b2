"""Chapter 2's predictor: translates English text into French, with attention.

The model was trained on single sentences. The predictor splits a text into sentences, translates
them in batches, and joins the translations.
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
from dlnlp.inference.beam_search import Hypothesis, Step, beam_search, normalised
from dlnlp.inference.deadline import check_deadline
from dlnlp.inference.sampling import check_whole
from dlnlp.inference.walk import walk
from dlnlp.models.char_seq2seq import model as chapter
from dlnlp.models.char_seq2seq.assembly import Rated, joined, likeliest
from dlnlp.models.char_seq2seq.fixed_attention import PATTERNS, FixedAttention, Pattern
from dlnlp.models.char_seq2seq.forced_scores import score
from dlnlp.models.char_seq2seq.length_penalty import LengthPenalty
from dlnlp.models.char_seq2seq.model import EOS_ID, SOS_ID, CharSeq2Seq, Config, Memory, greedy
from dlnlp.models.char_seq2seq.source import Sentence, align, max_length, read
from dlnlp.models.untrained import seeded_weights
from dlnlp.results import Translation
from dlnlp.text.checks import MAX_TRANSLATED, check_text, check_texts
from dlnlp.text.language import LANGUAGES, LanguageCheck, language_check
from dlnlp.text.vocabulary import EOS, PAD, SOS, UNK, Vocabulary
from dlnlp.views import Walk

SOURCE_VOCABULARY, TARGET_VOCABULARY = "source_vocab.json", "target_vocab.json"
LENGTH_PENALTY = "length_penalty"  # in config.json
SPECIALS = (SOS, EOS)
STOPS = ("", ".", " .", "!", " !", "?", " ?")  # how a French sentence may end
BATCH_CHARACTERS = 4096
MAX_BEAM = 20
MOST_WALKED = 40  # characters of a walk


class CharSeq2SeqPredictor:
    """A trained CharSeq2Seq with its two character vocabularies; safe to share between threads.

    A full stop is added to a sentence that ends without one, and removed from its translation;
    ``score`` includes it. All methods raise ``DeadlineExceeded`` when the
    deadline of the current context passes (``dlnlp.inference.deadline``).

    Args:
        language: Recognises texts that are not English; without it, all texts count as English.
    """

    def __init__(
        self,
        model: CharSeq2Seq,
        source: Vocabulary,
        target: Vocabulary,
        length_penalty: LengthPenalty | None = None,
        language: LanguageCheck | None = None,
    ) -> None:
        self.model = model.eval()
        self.source_vocabulary = source
        self.target_vocabulary = target
        self.length_penalty = length_penalty or LengthPenalty()
        self.language = language

    @property
    def device(self) -> torch.device:
        """The device of the model's weights."""
        return self.model.decoder.output.weight.device

    def translate(self, texts: Sequence[str], beam_size: int = 5) -> list[Translation]:
        """The best translation of each English text.

        Only the first ``MAX_TRANSLATED`` characters are read, up to the end of a sentence. Line
        breaks are kept.

        Raises:
            TypeError: ``texts`` is not a list of strings.
            ValueError: ``beam_size`` is not a whole number from 1 to 20.
        """
        return [found[0] for found in self._search(check_texts(texts), beam_size)]

    def candidates(self, text: str, n: int = 5) -> list[Translation]:
        """The best translations that beam search with ``n`` beams finds, at most ``n``, best first.

        Raises:
            TypeError: ``text`` is not a string.
            ValueError: ``n`` is not a whole number from 1 to 20.
        """
        return self._search([check_text(text)], n)[0]

    def fixed_attention(
        self, text: str, attention: str = "uniform", beam_size: int = 5
    ) -> Translation:
        """The translation of a text with fixed attention weights instead of the model's own.

        Args:
            attention: "uniform", "last" or "diagonal" (see ``fixed_attention.PATTERNS``).

        Raises:
            TypeError: ``text`` is not a string.
            ValueError: There is no such pattern, or ``beam_size`` is not a whole number from 1
                to 20.
        """
        return self.translate_fixed([check_text(text)], attention, beam_size)[0]

    def translate_fixed(
        self, texts: Sequence[str], attention: str, beam_size: int = 5
    ) -> list[Translation]:
        """Like ``fixed_attention``, for many texts."""
        if attention not in PATTERNS:
            known = ", ".join(PATTERNS)
            raise ValueError(f"The attention must be one of {known}, not {attention!r}.")
        found = self._search(check_texts(texts), beam_size, PATTERNS[attention])
        return [best[0] for best in found]

    def stream(self, text: str) -> Iterator[str]:
        """Yield the greedy translation piece by piece as it is generated.

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
        """Score a given translation of a text by teacher forcing, with its attention.

        Sentences are scored one by one if both texts have the same number of them; otherwise
        lines or the whole texts are scored.

        Raises:
            TypeError: ``text`` or ``target`` is not a string.
        """
        source, cut = read(check_text(text), longest=MAX_TRANSLATED)
        wanted, target_cut = read(check_text(target, "target"), longest=MAX_TRANSLATED)
        truncated = cut or target_cut
        if not source:
            return joined([], [], truncated=truncated)
        pairs = list(zip(*align(source, wanted), strict=True))
        return joined(
            [self._forced(sentence, given.text) for sentence, given in pairs],
            [sentence.separator for sentence, _ in pairs],
            [given.separator for _, given in pairs],
            truncated,
            self._looks_english(text),
        )

    def walk(self, text: str) -> Walk:
        """The forward pass of the first sentence and its greedy translation, call by call.

        Only the first ``MOST_WALKED`` characters of each are used.

        Raises:
            TypeError: ``text`` is not a string.
        """
        sentences, cut = read(check_text(text))
        canonical = sentences[0].canonical if sentences else "."
        source = canonical[:MOST_WALKED]
        ids = self.source_vocabulary.encode(source)
        written = [SOS_ID, *greedy(self.model, ids, MOST_WALKED - 1)]
        inputs = (torch.tensor([each], device=self.device) for each in (ids, written))
        source_ids, target_ids = inputs
        lengths = torch.tensor([len(ids)])
        return walk(
            self.model,
            lambda: self.model(source_ids, lengths, target_ids),
            [chapter.__file__],
            "characters",
            source,
            [self.target_vocabulary.tokens[token] for token in written],
            truncated=cut or len(sentences) > 1 or len(source) < len(canonical),
        )

    def _forced(self, sentence: Sentence, target: str) -> Translation:
        check_deadline()
        ids = self.target_vocabulary.encode(sentence.as_written(target))
        # If the source lacks a full stop, the target does too; it gets the most likely ending.
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
    def _search(
        self, texts: list[str], beam_size: int, pattern: Pattern | None = None
    ) -> list[list[Translation]]:
        """The best translations of each text, best first."""
        check_whole("The beam size", beam_size, 1, MAX_BEAM)
        sources = [read(text) for text in texts]
        every = [sentence for sentences, _ in sources for sentence in sentences]
        found: list[list[Rated]] = [[] for _ in every]
        budget = max(1, BATCH_CHARACTERS // beam_size)
        for rows in batches([len(sentence.text) for sentence in every], budget):
            batch = [every[i] for i in rows]
            for i, best in zip(rows, self.hypotheses(batch, beam_size, pattern), strict=True):
                unique: dict[str, Rated] = {}
                for hypothesis in best:
                    translation = self._translation(every[i], hypothesis)
                    unique.setdefault(translation.text, (hypothesis.rate, translation))
                found[i] = list(unique.values())
        results, remaining = [], iter(found)
        for text, (sentences, truncated) in zip(texts, sources, strict=True):
            options = list(itertools.islice(remaining, len(sentences)))
            gaps = [sentence.separator for sentence in sentences]
            chosen = likeliest(options, beam_size)
            english = self._looks_english(text)
            results.append([joined(p, gaps, None, truncated, english) for p in chosen])
        return results

    def _looks_english(self, text: str) -> bool:
        return self.language is None or self.language.looks_english(text)

    @torch.inference_mode()
    def hypotheses(
        self, batch: Sequence[Sentence], beam_size: int, pattern: Pattern | None = None
    ) -> list[list[Hypothesis]]:
        """The hypotheses of beam search for each sentence, best first.

        Args:
            pattern: Attention to use instead of the model's own.
        """
        memory = self._memory(batch).select(torch.arange(len(batch)).repeat_interleave(beam_size))
        step: Step = functools.partial(self.model.step, memory)
        return beam_search(
            step if pattern is None else FixedAttention(self.model, memory, pattern),
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
    """Attention (T, S) over the typed characters; that to an added stop goes to the last one."""
    found = attention[:, : len(sentence.text)].clone()
    if sentence.is_open:
        found[:, -1] += attention[:, len(sentence.text)]
    return found.numpy()


def load(folder: Path, device: str | None = None) -> CharSeq2SeqPredictor:
    """The predictor of a checkpoint folder.

    Raises:
        CheckpointError: The folder is missing, damaged or does not fit this code.
    """
    config = checkpoint.read_config(folder)
    with checkpoint.fitting(folder):
        penalty = LengthPenalty.from_json(config.pop(LENGTH_PENALTY, {}))
        source, target = (
            Vocabulary.loads((folder / name).read_text(encoding="utf-8"))
            for name in (SOURCE_VOCABULARY, TARGET_VOCABULARY)
        )
        language = language_check(folder)
        model = CharSeq2Seq(Config(**config))
    checkpoint.load_weights(folder, model)
    return CharSeq2SeqPredictor(model.to(pick_device(device)), source, target, penalty, language)


def save(folder: Path, predictor: CharSeq2SeqPredictor, training: dict[str, object]) -> None:
    """Write the predictor's checkpoint folder."""
    files = {
        SOURCE_VOCABULARY: predictor.source_vocabulary.dumps(),
        TARGET_VOCABULARY: predictor.target_vocabulary.dumps(),
    }
    if predictor.language:
        files[LANGUAGES] = predictor.language.dumps()
    model, penalty = predictor.model, predictor.length_penalty
    config = {**asdict(model.config), LENGTH_PENALTY: penalty.as_json()}
    checkpoint.save(folder, config, model, files, training)


def tiny() -> CharSeq2SeqPredictor:
    """A small predictor with seeded random weights and a small alphabet."""
    letters = [PAD, UNK, *SPECIALS, *" !',.?abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"]
    source, target = Vocabulary(letters), Vocabulary([*letters, *"àâçèéêîôùû"])
    config = Config(len(source), len(target), embed_dim=8, hidden_dim=16, encoder_layers=1)
    with seeded_weights():
        model = CharSeq2Seq(config)
    return CharSeq2SeqPredictor(model, source, target)
