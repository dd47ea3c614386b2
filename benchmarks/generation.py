"""Speed of the models that write: beam and greedy search, a cache and none, and GPT-2's.

``python -m benchmarks.generation [--threads 2] [--width 512 --layers 6]``. Without a width, the
shape of the committed transformer is timed.
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
from dlnlp.accelerate.speculative import FastWriter, Reader
from dlnlp.checkpoint import ROOT
from dlnlp.models.char_seq2seq import predictor as char_seq2seq
from dlnlp.models.token_transformer import predictor as token_transformer
from dlnlp.models.token_transformer.model import TransformerModel
from dlnlp.models.token_transformer.predictor import TokenTransformerPredictor
from dlnlp.text.byte_level import BEGIN_ID
from train import behaviour

SENTENCE = "Where did you buy that blue umbrella? Oh"  # 40 characters
BEAM, MANY = 5, 100
PROMPT = "The history of the town"
READINGS = 10  # of a large tensor, for the memory's bandwidth


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
    result.add_argument("--layers", type=int, default=6, help="and of so many layers")
    return result


def translate(predictor: char_seq2seq.CharSeq2SeqPredictor, rounds: int) -> None:
    """The translator's table."""
    sentences = behaviour.training_rows(4 * MANY, 0)[0]
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
    """The predictor, or one of another shape with random weights and the same tokens."""
    if width is None:
        return trained
    torch.manual_seed(0)
    config = trained.model.config
    model = TransformerModel(
        config.vocab_size, width, width // 64, layers, context=config.context, dropout=0.0
    )
    return TokenTransformerPredictor(model, trained.tokenizer)


def generate(predictor: TokenTransformerPredictor, tokens: int, rounds: int) -> None:
    """The transformer's table."""
    config = predictor.model.config
    ids = [BEGIN_ID, *predictor.tokenizer.encode(PROMPT).ids]
    tokens = min(tokens, config.context - len(ids))  # no window may move: GPT-2's can't
    contenders: dict[str, Call] = {
        "ours": lambda: list(predictor.stream(PROMPT, tokens, temperature=0)),
        "ours, no cache": partial(
            without_cache, FastWriter(predictor.model).copies().reader, ids, tokens
        ),
        "GPT2LMHeadModel": partial(gpt2(predictor), ids, tokens),
    }
    taken = race(contenders, rounds)
    size = sum(p.numel() * p.element_size() for p in predictor.model.parameters())
    limit = bandwidth() / size
    print(
        f"\n| {config.num_layers} layers of {config.d_model}, {size / 1e6:.0f} MB, {tokens} tokens "
        "| tokens a second | ours is so many times as fast |\n| --- | --- | --- |"
    )
    for name, spent in taken.items():
        print(f"| {name} | {tokens / spent:.0f} | {spent / taken['ours']:.2f} |")
    print(f"| memory's limit | {limit:.0f} | {tokens / taken['ours'] / limit:.2f} |")


@torch.inference_mode()
def without_cache(reader: Reader, ids: list[int], tokens: int) -> list[int]:
    """Greedy continuation with packed weights that reads the whole text again for each token."""
    ids = list(ids)
    for _ in range(tokens):
        states = reader.model.hidden(torch.tensor([ids]))
        ids.append(int(reader.output(states[0, -1:]).argmax()))
    return ids


def gpt2(predictor: TokenTransformerPredictor) -> Callable[[list[int], int], Tensor]:
    """transformers' greedy generation in the same shape, with random weights."""
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
    """Bytes a second with which all threads read what is too large for any cache."""
    large = torch.ones(2**27)
    best = min(seconds(large.sum) for _ in range(READINGS))
    return large.numel() * large.element_size() / best


if __name__ == "__main__":
    main()
