"""Measure the speed of translation (greedy, beam search) and generation (fast, plain, GPT-2).

``python -m benchmarks.generation [--threads 2] [--width 512 --layers 6]``. Without ``--width`` the
committed transformer is timed.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.timing import Call, race, seconds
from dlnlp.checkpoint import ROOT
from dlnlp.models.char_seq2seq import predictor as char_seq2seq
from dlnlp.models.token_transformer import predictor as token_transformer
from dlnlp.models.token_transformer.model import TransformerModel
from dlnlp.models.token_transformer.predictor import TokenTransformerPredictor
from dlnlp.text.byte_level import BEGIN_ID
from train.data.generated import training_rows

SENTENCE = "Where did you buy that blue umbrella? Oh"  # 40 characters
BEAM, MANY = 5, 100
PROMPT = "The history of the town"
READINGS = 10  # of a large tensor, to measure the memory bandwidth


def main(argv: list[str] | None = None) -> None:
    """Measure and print."""
    args = options().parse_args(argv)
    torch.set_num_threads(args.threads)
    print(f"{args.threads} threads, torch {torch.__version__}, median of {args.rounds} rounds.\n")
    translate(char_seq2seq.load(args.checkpoints / "char_seq2seq", "cpu"), args.rounds)
    trained = token_transformer.load(args.checkpoints / "token_transformer", "cpu")
    generate(reshaped(trained, args.width, args.layers), args.tokens, args.rounds)


def options() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(prog="python -m benchmarks.generation", description=__doc__)
    result.add_argument("--threads", type=int, default=2)
    result.add_argument("--checkpoints", type=Path, default=ROOT)
    result.add_argument("--rounds", type=int, default=5)
    result.add_argument("--tokens", type=int, default=200)
    result.add_argument("--width", type=int, help="time a random transformer of this width")
    result.add_argument(
        "--layers", type=int, default=6, help="number of layers of the random transformer"
    )
    return result


def translate(predictor: char_seq2seq.CharSeq2SeqPredictor, rounds: int) -> None:
    """Print the translator's times."""
    sentences = training_rows(4 * MANY, 0)[0]
    many = random.Random(0).sample(sentences, MANY)
    print("| translator | greedy | beam 5 | ratio |\n| --- | --- | --- | --- |")
    for name, texts in (("one sentence of 40 characters, ms", [SENTENCE]), (f"{MANY}, ms", many)):
        taken = race(
            {
                "greedy": partial(predictor.translate, texts, beam_size=1),
                "beam": partial(predictor.translate, texts, beam_size=BEAM),
            },
            rounds,
        )
        one, other = 1000 * taken["greedy"], 1000 * taken["beam"]
        print(f"| {name} | {one:.0f} | {other:.0f} | {other / one:.2f} |")


def reshaped(
    trained: TokenTransformerPredictor, width: int | None, layers: int
) -> TokenTransformerPredictor:
    """The predictor, or one of another shape with random weights and the same tokenizer."""
    if width is None:
        return trained
    torch.manual_seed(0)
    config = trained.model.config
    model = TransformerModel(
        config.vocab_size, width, width // 64, layers, context=config.context, dropout=0.0
    )
    return TokenTransformerPredictor(model, trained.tokenizer)


def generate(predictor: TokenTransformerPredictor, tokens: int, rounds: int) -> None:
    """Print the transformer's tokens per second and its time to score a text."""
    config = predictor.model.config
    ids = [BEGIN_ID, *predictor.tokenizer.encode(PROMPT).ids]
    tokens = min(tokens, config.context - len(ids))  # GPT-2 cannot exceed its context
    contenders: dict[str, Call] = {
        "ours": lambda: list(predictor.stream(PROMPT, tokens, temperature=0)),
        "ours, plain loop": lambda: list(predictor.model.generate(ids, tokens, likeliest)),
        "GPT2LMHeadModel": partial(gpt2(predictor), ids, tokens),
    }
    taken = race(contenders, rounds)
    size = sum(p.numel() * p.element_size() for p in predictor.model.parameters())
    limit = bandwidth() / size
    print(
        f"\n| {config.num_layers} layers of {config.d_model}, {size / 1e6:.0f} MB, {tokens} tokens "
        "| tokens per second | ratio of ours |\n| --- | --- | --- |"
    )
    for name, spent in taken.items():
        print(f"| {name} | {tokens / spent:.0f} | {spent / taken['ours']:.2f} |")
    print(f"| limit by memory bandwidth | {limit:.0f} | {tokens / taken['ours'] / limit:.2f} |")
    text = (PROMPT + " ") * 40
    spent = race({"score": partial(predictor.score, text)}, rounds)["score"]
    print(f"\nScoring takes {1e6 * spent / len(text):.0f} ms per 1,000 characters.")


def likeliest(logits: Tensor, ids: list[int]) -> int:
    """The greedy choice."""
    return int(logits.argmax())


def gpt2(predictor: TokenTransformerPredictor) -> Callable[[list[int], int], Tensor]:
    """Greedy generation by transformers' GPT-2 of the same shape, with random weights."""
    import transformers

    config = predictor.model.config
    model = transformers.GPT2LMHeadModel(
        transformers.GPT2Config(
            vocab_size=config.vocab_size,
            n_positions=config.context,
            n_embd=config.d_model,
            n_layer=config.num_layers,
            n_head=config.nhead,
            bos_token_id=BEGIN_ID,
            eos_token_id=None,
        )
    ).eval()

    @torch.inference_mode()
    def run(ids: list[int], tokens: int) -> Tensor:
        given = torch.tensor([ids])
        found = model.generate(
            given,
            attention_mask=torch.ones_like(given),
            max_new_tokens=tokens,
            min_new_tokens=tokens,
            do_sample=False,
            pad_token_id=0,
        )
        assert isinstance(found, Tensor)
        assert found.shape[1] == len(ids) + tokens
        return found

    return run


def bandwidth() -> float:
    """Bytes per second at which all threads read a tensor larger than any cache."""
    large = torch.ones(2**27)
    best = min(seconds(large.sum) for _ in range(READINGS))
    return large.numel() * large.element_size() / best


if __name__ == "__main__":
    main()
