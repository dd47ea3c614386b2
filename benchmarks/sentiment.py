"""Compare the sentiment models' speed with transformers' pipeline, as a Markdown table.

``python -m benchmarks.sentiment [--data-dir DIR] [--threads 2]``. All contenders run in one
process and take turns for several rounds; only the ratios of their medians are meaningful. Each
classifies a single sentence many times in a row, because the idle threads of a library keep
spinning for a while and would slow down the next contender.
"""

from __future__ import annotations

import argparse
import random
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.timing import Call, race
from dlnlp.checkpoint import CONFIG, ROOT, load_weights, read_json
from dlnlp.models.sentiment_bert import predictor as sentiment_bert
from dlnlp.models.sentiment_bert.predictor import SentimentBertPredictor
from dlnlp.models.sentiment_lstm import predictor as sentiment_lstm
from dlnlp.models.sentiment_lstm.predictor import SentimentLSTMPredictor
from dlnlp.text.words import natural
from train.data import sets
from train.data.generated import training_rows

BATCH_SIZES = (1, 8, 16, 32, 64)
CALLS = 20  # per round for a single sentence; many texts are classified once per round
TRIAL = 200  # texts for choosing the pipeline's batch size
FEWEST, MOST = 3, 60  # words
PIECES, POSITIONS = 20, 512
NAMES = PIPELINE, ENGINE, PLAIN, LSTM = "pipeline", "BERT, engine", "BERT, PyTorch", "LSTM"


@dataclass(frozen=True)
class Contenders:
    """The classifiers to compare."""

    pipeline: Any
    engine: SentimentBertPredictor
    plain: SentimentBertPredictor
    lstm: SentimentLSTMPredictor

    def readers(self, texts: list[str]) -> dict[str, Call]:
        """Calls that classify these texts with each of our predictors."""
        return {
            ENGINE: partial(self.engine.classify, texts),
            PLAIN: partial(self.plain.classify, texts),
            LSTM: partial(self.lstm.classify, texts),
        }

    def explainers(self, text: str) -> dict[str, Call]:
        """Calls that explain the text by integrated gradients, always in PyTorch."""
        return {PLAIN: partial(self.plain.explain, text), LSTM: partial(self.lstm.explain, text)}


def main(argv: list[str] | None = None) -> None:
    """Measure and print."""
    args = options().parse_args(argv)
    torch.set_num_threads(args.threads)  # the ONNX engine uses the same number
    found = load(args.bert)
    texts = mixed(args.data_dir, args.texts)
    sentence = of_pieces(found.engine, texts, PIECES)
    long = beginning(found.engine, " ".join(texts), POSITIONS)

    single = race(
        {PIPELINE: partial(found.pipeline, [sentence]), **found.readers([sentence])},
        args.rounds,
        CALLS,
    )
    trial = texts[:TRIAL]
    trials = {n: partial(found.pipeline, trial, batch_size=n) for n in BATCH_SIZES}
    sizes = race(trials, 1)
    best = min(sizes, key=sizes.__getitem__)
    many = race(
        {PIPELINE: partial(found.pipeline, texts, batch_size=best), **found.readers(texts)},
        args.rounds,
    )
    explained = race(found.explainers(sentence), args.rounds)
    explained_long = race(found.explainers(long), args.rounds)

    print(f"\n{args.threads} threads, torch {torch.__version__}, median of {args.rounds} rounds.")
    print(f"The pipeline's batch size is {best}, its fastest of {BATCH_SIZES}.\n")
    print(f"| | {' | '.join(NAMES)} |\n|{' --- |' * (len(NAMES) + 1)}")
    print(row(f"one sentence of {PIECES} word pieces, ms", single, 1000))
    print(row(f"{len(texts):,} texts of {FEWEST} to {MOST} words, s", many))
    print(row(f"explain {PIECES} word pieces, s", explained))
    print(row(f"explain {POSITIONS} word pieces, s", explained_long))
    if args.data_dir:
        print(f"\n{agreement(found, sets.sst2('validation', args.data_dir))}")


