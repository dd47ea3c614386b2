"""Load a model of the transformers library from a folder, without running code from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlnlp.checkpoint import out_of_memory
from dlnlp.hub.about import About
from dlnlp.hub.download import CONFIG, SHARDS, TOKENIZER, WEIGHTS
from dlnlp.hub.errors import HubError
from dlnlp.hub.policy import CLASSIFICATION, GENERATION

if TYPE_CHECKING:
    from dlnlp.hub.classifier import HubClassifier
    from dlnlp.hub.language_model import HubLanguageModel

SAFE: dict[str, Any] = {"trust_remote_code": False, "local_files_only": True}


def check_config(folder: Path, name: str) -> tuple[Any, str, str]:
    """The configuration of a folder's model, its task and its architecture.

    Args:
        name: The name of the model in messages.

    Raises:
        HubError: There is none, or this app can't show such a model.
    """
    from transformers import AutoConfig
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    given = _read_config(folder, name)
    kind = given.get("model_type")
    if kind not in CONFIG_MAPPING:
        raise HubError(
            f"{name!r} has the unknown architecture {kind!r}, and this app runs no code that "
            "comes with a model: choose one that the transformers library knows."
        )
    task, architecture = _task(given.get("architectures"), name)
    if given.get("quantization_config"):
        raise HubError(f"{name!r} is quantized: choose the model that it was made from.")
    try:
        config = AutoConfig.from_pretrained(folder, **SAFE)
        # A configuration may name attention kernels, which are code from the Hub.
        config._attn_implementation = config._experts_implementation = None
        config.output_attentions, config.return_dict = False, True
    except Exception as fault:
        raise HubError(f"{name!r} has a {CONFIG} that can't be used: “{_short(fault)}”.") from fault
    if task == CLASSIFICATION and (config.num_labels < 2 or config.problem_type == "regression"):
        raise HubError(
            f"{name!r} predicts a number, which is not shown as a class: "
            "choose a model with two or more labels."
        )
    return config, task, architecture


def _read_config(folder: Path, name: str) -> dict[str, Any]:
    try:
        given = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise HubError(
            f"{name!r} has no {CONFIG}: give the folder that save_pretrained wrote."
        ) from None
    except (OSError, ValueError) as fault:
        raise HubError(f"{name!r} has an unreadable {CONFIG}: download it again.") from fault
    if not isinstance(given, dict):
        raise HubError(f"{name!r} has a {CONFIG} that is not a JSON object: download it again.")
    return given


def _task(architectures: object, name: str) -> tuple[str, str]:
    """The task of the first architecture that this app can show, and the architecture."""
    from transformers.models.auto import modeling_auto as auto

    tasks = (
        (CLASSIFICATION, auto.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES),
        (GENERATION, auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES),
    )
    given = architectures if isinstance(architectures, list) else []
    found = [each for each in given if isinstance(each, str)]
    for architecture in found:
        for task, known in tasks:
            if architecture in known.values() and "Conditional" not in architecture:
                return task, architecture
    what = f"is a {found[0]!r}" if found else "doesn't say what it is"
    raise HubError(
        f"{name!r} {what}: choose a model that classifies texts (...ForSequenceClassification) "
        "or continues them (...ForCausalLM)."
    )


def load_folder(
    folder: Path, name: str = "", device: str | None = None, commit: str = ""
) -> HubClassifier | HubLanguageModel:
    """The predictor of the model in a folder, with weights in float32.

    Args:
        name: The name of the model in messages; by default the folder's path.
        device: By default the best available one.
        commit: The commit of its files on the Hub.

    Raises:
        HubError: The model can't be used; the message says why.
        ValueError: This machine has no such device.
    """
    from dlnlp.device import pick_device

    name, target = name or str(folder), pick_device(device)
    config, task, architecture = check_config(folder, name)
    if not (folder / WEIGHTS).is_file() and not (folder / SHARDS).is_file():
        raise HubError(
            f"{name!r} has no {WEIGHTS}, and other formats can run code when they are read: "
            "save the model with save_pretrained."
        )
    tokenizer = _load_tokenizer(folder, name)
    model = _load_model(folder, name, config, task).to(target)
    about = About(
        name,
        task,
        architecture,
        sum(each.numel() for each in model.parameters()),
        commit,
        _labels(config) if task == CLASSIFICATION else (),
        config.problem_type == "multi_label_classification",
    )
    try:
        return _predictor(model, tokenizer, about)
    except HubError:
        raise
    except Exception as fault:
        raise HubError(f"{name!r} can't be used by this app: “{_short(fault)}”.") from fault


def _labels(config: Any) -> tuple[str, ...]:
    return tuple(str(config.id2label.get(i, i)) for i in range(config.num_labels))


def _predictor(model: Any, tokenizer: Any, about: About) -> HubClassifier | HubLanguageModel:
    """The predictor, after a first call, so that models that don't work are refused here."""
    if about.task == CLASSIFICATION:
        from dlnlp.hub.classifier import HubClassifier

        classifier = HubClassifier(model, tokenizer, about)
        classifier.classify(["a"])
        return classifier
    from dlnlp.hub.language_model import HubLanguageModel

    if _looks_ahead(model):
        raise HubError(
            f"{about.name!r} reads the words after a word to predict it, so it can't continue a "
            "text: choose a model that was trained to predict the next word."
        )
    writer = HubLanguageModel(model, tokenizer, about)
    writer.distribution("a")
    return writer


def _load_tokenizer(folder: Path, name: str) -> Any:
    from transformers import AutoTokenizer

    missing = f"{name!r} has no tokenizer that this app can read"
    if not any((folder / each).is_file() for each in TOKENIZER) and not [*folder.glob("*.model")]:
        raise HubError(f"{missing}: save it in the same folder with save_pretrained.")
    try:
        return AutoTokenizer.from_pretrained(folder, **SAFE)
    except Exception as fault:
        raise HubError(f"{missing}: “{_short(fault)}”.") from fault


def _load_model(folder: Path, name: str, config: Any, task: str) -> Any:
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # the page shows the progress
    kind: Any = (
        AutoModelForSequenceClassification if task == CLASSIFICATION else AutoModelForCausalLM
    )
    try:
        model, found = kind.from_pretrained(
            folder,
            config=config,
            use_safetensors=True,
            output_loading_info=True,
            dtype=torch.float32,
            **SAFE,
        )
    except Exception as fault:
        if out_of_memory(fault):
            raise HubError(
                f"{name!r} needs more memory than is free: choose a smaller model."
            ) from fault
        raise HubError(
            f"{name!r} has weights that don't match its {CONFIG}: choose a model whose files "
            "belong together."
        ) from fault
    if missing := sorted(found["missing_keys"]):
        raise HubError(
            f"{name!r} comes without {len(missing)} of its weights, such as {missing[0]!r}, so its "
            "answers would be random: choose a model that was trained for the task."
        )
    return model


def _looks_ahead(model: Any) -> bool:
    """Whether what the model predicts after a token depends on the next token."""
    import torch

    with torch.inference_mode():
        ids = torch.tensor([[1, 2], [1, 3]], device=model.device)
        one, other = model.eval()(input_ids=ids).logits[:, 0]
    return not torch.allclose(one, other, atol=1e-3)


def _short(fault: Exception) -> str:
    """The first line of an error of a library, without a full stop."""
    lines = str(fault).strip().splitlines() or [type(fault).__name__]
    return lines[0].strip().rstrip(".")[:200]
