"""What holds for every model of the catalog and every capability, on tiny real models."""

import dataclasses
import functools
import inspect
import json
import typing
from concurrent.futures import ThreadPoolExecutor
from typing import get_args

import pytest

from dlnlp.capabilities import CAPABILITIES, Capability, capability
from dlnlp.catalog import CATALOG
from dlnlp.checkpoint import CheckpointError, sha256
from dlnlp.registry import Registry
from dlnlp.results import as_json

ODD = {
    "empty": "",
    "blanks": " \t\n ",
    "emoji": "😀",
    "unknown letters": "Съешь ещё этих 茶",
    "control characters": "a\x00b\x07\x1bc",
    "markup": "<script>alert(1)</script>",
    "right to left": "שלום עולם",
    "lone surrogate": "a \ud800 b",
    "joined marks": "e\u0301" * 40,
    "no spaces": "x" * 300,
}
TEXTS = ["the film was good", "terrible", "not bad but great !", "hello"]
BULK = "The film was good, was it not? " * 3200  # about 100,000 characters
PAIRS = [(entry, capability(verb)) for entry in CATALOG for verb in entry.verbs]


@functools.cache
def tiny(entry):
    return entry.tiny()


def of(pairs):
    """Parameters of a test: models with capabilities."""
    names = [f"{entry.stem}-{each.verb}" for entry, each in pairs]
    return pytest.mark.parametrize(("entry", "capability"), pairs, ids=names)


every_model = pytest.mark.parametrize("entry", CATALOG, ids=lambda entry: entry.stem)
every_pair = of(PAIRS)
every_list = of([pair for pair in PAIRS if pair[1].takes_list])


def ask(predictor, capability, text=None):
    """The JSON of the sample call's result, with another text if one is given."""
    first, *_ = capability.signature.parameters
    arguments = dict(capability.sample)
    if text is not None:
        arguments[first] = [text] if capability.takes_list else text
    found = getattr(predictor, capability.verb)(arguments.pop(first), **arguments)
    return as_json(list(found) if capability.streams else found)


# Capabilities


def capabilities_of(predictor: object) -> list[Capability]:
    return [each for each in CAPABILITIES if isinstance(predictor, each.protocol)]


@every_model
def test_the_record_lists_the_predictors_capabilities(entry):
    assert set(entry.verbs) == {each.verb for each in capabilities_of(tiny(entry))}


@every_pair
def test_a_method_has_the_parameters_of_its_protocol(entry, capability):
    has = inspect.signature(getattr(tiny(entry), capability.verb)).parameters
    _, *others = capability.signature.parameters.items()
    assert {name: has[name].default for name, _ in others} == {
        name: each.default for name, each in others
    }
    further = set(has) - set(capability.signature.parameters) - {next(iter(has))}
    assert all(has[name].default is not inspect.Parameter.empty for name in further)


@pytest.mark.parametrize("capability", CAPABILITIES, ids=lambda each: each.verb)
def test_a_capability_is_described_and_used(capability):
    assert capability.description
    assert capability.protocol.__name__.lower() == capability.verb.replace("_", "")
    assert any(entry.can(capability.verb) for entry in CATALOG)
    for name in capability.signature.parameters:
        assert not capability.public or f"{name}: " in capability.description


# Answers


@every_pair
def test_the_sample_call_has_a_result_of_the_declared_type(entry, capability):
    found = ask(tiny(entry), capability)
    assert found
    json.dumps(found)


@every_pair
@pytest.mark.parametrize("text", ODD.values(), ids=ODD.keys())
def test_any_text_gets_a_result(entry, capability, text):
    ask(tiny(entry), capability, text)


def is_markable(capability):
    """Whether its results say that a text was cut."""
    returned = capability.signature.return_annotation
    kind = (get_args(returned) or (returned,))[0]
    return dataclasses.is_dataclass(kind) and "truncated" in typing.get_type_hints(kind)


