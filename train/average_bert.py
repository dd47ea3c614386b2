"""Average the weights of several fine-tuned BERTs: ``python -m train.average_bert RUN RUN ...``.

The mean of the weights of runs with the same base and initial head but another ``--order`` is
usually better than each of them and costs nothing at prediction (Wortsman et al. 2022). With one
run its weights stay the same, and only the steps after training are repeated: probes, ONNX
graph, calibration and metrics.
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
from train.data import sets
from train.evaluation.sentiment import validation_sets
from train.sentiment_bert import STEM, finish


def main(argv: list[str] | None = None) -> None:
    """Average, calibrate, measure and write ``--out``."""
    parser = argparse.ArgumentParser(prog="python -m train.average_bert", description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folder of a run")
    parser.add_argument("--data-dir", type=Path, help="folder of Parquet files")
    parser.add_argument("--out", type=Path, default=Path("runs") / STEM)
    args = parser.parse_args(argv)
    trainings = [verify(run) for run in args.runs]
    weights = [load_file(run / WEIGHTS) for run in args.runs]
    model = sentiment_bert.build(read_json(args.runs[0], CONFIG))
    mean = weights[0]
    if len(weights) > 1:  # the weights of one run stay bit-identical
        mean = {
            name: torch.stack([each[name].float() for each in weights]).mean(0) for name in mean
        }
    model.load_state_dict(mean)
    tokenizer = Tokenizer.from_file(str(args.runs[0] / sentiment_bert.TOKENIZER))
    done = "python -m train.average_bert " + " ".join(run.name for run in args.runs)
    training = {k: v for k, v in trainings[0].items() if k not in ("files", "engine")}
    training["finished with"] = done
    if len(args.runs) > 1:
        training["average of"] = {
            run.name: {
                "command": each["command"],
                "sst2_validation_accuracy": each["metrics"]["sst2_validation_accuracy"],
                "imdb_validation_accuracy": each["metrics"]["imdb_validation_accuracy"],
            }
            for run, each in zip(args.runs, trainings, strict=True)
        }
        training["training_minutes"] = round(sum(each["training_minutes"] for each in trainings), 1)
    validation = validation_sets(args.data_dir)
    train = sets.sst2("train", args.data_dir)
    finish(args.out, SentimentBertPredictor(model, tokenizer), training, train, validation)


if __name__ == "__main__":
    main()
