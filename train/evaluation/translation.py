"""Quality of the translator: chrF and BLEU by source and length, recall of words, copying."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sacrebleu.metrics import BLEU, CHRF

from dlnlp.models.char_seq2seq.fixed_attention import PATTERNS
from dlnlp.models.char_seq2seq.predictor import CharSeq2SeqPredictor
from train.data import sets
from train.data.copying import Copying
from train.data.pairs import Material, bare, frequent_words, phrasebook_entries
from train.data.sets import Pairs
from train.evaluation.copying import is_copied, probes
from train.evaluation.language_model import loops, percentage

BEAM_SIZE = 5
LENGTH_GROUPS = ((1, 15), (16, 30), (31, 60), (61, 10_000))  # characters
ATTENTION_SENTENCES = 600  # translated with fixed attention
WORDS = 1000  # most frequent words, of which the share that is recalled is measured
CASES = (  # their translations are on the card, right or wrong
    "hello",
    "HELLO",
    "Hi",
    "thanks",
    "goodbye",
    "bread",
    "house",
    "Good morning, Mrs Abernathy!",
    "My name is Zaphod Beeblebrox.",
    "Angela lives in Reykjavik.",
    "The train leaves at 17:45.",
    "He was born in 1984.",
    "It costs 1,250 dollars.",
    "Write to info@example.com.",
    "See https://www.example.org/help for more.",
    "A man in a blue shirt is standing on a ladder cleaning a window.",
    "I would have liked to see the red car that your brother sold last week.",
    "The quarterly report was rejected by the board of directors.",
    "asdf qwer zxcv",
)


def validation_sets(data_dir: Path | None, smoke: bool = False) -> dict[str, Pairs]:
    """The validation pairs of Tatoeba and of each source of ``pairs-en-fr``."""
    found = {
        "Tatoeba": sets.tatoeba("validation", data_dir),
        **sets.more_pairs("validation", data_dir),
    }
    return {name: pairs.head(8) for name, pairs in found.items()} if smoke else found


def figures(
    predictor: CharSeq2SeqPredictor, data_dir: Path | None, smoke: bool = False
) -> dict[str, Any]:
    """The metrics of training.json."""
    others = validation_sets(data_dir, smoke)
    tatoeba = others.pop("Tatoeba")
    material = Material.read(data_dir, smoke)
    words = frequent_words(material, 20 if smoke else WORDS)
    cases = zip(CASES, predictor.translate(CASES), strict=True)
    return {
        **quality_on_tatoeba(predictor, tatoeba),
        **({"chrf_by_source": chrf_by_source(predictor, others)} if others else {}),
        "chrf_by_attention": chrf_by_attention(predictor, tatoeba),
        "frequent_words_recalled": recalled(predictor, words),
        "phrasebook_recalled": recalled(predictor, phrasebook_entries(material)),
        "flagged_as_not_english": flagged(predictor, {"Tatoeba": tatoeba, **others}),
        "copied_of_100": copied(predictor, tatoeba, 4 if smoke else 100),
        "cases": {english: found.text for english, found in cases},
    }


@dataclass(frozen=True)
class Translated:
    """English texts, their translations and all references of each."""

    sources: list[str]
    outputs: list[str]
    references: list[list[str]]

    @property
    def chrf(self) -> float:
        """chrF (sacrebleu) against all references."""
        return _score(CHRF(), self)

    @property
    def bleu(self) -> float:
        """BLEU (sacrebleu) against all references."""
        return _score(BLEU(), self)

    def between(self, shortest: int, longest: int) -> Translated:
        """The texts whose English has this many characters."""
        rows = [i for i, text in enumerate(self.sources) if shortest <= len(text) <= longest]
        return Translated(
            [self.sources[i] for i in rows],
            [self.outputs[i] for i in rows],
            [self.references[i] for i in rows],
        )


def translated(
    predictor: CharSeq2SeqPredictor, pairs: Pairs, beam_size: int = BEAM_SIZE, limit: int = 0
) -> Translated:
    """The translations of all pairs.

    Args:
        limit: At most this many texts, evenly spread, because files are sorted by length.
    """
    sources, references = pairs.grouped()
    stride = -(-len(sources) // limit) if limit else 1
    sources, references = sources[::stride], references[::stride]
    was_training = predictor.model.training
    predictor.model.eval()
    outputs = [found.text for found in predictor.translate(sources, beam_size)]
    predictor.model.train(was_training)
    return Translated(sources, outputs, references)


def quality_on_tatoeba(predictor: CharSeq2SeqPredictor, pairs: Pairs) -> dict[str, Any]:
    """chrF and BLEU, also by length of the English, and the share of repeating outputs."""
    found = translated(predictor, pairs)
    repeating = sum(map(loops, found.outputs)) / max(1, len(found.outputs))
    return {
        "tatoeba_validation_chrf": found.chrf,
        "tatoeba_validation_bleu": found.bleu,
        "tatoeba_validation_sentences": len(found.sources),
        "beam_size": BEAM_SIZE,
        "repeating_share": round(repeating, 4),
        "chrf_by_source_length": chrf_by_length(found),
    }


def chrf_by_length(found: Translated) -> dict[str, dict[str, float]]:
    """chrF by the number of characters of the English."""
    groups = {
        f"{low}-{high}" if high < 10_000 else f">{low - 1}": found.between(low, high)
        for low, high in LENGTH_GROUPS
    }
    return {
        name: {"sentences": len(group.sources), "chrf": group.chrf}
        for name, group in groups.items()
        if group.sources
    }


def chrf_by_attention(predictor: CharSeq2SeqPredictor, pairs: Pairs) -> dict[str, dict[str, float]]:
    """chrF by length with the model's own attention and with each fixed pattern instead."""
    own = translated(predictor, pairs, limit=ATTENTION_SENTENCES)
    versions = {"own": own}
    for pattern in PATTERNS:
        outputs = [
            found.text for found in predictor.translate_fixed(own.sources, pattern, BEAM_SIZE)
        ]
        versions[pattern] = Translated(own.sources, outputs, own.references)
    return {
        name: {length: group["chrf"] for length, group in chrf_by_length(found).items()}
        for name, found in versions.items()
    }