@of([pair for pair in PAIRS if is_markable(pair[1])])
def test_a_long_text_is_cut_and_marked(entry, capability):
    def truncated(text):
        found = ask(tiny(entry), capability, text)
        return (found[0] if isinstance(found, list) else found)["truncated"]

    assert truncated(BULK)
    assert not truncated("a film")


@every_pair
def test_tiny_is_seeded(entry, capability):
    assert ask(tiny(entry), capability) == ask(entry.tiny(), capability)


@every_pair
def test_requests_side_by_side_do_not_mix(entry, capability):
    answer = functools.partial(ask, tiny(entry), capability)
    alone = [answer(text) for text in TEXTS]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(answer, TEXTS)) == alone


# Lists


@every_list
def test_lists_in_lists_out(entry, capability):
    method = getattr(tiny(entry), capability.verb)
    assert method([]) == []
    with pytest.raises(TypeError, match="list"):
        method("good")
    with pytest.raises(TypeError, match="item 1 of texts"):
        method(["good", 5])


def leaves(value):
    """All numbers and strings of a JSON value, in order."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [leaf for item in value for leaf in leaves(item)]
    return [value]


@every_list
def test_batched_answers_are_those_of_single_texts(entry, capability):
    texts = ["good", "the film was not bad but great .", "", "terrible movie !"]
    method = getattr(tiny(entry), capability.verb)
    together = leaves(as_json(method(texts)))
    alone = leaves(as_json([method([text])[0] for text in texts]))
    assert len(together) == len(alone)
    for one, other in zip(together, alone, strict=True):
        assert one == (pytest.approx(other, abs=1e-5) if isinstance(other, float) else other)


# Checkpoints


@every_model
def test_saved_and_loaded_it_answers_the_same(entry, tmp_path):
    folder = tmp_path / entry.stem
    entry.module.save(folder, tiny(entry), {"metrics": {}})
    loaded = entry.load(folder, "cpu")
    entry.module.save(tmp_path / "again", loaded, {"metrics": {}})
    again = entry.load(tmp_path / "again", "cpu")
    # Weights were rounded to float16 once; the second time nothing may change.
    for each in capabilities_of(loaded):
        assert ask(loaded, each) == ask(again, each)


@every_model
@pytest.mark.parametrize("damage", ["no folder", "no weights", "truncated", "changed", "lfs"])
def test_a_bad_checkpoint_names_folder_fault_and_remedy(entry, tmp_path, damage):
    folder = tmp_path / entry.stem
    if damage != "no folder":
        entry.module.save(folder, tiny(entry), {"metrics": {}})
    weights = folder / "model.safetensors"
    remedy = f"python -m train.{entry.stem}"
    if damage == "no weights":
        weights.unlink()
    elif damage == "truncated":
        weights.write_bytes(weights.read_bytes()[:-10])
    elif damage == "changed":
        (folder / "config.json").write_text("{}")
    elif damage == "lfs":
        weights.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
        remedy = "git lfs pull"
    registry = Registry(tmp_path)
    with pytest.raises(CheckpointError) as caught:
        registry.get(entry.stem)
    message = str(caught.value)
    assert str(folder) in message and remedy in message and "\n" not in message
    entry.module.save(folder, tiny(entry), {"metrics": {}})
    assert registry.get(entry.stem)  # the failure was not remembered


@every_model
def test_a_checkpoint_of_another_shape_is_refused(entry, tmp_path):
    folder = tmp_path / entry.stem
    entry.module.save(folder, tiny(entry), {"metrics": {}})
    config = json.loads((folder / "config.json").read_text())
    size = next(key for key, value in config.items() if key.endswith(("dim", "model", "size")))
    (folder / "config.json").write_text(json.dumps({**config, size: 2 * config[size]}))
    training = json.loads((folder / "training.json").read_text())
    training["files"]["config.json"] = sha256(folder / "config.json")
    (folder / "training.json").write_text(json.dumps(training))
    with pytest.raises(CheckpointError, match=r"does not match|not compatible"):
        entry.load(folder, "cpu")