def options() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(prog="python -m benchmarks.sentiment", description=__doc__)
    result.add_argument("--data-dir", type=Path, help="folder of Parquet files")
    result.add_argument("--threads", type=int, default=2)
    result.add_argument(
        "--bert", type=Path, default=ROOT / "sentiment_bert", help="the BERT checkpoint folder"
    )
    result.add_argument("--rounds", type=int, default=3)
    result.add_argument("--texts", type=int, default=1000)
    return result


def load(folder: Path) -> Contenders:
    """All four on the CPU, the BERTs with the folder's weights."""
    engine = sentiment_bert.load(folder, "cpu")
    if engine.engine is None:
        command = f"python -m train.bert_graph {folder}"
        raise SystemExit(f"{folder} has no ONNX graph; to export it, run: {command}")
    plain = SentimentBertPredictor(engine.model, engine.tokenizer, engine.calibration)
    lstm = sentiment_lstm.load(ROOT / "sentiment_lstm", "cpu")
    return Contenders(pipeline(folder, engine), engine, plain, lstm)


def pipeline(folder: Path, predictor: SentimentBertPredictor) -> Any:
    """transformers' text classification pipeline with the same weights in float32."""
    import transformers

    model = sentiment_bert.build(read_json(folder, CONFIG))
    load_weights(folder, model)
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=predictor.tokenizer,
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        unk_token="[UNK]",
        mask_token="[MASK]",
        model_max_length=predictor.max_length,
    )
    return transformers.pipeline(
        "text-classification", model=model.float().eval(), tokenizer=tokenizer, device="cpu"
    )


def mixed(data_dir: Path | None, count: int) -> list[str]:
    """Seeded texts of 3 to 60 words: half SST-2 and half IMDB, or generated ones."""
    chance = random.Random(0)
    if data_dir is None:
        sentences = training_rows(20 * count, 0)[0]
        return [_joined(sentences, chance) for _ in range(count)]
    reviews = " ".join(sets.imdb_text("validation", data_dir))
    sources = (
        sets.sst2("validation", data_dir).texts,
        [natural(sentence) for sentence in re.split(r"(?<=[.!?])\s+", reviews)],
    )
    texts: list[str] = []
    for sentences in sources:
        fitting = [s for s in sentences if FEWEST <= len(s.split()) <= MOST]
        texts += chance.sample(fitting, min(len(fitting), count // 2))
    chance.shuffle(texts)
    return texts


def _joined(sentences: list[str], chance: random.Random) -> str:
    """Random sentences, joined and cut to a random number of words."""
    words: list[str] = []
    size = chance.randint(FEWEST, MOST)
    while len(words) < size:
        words += chance.choice(sentences).split()
    return " ".join(words[:size])


def of_pieces(predictor: SentimentBertPredictor, texts: list[str], count: int) -> str:
    """The first text of ``count`` word pieces, including [CLS] and [SEP]."""
    for text in texts:
        if len(sentiment_bert.encode(predictor.tokenizer, text)) == count:
            return text
    return beginning(predictor, " ".join(texts), count)


def beginning(predictor: SentimentBertPredictor, text: str, count: int) -> str:
    """The beginning of the text, ``count`` word pieces including [CLS] and [SEP]."""
    encoding = predictor.tokenizer.encode(natural(text))
    return natural(text)[: encoding.offsets[count - 2][1]]


def row(name: str, medians: dict[str, float], unit: float = 1) -> str:
    """A row of the table, with each speed relative to the pipeline's."""
    cells = []
    for contender in NAMES:
        if contender not in medians:
            cells.append("")
            continue
        cell = f"{unit * medians[contender]:.3g}"
        if PIPELINE in medians:
            cell += f" ({medians[PIPELINE] / medians[contender]:.2f}×)"
        cells.append(cell)
    return f"| {name} | {' | '.join(cells)} |"


def agreement(found: Contenders, rows: sets.Labelled) -> str:
    """How often the engine and PyTorch agree, and the accuracy of each."""
    labels = np.array(rows.labels) > 0.5
    fast, plain = (np.array(p.logits(rows.texts)) > 0 for p in (found.engine, found.plain))
    same, one, other = (
        f"{100 * np.mean(hits):.2f} %" for hits in (fast == plain, fast == labels, plain == labels)
    )
    return (
        f"SST-2's validation split ({len(rows)} rows): engine and PyTorch agree on {same}; "
        f"accuracy {one} and {other}."
    )


if __name__ == "__main__":
    main()
