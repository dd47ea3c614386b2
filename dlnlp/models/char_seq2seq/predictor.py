"""Chapter 2: English to French, character by character, with attention.

The encoder reads the source in both directions. The decoder's first GRU reads the French
written so far; its hidden state is the query that attention compares with every source
character; the context it returns is joined to the embedded input of the second GRU, which
names the next character. Because the query does not wait for the context, training runs in
parallel over the target, and decoding one step at a time gives the same numbers.
(Bahdanau et al. 2015; the scaled dot product is Luong et al.'s, 2015.)
"""

from __future__ import annotations

import functools
import heapq
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from dlnlp import checkpoint
from dlnlp.device import pick_device
from dlnlp.inference.batching import batches, pad_rows
from dlnlp.inference.beam_search import Hypothesis, State, beam_search, normalised
from dlnlp.inference.sampling import check_whole
from dlnlp.models.char_seq2seq.model import EOS_ID, SOS_ID, CharSeq2Seq, Config, Memory
from dlnlp.results import Translation
from dlnlp.text.casing import OPENING, Casing
from dlnlp.text.checks import check_text, check_texts
from dlnlp.text.sentences import sentences
from dlnlp.text.vocabulary import EOS, PAD, SOS, UNK, Vocabulary
from dlnlp.text.words import clean

SOURCE_VOCABULARY, TARGET_VOCABULARY = "source_vocab.json", "target_vocab.json"
SPECIALS = (SOS, EOS)
MAX_CHARACTERS = 600
LONGEST_SENTENCE = 150  # characters, about the most it was trained on
STOPS = ".!?"
_LAST_STOP = re.compile(rf" ?[{STOPS}]?$")
BATCH_CHARACTERS = 4096
MAX_BEAM = 20


collate = pad_rows  # train.char_seq2seq imports it under this name


