"""Models come from a stand-in for the Hub with progress, and each error is one clear sentence."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dlnlp.hub import HubError, HubModels
from dlnlp.hub import models as hub_models
from dlnlp.hub.download import Place, _bar
from dlnlp.inference.deadline import Cancelled, DeadlineExceeded, deadline
from tests.hub.conftest import TEXTS
from tests.hub.server import COMMIT, Hub, serving

Load = Callable[[str], Any]
NAME = "someone/tiny-bert"


@pytest.fixture
def hub(folder: Load) -> Iterator[Hub]:
    with serving() as found:
        found.folders[NAME] = folder("bert")
        yield found


@pytest.fixture
def place(hub: Hub, tmp_path: Path) -> Place:
    return Place(hub.endpoint, tmp_path / "cache")


@pytest.fixture
def models(place: Place) -> HubModels:
    return HubModels(device="cpu", place=place)


def refusal(models: HubModels, name: str) -> str:
    """The message that refuses a model, which must be one sentence."""
    with pytest.raises(HubError) as error:
        models.get(name)
    message = str(error.value)
    assert message.endswith(".") and "\n" not in message and not re.search(r"[.!?]\s[A-Z]", message)
    return message


def test_a_model_of_the_hub_answers_like_its_folder(models: HubModels, loaded: Load) -> None:
    found = models.get(f"hf:{NAME}")
    assert found.about.name == NAME and found.about.commit == COMMIT
    assert found.logits(TEXTS) == loaded("bert").logits(TEXTS)


def test_a_folder_that_has_changed_is_loaded_again(
    models: HubModels, folder: Load, tmp_path: Path
) -> None:
    path = shutil.copytree(folder("bert"), tmp_path / "copy")
    before = models.get(str(path))
    assert models.get(str(path)) is before and models.is_loaded(str(path))
    config = path / "config.json"
    config.write_text(config.read_text() + "\n")
    assert not models.is_loaded(str(path)) and models.get(str(path)) is not before


def test_progress_ends_with_all_bytes(models: HubModels, hub: Hub) -> None:
    seen: list[tuple[int, int]] = []
    models.get(f"hf:{NAME}", lambda done, total: seen.append((done, total)))
    wanted = {each.name: each.stat().st_size for each in hub.folders[NAME].iterdir()}
    assert {total for _, total in seen} == {sum(wanted.values())}
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1][0] == seen[-1][1] and len(seen) > len(wanted)


def test_files_are_pinned_to_the_commit_and_only_those_that_are_needed(
    models: HubModels, hub: Hub, tmp_path: Path
) -> None:
    copy = shutil.copytree(hub.folders[NAME], tmp_path / "copy")
    for name in ("pytorch_model.bin", "modeling_own.py", "model.onnx", "README.md"):
        (copy / name).write_text("unwanted")
    (copy / "onnx").mkdir()
    (copy / "onnx" / "model.safetensors").write_text("unwanted")
    hub.folders[NAME] = copy
    models.get(f"hf:{NAME}")
    assert sorted(set(hub.downloads())) == [
        "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"
    ]  # fmt: skip
    assert all(COMMIT in each for each in hub.asked)


def test_a_second_load_downloads_nothing(place: Place, hub: Hub) -> None:
    HubModels(device="cpu", place=place).get(f"hf:{NAME}")
    hub.asked.clear()
    assert HubModels(device="cpu", place=place).get(f"hf:{NAME}") and hub.downloads() == []


def test_without_a_connection_an_earlier_download_is_used(place: Place, hub: Hub) -> None:
    HubModels(device="cpu", place=place).get(f"hf:{NAME}")
    gone = Place("http://127.0.0.1:9", place.cache)
    found = HubModels(device="cpu", place=gone).get(f"hf:{NAME}")
    assert found.about.commit == COMMIT
    hub.status = 503
    assert HubModels(device="cpu", place=place).get(f"hf:{NAME}")


def test_sharded_weights(models: HubModels, hub: Hub, loaded: Load, tmp_path: Path) -> None:
    copy = tmp_path / "shards"
    predictor = loaded("bert")
    predictor.model.save_pretrained(copy, max_shard_size="8KB")
    predictor.tokenizer.save_pretrained(copy)
    assert len([*copy.glob("model-*.safetensors")]) > 1
    hub.folders[NAME] = copy
    assert models.get(f"hf:{NAME}").logits(TEXTS) == predictor.logits(TEXTS)


@pytest.mark.parametrize("reason", ["no connection", "the Hub is down", "HF_HUB_OFFLINE"])
def test_offline(hub: Hub, tmp_path: Path, reason: str, monkeypatch: Any) -> None:
    endpoint = "http://127.0.0.1:9" if reason == "no connection" else hub.endpoint
    hub.status = 503 if reason == "the Hub is down" else 200
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", reason == "HF_HUB_OFFLINE")
    models = HubModels(place=Place(endpoint, tmp_path / "cache"))
    assert "can't be reached" in refusal(models, f"hf:{NAME}")


def test_other_errors_of_the_hub(models: HubModels, hub: Hub) -> None:
    hub.status = 429
    assert "(error 429): try again later" in refusal(models, f"hf:{NAME}")


def test_an_interrupted_download_is_not_used(models: HubModels, hub: Hub) -> None:
    hub.lost = 5
    assert "was interrupted" in refusal(models, f"hf:{NAME}")
    hub.status = 503
    assert "can't be reached" in refusal(models, f"hf:{NAME}")
    hub.status, hub.lost = 200, 0
    assert models.get(f"hf:{NAME}")


def test_progress_of_the_hubs_own_protocol() -> None:
    """The Hub's files come by Xet, whose reporter uses the progress bar in another way."""
    xet = pytest.importorskip("huggingface_hub.utils._xet_progress_reporting")
    seen: list[int] = []
    options = {"reconstruction_desc": "", "total": 100, "log_level": 20}
    with xet.XetDownloadProgressReporter(**options, tqdm_class=_bar(seen.append)) as reporter:
        for done, sent in ((30, 10), (100, 60)):
            reporter.update_progress(
                SimpleNamespace(
                    total_bytes_completed=done,
                    total_transfer_bytes_completed=sent,
                    total_bytes=100,
                    total_bytes_completion_rate=None,
                    total_transfer_bytes_completion_rate=None,
                )
            )
    assert seen == [30, 100]


