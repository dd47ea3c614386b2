"""Tiny models of seven architectures with random weights, in folders."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import PreTrainedTokenizerFast

from dlnlp.hub.loading import load_folder

TEXTS = [
    "I wanted to like it, but the plot is thin.",
    "Don't miss this wonderful film: the best café scene ever!",
    "Terrible, dull and far too long.",
]
SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
LIVELY = {"initializer_range": 0.4}  # with the usual 0.02 all predictions are nearly uniform
INNER = {"intermediate_size": 32}


def word_pieces() -> PreTrainedTokenizerFast:
    """BERT's kind of tokenizer, in lower case."""
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=120, special_tokens=specials)
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.decoder = decoders.WordPiece()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=64,
    )


def byte_level(roberta: bool = False) -> PreTrainedTokenizerFast:
    """GPT-2's kind of tokenizer, or RoBERTa's, which puts a text between <s> and </s>."""
    specials = ["<s>", "<pad>", "</s>"] if roberta else ["<|endoftext|>"]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=specials,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    if roberta:
        # As in RoBERTa, whose offsets include the spaces in this way.
        pair = ("</s>", 2), ("<s>", 0)
        tokenizer.post_processor = processors.RobertaProcessing(*pair, trim_offsets=False)
        names = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}
        names |= {"cls_token": "<s>", "sep_token": "</s>"}
    else:
        names = {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"}
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_input_names=["input_ids", "attention_mask"],
        **names,
    )


def sentence_pieces(deberta: bool = False) -> PreTrainedTokenizerFast:
    """Llama's kind of tokenizer, with a begin token and bytes, or DeBERTa's."""
    first = ["[PAD]", "[CLS]", "[SEP]", "[UNK]"] if deberta else ["<unk>", "<s>", "</s>"]
    unknown = first[3] if deberta else first[0]
    bytes_ = [] if deberta else [f"<0x{byte:02X}>" for byte in range(256)]
    trained = Tokenizer(models.BPE(unk_token=unknown))
    trained.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.BpeTrainer(
        vocab_size=460, special_tokens=[*first, *bytes_], show_progress=False
    )
    trained.train_from_iterator(TEXTS, trainer)
    state = json.loads(trained.to_str())
    state["model"]["byte_fallback"] = not deberta
    # The bytes are ordinary tokens.
    state["added_tokens"] = [each for each in state["added_tokens"] if each["content"] in first]
    tokenizer = Tokenizer.from_str(json.dumps(state))
    tokenizer.decoder = decoders.Metaspace()
    if deberta:
        template = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
        )
        names = {"cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]"}
    else:
        template = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
        names = {"bos_token": "<s>", "eos_token": "</s>"}
    tokenizer.post_processor = template
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token=unknown,
        model_input_names=["input_ids", "attention_mask"],
        **names,
    )


@dataclass(frozen=True)
class Architecture:
    """One architecture: its tokenizer, and the arguments of its configuration."""

    model: str
    tokenizer: Callable[[], PreTrainedTokenizerFast]
    config: dict[str, Any]