def chrf_by_source(
    predictor: CharSeq2SeqPredictor, pairs: dict[str, Pairs]
) -> dict[str, dict[str, float]]:
    """chrF on the validation texts of each source."""
    found = {name: translated(predictor, rows) for name, rows in pairs.items()}
    return {name: {"texts": len(each.sources), "chrf": each.chrf} for name, each in found.items()}


def recalled(
    predictor: CharSeq2SeqPredictor, phrases: dict[str, set[str]], beam_size: int = BEAM_SIZE
) -> float:
    """The percentage of words or phrases whose output is one of their translations in training.

    They are given in lower case without a full stop; case and stops of the output do not count.
    This tests memory, not generalisation.
    """
    outputs = predictor.translate(list(phrases), beam_size)
    return percentage(
        [bare(out.text) in known for known, out in zip(phrases.values(), outputs, strict=True)]
    )


def flagged(predictor: CharSeq2SeqPredictor, pairs: dict[str, Pairs]) -> dict[str, float]:
    """The percentage of English and French validation texts that count as not English."""
    check = predictor.language
    if check is None:
        return {}
    texts = {
        "English": [text for rows in pairs.values() for text in rows.english],
        "French": [text for rows in pairs.values() for text in rows.french],
    }
    return {
        name: percentage([not check.looks_english(text) for text in found])
        for name, found in texts.items()
    }


def copied(predictor: CharSeq2SeqPredictor, validation: Pairs, count: int) -> dict[str, float]:
    """The percentage of names, addresses and numbers that are copied, of ``count`` each."""
    pairs = list(zip(validation.english, validation.french, strict=True))
    result = {}
    for kind, rows in probes(Copying(pairs), pairs, count, seed=0).items():
        outputs = predictor.translate([english for english, _ in rows])
        hits = [is_copied(new, found.text) for (_, new), found in zip(rows, outputs, strict=True)]
        result[kind] = percentage(hits)
    return result


def _score(metric: BLEU | CHRF, found: Translated) -> float:
    """Corpus score. Texts have different numbers of references; None fills the gaps."""
    width = max(map(len, found.references))
    streams = [[r[i] if i < len(r) else None for r in found.references] for i in range(width)]
    return round(metric.corpus_score(found.outputs, streams).score, 2)  # type: ignore[arg-type]