def test_the_servers_token_can_be_kept_back(hub: Hub, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_owner")
    for token, sent in ((None, {"Bearer hf_owner"}), (False, {None})):
        hub.tokens.clear()
        place = Place(hub.endpoint, tmp_path / str(token), token)
        HubModels(device="cpu", place=place).get(f"hf:{NAME}")
        assert set(hub.tokens) == sent


def test_absent(models: HubModels) -> None:
    assert "no public model 'nobody/nothing'" in refusal(models, "hf:nobody/nothing")


@pytest.mark.parametrize("name", ["hf:gpt2", "hf:", "hf:a/b/c", "hf:../secret", "hf:a/b?x=1"])
def test_names_that_can_not_be(models: HubModels, hub: Hub, name: str) -> None:
    assert "write hf:owner/name" in refusal(models, name)
    assert hub.asked == []


def test_gated(models: HubModels, hub: Hub) -> None:
    hub.gated.add(NAME)
    message = refusal(models, f"hf:{NAME}")
    assert f"https://huggingface.co/{NAME}" in message and "HF_TOKEN" in message


def test_too_large(models: HubModels, hub: Hub) -> None:
    hub.sizes["model.safetensors"] = 2_600_000_000
    message = refusal(models, f"hf:{NAME}")
    assert "2,600 MB, more than the 600 MB" in message and hub.downloads() == []


def test_presets_may_be_larger(place: Place, hub: Hub, folder: Load) -> None:
    preset = "nlptown/bert-base-multilingual-uncased-sentiment"
    hub.folders[preset] = folder("bert")
    assert HubModels(limit=10, device="cpu", place=place).get(f"hf:{preset}")


def test_unsafe_format(models: HubModels, hub: Hub, tmp_path: Path) -> None:
    copy = shutil.copytree(hub.folders[NAME], tmp_path / "copy")
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    hub.folders[NAME] = copy
    assert "safetensors" in refusal(models, f"hf:{NAME}") and hub.downloads() == []
    assert "safetensors" in refusal(models, str(copy))


@pytest.mark.parametrize(
    ("name", "message"),
    [("regression", "predicts a number"), ("bare", "is a 'BertModel': choose a model")],
)
def test_other_models_are_refused_before_their_weights_come(
    models: HubModels, hub: Hub, folder: Load, name: str, message: str
) -> None:
    hub.folders[NAME] = folder(name)
    assert message in refusal(models, f"hf:{NAME}")
    assert set(hub.downloads()) == {"config.json"}


def edited(folder: Path, target: Path, name: str, edit: Callable[[str], str]) -> Path:
    """A copy of a folder in which one file is edited."""
    copy = shutil.copytree(folder, target)
    path = copy / name
    path.write_text(edit(path.read_text()))
    return copy


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda text: text.replace('"bert"', '"own"'), "unknown architecture 'own'"),
        (lambda text: text.replace("BertForSequence", "ViTForImage"), "is a 'ViTForImageClass"),
        (lambda text: re.sub(r'"architectures": \[[^]]*\],', "", text), "doesn't say what it is"),
        (lambda text: text.replace('"hidden_size": 16', '"hidden_size": 20'), "don't match"),
        (lambda text: text.replace('"hidden_size": 16', '"hidden_size": "x"'), "config.json"),
        (
            lambda text: re.sub(r'"architectures": \[[^]]*\]', '"architectures": 3', text),
            "doesn't say",
        ),
        (lambda text: '{"quantization_config": {"a": 1},' + text.strip()[1:], "is quantized"),
        (lambda text: text[:-20], "unreadable config.json"),
        (lambda text: "[]", "not a JSON object"),
    ],
)
def test_configurations_that_can_not_be_used(
    models: HubModels, folder: Load, tmp_path: Path, edit: Any, message: str
) -> None:
    path = edited(folder("bert"), tmp_path / "copy", "config.json", edit)
    assert message in refusal(models, str(path))