class CharSeq2SeqPredictor:
    """A trained translator with its two alphabets; safe to share between threads.

    It translates sentence by sentence, as it was trained; a blank stands between them on both
    sides, and each sentence's attention lies within that sentence. A sentence without its stop is
    read with one and the French stop is left out, though the score counts it.
    """

    def __init__(self, model: CharSeq2Seq, source: Vocabulary, target: Vocabulary) -> None:
        self.model = model.eval()
        self.source_vocabulary = source
        self.target_vocabulary = target

    @property
    def device(self) -> torch.device:
        """Where the model's weights are."""
        return self.model.decoder.output.weight.device

    def translate(self, texts: Sequence[str], beam_size: int = 5) -> list[Translation]:
        """The best French for each English text; the first ``MAX_CHARACTERS`` are read.

        Raises:
            TypeError: ``texts`` is no list of strings.
            ValueError: ``beam_size`` is not a whole number from 1 to 20.
        """
        return [found[0] for found in self._search(check_texts(texts), beam_size)]

    def candidates(self, text: str, n: int = 5) -> list[Translation]:
        """The ``n`` best translations that a beam of that size ends with, best first.

        Raises:
            TypeError: ``text`` is no string.
            ValueError: ``n`` is not a whole number from 1 to 20.
        """
        return self._search([check_text(text)], n)[0]

    @torch.inference_mode()  # which also holds where the generator is resumed elsewhere
    def stream(self, text: str) -> Iterator[str]:
        """The characters of the greedy translation, as they come."""
        source, _ = self._source(check_text(text))
        for place, sentence in enumerate(source):
            if place:
                yield " "
            yield from self._greedy(sentence)

    def _greedy(self, sentence: Sentence) -> Iterator[str]:
        memory = self._memory([sentence])
        state: State = (memory.first, memory.second)
        token, first, held, written = SOS_ID, True, "", False
        for _ in range(max_length(len(sentence.text))):
            log_probs, _, state = self._step(memory, torch.tensor([token]), state)
            token = int(log_probs.argmax())
            if token == EOS_ID:
                break
            character = self.target_vocabulary.tokens[token]
            cased = first or sentence.casing.capitals
            held += sentence.casing.restored(character) if cased else character
            first = first and character in OPENING
            ready = _LAST_STOP.sub("", held) if sentence.is_open else held
            if ready:  # what may be a stop waits for what follows
                yield ready
                held, written = held[len(ready) :], True
        if not written:
            yield held

    @torch.inference_mode()
    def force(self, text: str, target: str) -> Translation:
        """The user's own French, scored character by character with its attention.

        It is compared sentence by sentence where it has as many as the English.

        Raises:
            TypeError: ``text`` or ``target`` is no string.
        """
        source, cut = self._source(check_text(text), MAX_CHARACTERS)
        wanted, beyond = self._source(check_text(target, "target"), MAX_CHARACTERS)
        cut = cut or beyond
        if not source:
            return joined([], cut)
        if len(source) != len(wanted):
            source, wanted = whole(source), whole(wanted)
        targets = [each.text for each in wanted]
        return joined(list(map(self._forced, source, targets)), cut)

    def _forced(self, sentence: Sentence, target: str) -> Translation:
        casing, wanted = sentence.casing, target
        if casing.restored(wanted) == wanted:  # cased like the source
            wanted = casing.written(wanted)
        # Of a sentence without its stop the French has none, either: the one that suits is added.
        stops = ("", *(f"{blank}{stop}" for stop in STOPS for blank in ("", " ")))
        rows = [
            self.target_vocabulary.encode(wanted + stop)
            for stop in (stops if sentence.is_open else ("",))
        ]
        memory = self._memory([sentence]).select(torch.zeros(len(rows), dtype=torch.long))
        inputs, _ = collate([[SOS_ID, *row] for row in rows])
        following, _ = collate([[*row, EOS_ID] for row in rows])
        logits, attention, _ = self.model.decoder(
            memory, inputs.to(self.device), (memory.first, memory.second)
        )
        picked = -F.cross_entropy(
            logits.float().transpose(1, 2),
            following.to(self.device),
            ignore_index=0,
            reduction="none",
        ).cpu()  # (B, T)
        scores = picked.sum(dim=1).tolist()
        best = max(range(len(rows)), key=lambda i: normalised(scores[i], len(rows[i])))
        size = len(target)
        return Translation(
            target,
            scores[best],
            tuple(sentence.text),
            tuple(target),
            picked[best, :size].numpy(),
            _within(attention[best, :size].cpu(), sentence),
        )

    def _source(self, text: str, longest: int = LONGEST_SENTENCE) -> tuple[list[Sentence], bool]:
        """The sentences that are read, and whether there would be more."""
        text = clean(text)
        read = text[:MAX_CHARACTERS].rstrip()
        found = [Sentence(part, read) for part in sentences(read, longest)] if read else []
        return found, len(text) > MAX_CHARACTERS

    def _memory(self, source: Sequence[Sentence]) -> Memory:
        texts = [sentence.canonical for sentence in source]
        ids, lengths = collate([self.source_vocabulary.encode(text) for text in texts])
        memory: Memory = self.model.encoder(ids.to(self.device), lengths)
        return memory

    def _step(self, memory: Memory, tokens: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """Log-probabilities (B, V), attention (B, S) and state after one more character each."""
        tokens = tokens.to(self.device).unsqueeze(1)
        logits, attention, state = self.model.decoder(memory, tokens, state)
        log_probs = F.log_softmax(logits[:, 0].float(), dim=-1)
        log_probs[:, :EOS_ID] = -torch.inf  # <pad>, <unk> and <sos> are never written,
        log_probs[tokens[:, 0] == SOS_ID, EOS_ID] = -torch.inf  # nor is nothing at all
        return log_probs, attention[:, 0], state

    @torch.inference_mode()
    def _search(self, texts: list[str], beam_size: int) -> list[list[Translation]]:
        check_whole("The beam size", beam_size, 1, MAX_BEAM)
        sources = [self._source(text) for text in texts]
        every = [sentence for source, _ in sources for sentence in source]
        found: list[list[Rated]] = [[] for _ in every]
        budget = max(1, BATCH_CHARACTERS // beam_size)
        for rows in batches([len(sentence.text) for sentence in every], budget):
            memory = self._memory([every[i] for i in rows])
            memory = memory.select(torch.arange(len(rows)).repeat_interleave(beam_size))
            hypotheses = beam_search(
                functools.partial(self._step, memory),
                (memory.first, memory.second),
                limits=[max_length(len(every[i].text)) for i in rows],
                beam_size=beam_size,
                start=SOS_ID,
                end=EOS_ID,
            )
            for i, best in zip(rows, hypotheses, strict=True):
                unique: dict[str, Rated] = {}
                for hypothesis in best:
                    rate = normalised(hypothesis.score, len(hypothesis.tokens))
                    translation = self._translation(every[i], hypothesis)
                    unique.setdefault(translation.text, (rate, translation))
                found[i] = list(unique.values())
        results, remaining = [], iter(found)
        for source, cut in sources:
            options = list(itertools.islice(remaining, len(source)))
            results.append([joined(parts, cut) for parts in likeliest(options, beam_size)])
        return results

    def _translation(self, sentence: Sentence, found: Hypothesis) -> Translation:
        text = sentence.casing.restored("".join(self.target_vocabulary.decode(found.tokens)))
        if sentence.is_open:
            text = _LAST_STOP.sub("", text) or text
        return Translation(
            text,
            found.score,
            tuple(sentence.text),
            tuple(text),
            found.log_probs[: len(text)].numpy(),
            _within(found.attention[: len(text)], sentence),
        )


class Sentence:
    """One of a text's sentences, as it was typed and as the model reads it.

    ``canonical`` is cased as usual and has its stop; one that lacks it is open.
    """

    def __init__(self, text: str, within: str) -> None:
        self.text = text
        self.casing = Casing(text, within)
        self.is_open = text[-1:].isalnum()
        self.canonical = self.casing.canonical(text) + ("." if self.is_open else "")


def whole(source: Sequence[Sentence]) -> list[Sentence]:
    """The sentences as a single one."""
    text = " ".join(sentence.text for sentence in source)
    return [Sentence(text, text)]


def _within(attention: Tensor, sentence: Sentence) -> np.ndarray:
    """Attention (T, S) to what was typed: its last character stands for a stop it lacks."""
    found = attention[:, : len(sentence.text)].clone()
    if sentence.is_open:
        found[:, -1] += attention[:, len(sentence.text)]
    return found.numpy()


Rated = tuple[float, Translation]  # a sentence's, and what the beam ranks it by


def likeliest(options: Sequence[Sequence[Rated]], count: int) -> list[list[Translation]]:
    """The ``count`` choices of one translation for each sentence whose rates sum highest."""
    found: list[tuple[float, list[Translation]]] = [(0.0, [])]
    for sentence in options:
        longer = [
            (rate + further, [*chosen, each])
            for rate, chosen in found
            for further, each in sentence
        ]
        found = heapq.nlargest(count, longer, key=lambda pair: pair[0])
    return [chosen for _, chosen in found]


def joined(parts: Sequence[Translation], truncated: bool = False) -> Translation:
    """Translations of sentences as one of the text, a blank between any two.

    That blank is certain, and looked at the blank in its place.
    """
    rows = sum(len(part.target) + 1 for part in parts) - 1
    columns = sum(len(part.source) + 1 for part in parts) - 1
    log_probs = np.zeros(max(0, rows), dtype=np.float32)
    attention = np.zeros((max(0, rows), max(0, columns)), dtype=np.float32)
    row = column = 0
    for part in parts:
        if row:
            attention[row - 1, column - 1] = 1.0
        end, right = row + len(part.target), column + len(part.source)
        log_probs[row:end] = part.log_probs
        attention[row:end, column:right] = part.attention
        row, column = end + 1, right + 1
    return Translation(
        " ".join(part.text for part in parts),
        sum((part.score for part in parts), 0.0),
        tuple(" ".join("".join(part.source) for part in parts)),
        tuple(" ".join("".join(part.target) for part in parts)),
        log_probs,
        attention,
        truncated,
        max(1, len(parts)),
    )


def max_length(source_length: int) -> int:
    """The longest target that decoding may write: a bound, so that nothing loops for ever."""
    return 2 * source_length + 20


def load(folder: Path, device: str | None = None) -> CharSeq2SeqPredictor:
    """The predictor of a checkpoint folder.

    Raises:
        CheckpointError: The folder is missing, damaged or does not fit this code.
    """
    checkpoint.verify(folder)
    config = checkpoint.read_json(folder, checkpoint.CONFIG)
    try:
        source, target = (
            Vocabulary.loads((folder / name).read_text(encoding="utf-8"))
            for name in (SOURCE_VOCABULARY, TARGET_VOCABULARY)
        )
        model = CharSeq2Seq(Config(**config))
    except (TypeError, ValueError) as fault:
        raise checkpoint.CheckpointError(folder, f"does not fit this code ({fault})") from None
    checkpoint.load_weights(folder, model)
    return CharSeq2SeqPredictor(model.to(pick_device(device)), source, target)


def save(folder: Path, predictor: CharSeq2SeqPredictor, training: dict[str, object]) -> None:
    """Write the predictor's checkpoint folder."""
    files = {
        SOURCE_VOCABULARY: predictor.source_vocabulary.dumps(),
        TARGET_VOCABULARY: predictor.target_vocabulary.dumps(),
    }
    model = predictor.model
    checkpoint.save(folder, asdict(model.config), model, files, training)


def tiny() -> CharSeq2SeqPredictor:
    """A seeded, untrained predictor of a small alphabet."""
    letters = [PAD, UNK, *SPECIALS, *" !',.?abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"]
    source, target = Vocabulary(letters), Vocabulary([*letters, *"àâçèéêîôùû"])
    config = Config(len(source), len(target), embed_dim=8, hidden_dim=16, encoder_layers=1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = CharSeq2Seq(config)
    return CharSeq2SeqPredictor(model, source, target)