LABELS = {
    "id2label": {0: "bad", 1: "so-so", 2: "good"},
    "label2id": {"bad": 0, "so-so": 1, "good": 2},
}
TOPICS = {0: "sport", 1: "film", 2: "music"}
GPT2 = {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 48} | LIVELY
CLASSIFIERS = {
    "bert": Architecture(
        "BertForSequenceClassification",
        word_pieces,
        SIZES | INNER | LIVELY | LABELS | {"max_position_embeddings": 64},
    ),
    "distilbert": Architecture(
        "DistilBertForSequenceClassification",
        word_pieces,
        {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32, "max_position_embeddings": 64}
        | {"id2label": {0: "NEGATIVE", 1: "POSITIVE"}, "pad_token_id": 0}
        | LIVELY,
    ),
    "roberta": Architecture(
        "RobertaForSequenceClassification",
        lambda: byte_level(roberta=True),
        SIZES
        | INNER
        | LIVELY
        | {"max_position_embeddings": 66, "id2label": TOPICS}
        | {"problem_type": "multi_label_classification", "pad_token_id": 1},
    ),
    "deberta-v2": Architecture(
        "DebertaV2ForSequenceClassification",
        lambda: sentence_pieces(deberta=True),
        SIZES
        | INNER
        | LIVELY
        | {"max_position_embeddings": 64, "relative_attention": True}
        | {"pos_att_type": ["p2c", "c2p"], "position_biased_input": False, "num_labels": 2}
        | {"pooler_hidden_size": 16},
    ),
}
WRITERS = {
    "gpt2": Architecture(
        "GPT2LMHeadModel", byte_level, GPT2 | {"eos_token_id": 0, "bos_token_id": 0}
    ),
    "llama": Architecture(
        "LlamaForCausalLM",
        sentence_pieces,
        SIZES
        | INNER
        | LIVELY
        | {"max_position_embeddings": 48, "num_key_value_heads": 1}
        | {"tie_word_embeddings": True},
    ),
    "gpt-neox": Architecture(
        "GPTNeoXForCausalLM",
        byte_level,
        SIZES
        | INNER
        | LIVELY
        | {"max_position_embeddings": 48, "eos_token_id": 0, "bos_token_id": 0},
    ),
}
OTHERS = {  # for errors and special cases
    "gpt2-classifier": Architecture(
        "GPT2ForSequenceClassification", byte_level, GPT2 | {"num_labels": 3}
    ),
    "regression": Architecture(
        "BertForSequenceClassification", word_pieces, SIZES | INNER | {"num_labels": 1}
    ),
    "bare": Architecture("BertModel", word_pieces, SIZES | INNER),
    "encoder": Architecture("BertLMHeadModel", word_pieces, SIZES | INNER | LIVELY),
    "bart": Architecture(
        "BartForSequenceClassification",
        lambda: byte_level(roberta=True),
        {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2}
        | {"decoder_attention_heads": 2, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16}
        | {"max_position_embeddings": 64, "num_labels": 4, "eos_token_id": 2, "pad_token_id": 1}
        | {"bos_token_id": 0, "init_std": 0.4},
    ),
    "fnet": Architecture(
        "FNetForSequenceClassification",
        word_pieces,
        {"hidden_size": 16, "num_hidden_layers": 2, "num_labels": 2, "pad_token_id": 0}
        | INNER
        | LIVELY,
    ),
    "mamba": Architecture(
        "MambaForCausalLM",
        byte_level,
        {"hidden_size": 16, "num_hidden_layers": 2, "state_size": 4, "eos_token_id": 0},
    ),
}
ALL = CLASSIFIERS | WRITERS | OTHERS


def save(folder: Path, entry: Architecture) -> Path:
    """Save the model with seeded weights, and its tokenizer."""
    tokenizer = entry.tokenizer()
    kind = getattr(transformers, entry.model)
    config = kind.config_class(vocab_size=len(tokenizer), **entry.config)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = kind(config).eval()
        with torch.no_grad():  # biases are 0 in new models, and hide faults
            for name, weight in model.named_parameters():
                if name.endswith("bias"):
                    weight.normal_(std=0.2)
            table = model.get_input_embeddings()
            if table.padding_idx is not None and config.model_type != "deberta-v2":
                table.weight[table.padding_idx].normal_(std=0.4)  # as in published models
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a tiny model, made on first use."""
    root, made = tmp_path_factory.mktemp("hub"), {}

    def make(name: str) -> Path:
        if name not in made:
            made[name] = save(root / name, ALL[name])
        return made[name]

    return make


@pytest.fixture(scope="session")
def loaded(folder: Callable[[str], Path]) -> Callable[[str], Any]:
    """The predictor of a tiny model, loaded once."""
    predictors: dict[str, Any] = {}

    def load(name: str) -> Any:
        if name not in predictors:
            predictors[name] = load_folder(folder(name), device="cpu")
        return predictors[name]

    return load
