"""Average the weights of several fine-tuned BERTs: ``python -m train.average_bert RUN RUN ...``.

Runs from one base and one new head, which saw the data in another ``--order``, lie in one basin
of the loss; the mean of their weights is usually better than each of them and costs nothing
when it predicts (Wortsman et al. 2022). Of one run alone the weights stay as they are, and only
what follows training is done again: calibration, probes, graph and figures.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

from dlnlp.checkpoint import CONFIG, WEIGHTS, read_json, verify
from dlnlp.models.sentiment_bert import predictor as sentiment_bert
from dlnlp.models.sentiment_bert.predictor import SentimentBertPredictor
from train import data
from train.sentiment import validation_sets
from train.sentiment_bert import STEM, finish


def main(argv: list[str] | None = None) -> None:
    """Average, calibrate, measure and write ``--out``."""
    parser = argparse.ArgumentParser(prog="python -m train.average_bert", description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="a run's folder")
    parser.add_argument("--data-dir", type=Path, help="folder of Parquet files")
    parser.add_argument("--out", type=Path, default=Path("runs") / STEM)
    args = parser.parse_args(argv)
    notes = [verify(run) for run in args.runs]
    weights = [load_file(run / WEIGHTS) for run in args.runs]
    model = sentiment_bert.build(read_json(args.runs[0], CONFIG))
    mean = weights[0]
    if len(weights) > 1:  # one run's stay as they are, to the bit
        mean = {
            name: torch.stack([each[name].float() for each in weights]).mean(0) for name in mean
        }
    model.load_state_dict(mean)
    tokenizer = Tokenizer.from_file(str(args.runs[0] / sentiment_bert.TOKENIZER))
    done = "python -m train.average_bert " + " ".join(run.name for run in args.runs)
    training = {k: v for k, v in notes[0].items() if k not in ("files", "engine")}
    training["finished with"] = done
    if len(args.runs) > 1:
        training["average of"] = {
            run.name: {
                "command": note["command"],
                "sst2_validation_accuracy": note["metrics"]["sst2_validation_accuracy"],
                "imdb_validation_accuracy": note["metrics"]["imdb_validation_accuracy"],
            }
            for run, note in zip(args.runs, notes, strict=True)
        }
        training["training_minutes"] = round(sum(note["training_minutes"] for note in notes), 1)
    validation = validation_sets(args.data_dir)
    train = data.sst2("train", args.data_dir)
    finish(args.out, SentimentBertPredictor(model, tokenizer), training, train, validation)


if __name__ == "__main__":
    main()
