"""What holds for every model of the catalog, on tiny real models."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from dlnlp import catalog
from dlnlp.catalog import CATALOG, Record
from dlnlp.checkpoint import CheckpointError
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
    "no spaces": "x" * 3000,
}
BULK = "The film was good, was it not? " * 3200  # about 100,000 characters


def answer(stem: str, predictor: Any, text: str) -> Any:
    """The result of the model's first verb, short enough for a test."""
    if stem.startswith("sentiment"):
        return predictor.classify([text])[0]
    if stem == "char_seq2seq":
        return predictor.translate([text], beam_size=1)[0]
    pieces = list(predictor.generate(text, max_new_tokens=5, seed=0))
    return predictor.next_tokens(text, k=3), pieces, predictor.score(text[:500])


@pytest.fixture(scope="module", params=CATALOG, ids=lambda entry: entry.stem)
def entry(request: pytest.FixtureRequest) -> Record:
    return request.param


@pytest.fixture(scope="module")
def predictor(entry: Record) -> Any:
    return entry.tiny()


@pytest.mark.parametrize("text", ODD.values(), ids=ODD.keys())
def test_any_text_gets_a_result(entry: Record, predictor: Any, text: str) -> None:
    as_json(answer(entry.stem, predictor, text))


def test_bulk_is_cut_or_windowed_and_said(entry: Record, predictor: Any) -> None:
    result = answer(entry.stem, predictor, BULK)
    if entry.stem != "token_transformer":
        assert result.truncated
        assert not answer(entry.stem, predictor, "a film").truncated


def test_tiny_is_seeded(entry: Record, predictor: Any) -> None:
    text = "the film was good"
    assert as_json(answer(entry.stem, predictor, text)) == as_json(
        answer(entry.stem, entry.tiny(), text)
    )


def test_requests_side_by_side_do_not_mix(entry: Record, predictor: Any) -> None:
    texts = ["the film was good", "terrible", "not bad but great !", "hello"] * 4
    alone = [as_json(answer(entry.stem, predictor, text)) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda t: as_json(answer(entry.stem, predictor, t)), texts))
    assert together == alone


def test_saved_and_loaded_it_answers_the_same(
    entry: Record, predictor: Any, tmp_path: Path
) -> None:
    folder = tmp_path / entry.stem
    entry.module.save(folder, predictor, {"metrics": {}})
    loaded = entry.load(folder, "cpu")
    entry.module.save(tmp_path / "again", loaded, {"metrics": {}})
    again = entry.load(tmp_path / "again", "cpu")
    # Weights were rounded to float16 once; the second time nothing may change.
    text = "the film was good"
    assert as_json(answer(entry.stem, loaded, text)) == as_json(answer(entry.stem, again, text))


@pytest.mark.parametrize("damage", ["no folder", "no weights", "truncated", "changed", "lfs"])
def test_a_bad_checkpoint_names_folder_fault_and_remedy(
    entry: Record, predictor: Any, tmp_path: Path, damage: str
) -> None:
    folder = tmp_path / entry.stem
    if damage != "no folder":
        entry.module.save(folder, predictor, {"metrics": {}})
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
    entry.module.save(folder, predictor, {"metrics": {}})
    assert registry.get(entry.stem)  # the failure was not remembered


def test_a_checkpoint_of_another_shape_is_refused(
    entry: Record, predictor: Any, tmp_path: Path
) -> None:
    import json

    from dlnlp.checkpoint import sha256

    folder = tmp_path / entry.stem
    entry.module.save(folder, predictor, {"metrics": {}})
    config = json.loads((folder / "config.json").read_text())
    size = next(k for k in ("hidden_dim", "d_model", "hidden_size") if k in config)
    (folder / "config.json").write_text(json.dumps({**config, size: 2 * config[size]}))
    training = json.loads((folder / "training.json").read_text())
    training["files"]["config.json"] = sha256(folder / "config.json")
    (folder / "training.json").write_text(json.dumps(training))
    with pytest.raises(CheckpointError, match="does not fit"):
        entry.load(folder, "cpu")


def test_a_model_loads_once_however_many_ask(
    entry: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = Registry(untrained=True)
    made = []
    real = Record.tiny

    def counted(self: Record) -> Any:
        made.append(self.stem)
        return real(self)

    monkeypatch.setattr(Record, "tiny", counted)
    start = threading.Barrier(8)

    def ask(_: int) -> Any:
        start.wait()
        return registry.get(entry.stem)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, range(8)))
    assert made == [entry.stem]
    assert all(one is found[0] for one in found)
    assert registry.is_loaded(entry.stem)
    registry.evict(entry.stem)
    assert not registry.is_loaded(entry.stem)


def test_an_unknown_stem_names_the_known_ones() -> None:
    with pytest.raises(KeyError, match="char_seq2seq"):
        catalog.record("gpt")
    with pytest.raises(KeyError, match="char_seq2seq"):
        Registry().get("gpt")


def test_lists_in_lists_out() -> None:
    for stem in ("sentiment_lstm", "sentiment_bert"):
        predictor = catalog.record(stem).tiny()
        assert predictor.classify([]) == []
        with pytest.raises(TypeError, match="list"):
            predictor.classify("good")
    translator = catalog.record("char_seq2seq").tiny()
    assert translator.translate([]) == []
    with pytest.raises(TypeError, match="list"):
        translator.translate("hello")


def test_batched_answers_are_those_of_single_texts() -> None:
    texts = ["good", "the film was not bad but great .", "", "terrible movie !"]
    for stem in ("sentiment_lstm", "sentiment_bert"):
        predictor = catalog.record(stem).tiny()
        alone = [predictor.classify([text])[0].positive for text in texts]
        together = [result.positive for result in predictor.classify(texts)]
        assert together == pytest.approx(alone, abs=1e-5)


@pytest.mark.parametrize("name", ["tpu", "cuda:99", "cpu:x"])
def test_an_impossible_device_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from dlnlp.device import pick_device

    monkeypatch.setenv("DLNLP_DEVICE", name)
    with pytest.raises(ValueError, match="DLNLP_DEVICE"):
        pick_device()