def test_no_code_of_a_model_is_run(models: HubModels, folder: Load, tmp_path: Path) -> None:
    own = '{"auto_map": {"AutoConfig": "own.Own", "AutoModelForSequenceClassification": "own.Own"},'
    path = edited(
        folder("bert"), tmp_path / "copy", "config.json",
        lambda text: own + text.strip()[1:].replace('"bert"', '"own"'),
    )  # fmt: skip
    (path / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\nclass Own: ...")
    assert "runs no code" in refusal(models, str(path))
    (path / "config.json").write_text(
        own + (folder("bert") / "config.json").read_text().strip()[1:]
    )
    assert models.get(str(path)).classify(["fine"])  # by the library's own class
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "setting",
    ['"attn_implementation": "kernels-community/own"', '"_experts_implementation": "own"',
     '"return_dict": false', '"output_attentions": true', '"use_cache": false'],
)  # fmt: skip
def test_settings_of_a_model_neither_load_code_nor_change_its_answers(
    models: HubModels, folder: Load, loaded: Load, tmp_path: Path, setting: str
) -> None:
    path = edited(
        folder("bert"), tmp_path / "copy", "config.json",
        lambda text: "{" + setting + "," + text.strip()[1:],
    )  # fmt: skip
    found = models.get(str(path))
    assert found.model.config._attn_implementation == "sdpa"
    assert found.logits(TEXTS) == loaded("bert").logits(TEXTS)


def test_missing_head(models: HubModels, folder: Load, tmp_path: Path) -> None:
    path = edited(
        folder("bare"), tmp_path / "copy", "config.json",
        lambda text: text.replace("BertModel", "BertForSequenceClassification"),
    )  # fmt: skip
    message = refusal(models, str(path))
    assert "without 2 of its weights, such as 'classifier.bias'" in message


def test_encoders_are_no_language_models(models: HubModels, folder: Load) -> None:
    assert "can't continue a text" in refusal(models, str(folder("encoder")))


