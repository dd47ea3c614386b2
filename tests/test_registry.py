"""The registry: one predictor per model and device, loaded on first use."""

import pickle
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from dlnlp.catalog import CATALOG, Record, record
from dlnlp.checkpoint import CheckpointError
from dlnlp.device import pick_device
from dlnlp.registry import Registry
from dlnlp.service import Service
from dlnlp.text.language import LANGUAGES, LanguageCheck
from dlnlp.ui.kit.model import Model

ENTRY = CATALOG[0]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoints")
    ENTRY.module.save(folder / ENTRY.stem, ENTRY.tiny(), {"metrics": {}})
    return folder


@pytest.mark.parametrize("names", [(None, "cpu"), ("cpu", "cpu:0"), (None, None)])
def test_names_of_one_device_share_a_predictor(root, monkeypatch, names):
    monkeypatch.setenv("DLNLP_DEVICE", "cpu")
    registry = Registry(root)
    one, other = (registry.get(ENTRY.stem, name) for name in names)
    assert one is other


def test_the_registrys_own_device_comes_before_the_environments(root, monkeypatch):
    registry = Registry(root, device="cpu")
    loaded = registry.get(ENTRY.stem)
    monkeypatch.setenv("DLNLP_DEVICE", "nonsense")
    assert registry.get(ENTRY.stem) is loaded


def test_an_impossible_device_is_refused_and_not_remembered(root):
    registry = Registry(root)
    with pytest.raises(ValueError, match="cuda:99"):
        registry.get(ENTRY.stem, "cuda:99")
    assert registry.get(ENTRY.stem, "cpu")


def test_asking_what_is_loaded_does_not_import_torch(root):
    code = (
        "import sys; from pathlib import Path; from dlnlp.registry import Registry; "
        f"registry = Registry(Path({str(root)!r})); "
        f"print(registry.is_loaded({ENTRY.stem!r}), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["False", "False"], done.stderr


def test_a_model_loads_once_however_many_ask(monkeypatch):
    registry = Registry(untrained=True)
    made = []
    real = Record.tiny

    def counted(self):
        made.append(self.stem)
        return real(self)

    monkeypatch.setattr(Record, "tiny", counted)
    start = threading.Barrier(8)

    def ask(_):
        start.wait()
        return registry.get(ENTRY.stem)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, range(8)))
    assert made == [ENTRY.stem]
    assert all(one is found[0] for one in found)


def test_an_unknown_stem_names_the_known_ones():
    with pytest.raises(KeyError, match=ENTRY.stem):
        Registry().get("gpt")


@pytest.mark.parametrize("name", ["tpu", "cuda:99", "cpu:x"])
def test_an_impossible_device_names_the_possible_ones(name, monkeypatch):
    monkeypatch.setenv("DLNLP_DEVICE", name)
    with pytest.raises(ValueError, match=r"DLNLP_DEVICE.*cpu"):
        pick_device()


def test_only_so_many_models_stay_loaded_and_the_least_recently_used_goes_first():
    first, second, third = (entry.stem for entry in CATALOG[:3])
    registry = Registry(untrained=True, most_loaded=2)
    for stem in (first, second, first, third):
        registry.get(stem)
    assert [registry.is_loaded(stem) for stem in (first, second, third)] == [True, False, True]
    assert registry.get(second)


def test_a_model_in_use_stays_loaded():
    first, second, third = (entry.stem for entry in CATALOG[:3])
    registry = Registry(untrained=True, most_loaded=1)
    with registry.use(first) as predictor:
        registry.get(second)
        registry.get(third)
        assert registry.get(first) is predictor
        assert not registry.is_loaded(second)
    registry.get(second)
    assert not registry.is_loaded(first)


@pytest.mark.parametrize("limit", ["0", "two", "-1", "1.5"])
def test_a_limit_that_makes_no_sense_is_refused(monkeypatch, limit):
    monkeypatch.setenv("DLNLP_MAX_LOADED", limit)
    with pytest.raises(ValueError, match="DLNLP_MAX_LOADED"):
        Registry(untrained=True)


def test_a_fault_can_be_sent_to_another_process(tmp_path):
    with pytest.raises(CheckpointError) as caught:
        Registry(tmp_path).get(ENTRY.stem)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_a_note_says_that_a_text_is_not_english(tmp_path):
    translator = record("char_seq2seq")
    translator.module.save(tmp_path / translator.stem, translator.tiny(), {"metrics": {}})
    assert Registry(tmp_path).language is None  # a checkpoint without the check
    english, french = ["the cat is here"] * 9, ["le chat est là"] * 9
    path = tmp_path / translator.stem / LANGUAGES
    path.write_text(LanguageCheck.build(english, french).dumps(), encoding="utf-8")
    model = Model(Service(Registry(tmp_path)), ENTRY.stem)
    assert not model.language_note("the cat")
    assert "not look like English" in model.language_note("le chat est là, le chat est là")
    path.write_text("{", encoding="utf-8")
    assert Registry(tmp_path).language is None  # a damaged one concerns the translator alone