def test_models_that_fail_on_their_first_text_are_refused(
    models: HubModels, folder: Load, monkeypatch: Any
) -> None:
    monkeypatch.setattr("transformers.GPT2Model.forward", None)
    monkeypatch.setattr("transformers.BertModel.forward", None)
    for name in ("gpt2", "bert"):
        assert "can't be used by this app" in refusal(models, str(folder(name)))
    monkeypatch.setattr("dlnlp.hub.language_model.Pieces", lambda *_: SimpleNamespace(texts=()))
    assert "can't be used by this app" in refusal(models, str(folder("llama")))


def test_folders_that_are_incomplete(models: HubModels, folder: Load, tmp_path: Path) -> None:
    assert "There is no folder" in refusal(models, str(tmp_path / "absent"))
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "has no config.json" in refusal(models, str(empty))
    copy = shutil.copytree(folder("bert"), tmp_path / "copy")
    (copy / "tokenizer.json").unlink()
    assert "no tokenizer" in refusal(models, str(copy))
    copy = shutil.copytree(folder("bert"), tmp_path / "damaged")
    (copy / "model.safetensors").write_bytes(b"damaged")
    assert "don't match" in refusal(models, str(copy))


def test_a_tokenizer_of_another_model(models: HubModels, folder: Load, tmp_path: Path) -> None:
    copy = shutil.copytree(folder("bert"), tmp_path / "copy")
    for path in folder("llama").glob("tokenizer*"):
        shutil.copy(path, copy)
    with pytest.raises(HubError, match="more tokens than the model"):
        models.get(str(copy)).classify(TEXTS)


def test_a_download_stops_when_its_visitor_leaves(models: HubModels, hub: Hub) -> None:
    gone = threading.Event()
    with deadline(60, gone), pytest.raises(Cancelled):
        models.get(f"hf:{NAME}", lambda done, total: gone.set())
    assert set(hub.downloads()) == {"config.json"}
    assert models.get(f"hf:{NAME}")  # and the next one works


def test_at_most_two_models_stay_loaded(folder: Load) -> None:
    models = HubModels(device="cpu")
    one, two, three = (str(folder(name)) for name in ("bert", "gpt2", "llama"))
    first = models.get(one)
    models.get(two)
    assert models.get(one) is first
    models.get(three)
    assert [models.is_loaded(each) for each in (one, two, three)] == [True, False, True]


def test_a_model_loads_once_however_many_ask(models: HubModels, monkeypatch: Any) -> None:
    calls: list[str] = []
    load = HubModels._load

    def counted(self: HubModels, *given: Any) -> Any:
        calls.append(given[0])
        return load(self, *given)

    monkeypatch.setattr(HubModels, "_load", counted)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(models.get, [f"hf:{NAME}"] * 4))
    assert len(calls) == 1 and len({id(each) for each in found}) == 1


def test_a_loaded_model_needs_not_wait_for_another_one(
    models: HubModels, folder: Load, monkeypatch: Any
) -> None:
    loaded, going, done = str(folder("gpt2")), threading.Event(), threading.Event()
    models.get(loaded)

    def slow(*_: Any) -> Any:
        going.set()
        done.wait(20)
        raise HubError("It failed.")

    monkeypatch.setattr(hub_models, "download", slow)
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(models.get, f"hf:{NAME}")
        assert going.wait(20)
        assert models.get(loaded)
        with deadline(0.05), pytest.raises(DeadlineExceeded):
            models.get(str(folder("llama")))
        done.set()
        with pytest.raises(HubError):
            other.result()
    assert models.get(str(folder("llama")))


def test_weights_are_computed_in_float32(models: HubModels, loaded: Load, tmp_path: Path) -> None:
    predictor = loaded("llama")
    half = type(predictor.model)(predictor.model.config).half()
    half.load_state_dict(predictor.model.state_dict())
    half.save_pretrained(tmp_path / "half")
    predictor.tokenizer.save_pretrained(tmp_path / "half")
    found = models.get(str(tmp_path / "half"))
    assert str(found.model.dtype) == "torch.float32"
    ours, theirs = (each.distribution("the").log_probs for each in (found, predictor))
    np.testing.assert_allclose(ours, theirs, atol=0.02)
