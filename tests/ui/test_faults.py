"""Faults of one model: its tab says what happened, others work, and it heals by itself."""

import builtins
import errno
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import app
from dlnlp.catalog import CATALOG, Record
from dlnlp.registry import Registry
from dlnlp.service import Service, calls, queues
from dlnlp.ui.compare import batch as screen
from tests.ui.pages import Page

LSTM, BERT = "sentiment_lstm", "sentiment_bert"
OTHER = "token_transformer"
VERDICTS = ("POSITIVE", "NEGATIVE", "UNSURE")


@pytest.fixture
def root(tmp_path):
    """Checkpoints of tiny models."""
    for entry in CATALOG:
        entry.module.save(tmp_path / entry.stem, entry.tiny(), {"metrics": {}})
    return tmp_path


def page_of(root):
    return Page(app.build_app(Service(Registry(root))))


def verdict(page, stem=LSTM):
    page.ask(stem, "a good film")
    return page.shown(f"{stem}_verdict_panel")


def check_other_tab(page):
    page.ask(OTHER, "Once")
    assert page[f"{OTHER}_next"]


def truncate(weights):
    weights.write_bytes(weights.read_bytes()[:-100])


def flip_a_byte(weights):
    content = bytearray(weights.read_bytes())
    content[-5] ^= 1
    weights.write_bytes(content)


def remove(weights):
    weights.unlink()


def not_json(weights):
    (weights.parent / "training.json").write_text("{")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (truncate, "is damaged: model.safetensors"),
        (flip_a_byte, "is damaged: model.safetensors"),
        (remove, "has no model.safetensors"),
        (not_json, "has an unreadable training.json"),
    ],
)
def test_a_damaged_checkpoint(root, damage, said):
    damage(root / LSTM / "model.safetensors")
    page = page_of(root)
    shown = verdict(page)
    assert said in shown and "to repair it, run:" in shown
    check_other_tab(page)
    entry = next(each for each in CATALOG if each.stem == LSTM)
    entry.module.save(root / LSTM, entry.tiny(), {"metrics": {}})
    assert any(word in verdict(page) for word in VERDICTS)


def test_a_file_that_cannot_be_read(root, monkeypatch):
    page, real = page_of(root), builtins.open

    def failing(path):
        if path.parent.name == LSTM:
            raise OSError(errno.EIO, "Input/output error")
        return real(path, "rb").read()

    with monkeypatch.context() as patched:
        patched.setattr("pathlib.Path.read_bytes", failing)
        assert "Input/output error" in verdict(page)
        check_other_tab(page)
    assert any(word in verdict(page) for word in VERDICTS)


@pytest.mark.parametrize(
    "error",
    [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 9 bytes")],
)
def test_too_little_memory_to_load_a_model(root, monkeypatch, error):
    page, real = page_of(root), Record.load

    def load(self, folder, device=None):
        if self.stem == LSTM:
            raise error
        return real(self, folder, device)

    with monkeypatch.context() as patched:
        patched.setattr(Record, "load", load)
        shown = verdict(page)
        assert "needs more memory than is free" in shown and "DLNLP_MAX_LOADED=1" in shown
        check_other_tab(page)
    assert any(word in verdict(page) for word in VERDICTS)


def test_a_checkpoint_that_is_replaced_while_its_model_is_in_use(root):
    page = page_of(root)
    before = verdict(page)
    truncate(root / LSTM / "model.safetensors")
    assert verdict(page) == before  # the loaded model is whole


def test_a_model_that_never_ends(monkeypatch):
    service = Service(Registry(untrained=True))
    page, predictor = Page(app.build_app(service)), service.registry.get(LSTM)
    release = threading.Event()
    for module, name, value in ((queues, "GRACE", 0.1), (calls, "POLL", 0.05)):
        monkeypatch.setattr(module, name, value)
    with monkeypatch.context() as patched:
        patched.setattr(calls, "SECONDS", 0.1)
        patched.setattr(predictor, "classify", lambda texts: release.wait(30))
        assert "given up: try again" in verdict(page)
        check_other_tab(page)
    assert any(word in verdict(page) for word in VERDICTS)  # in a new thread
    release.set()


def test_a_full_disk(monkeypatch):
    page = Page(app.build_app(Service(Registry(untrained=True))))

    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    page[f"{screen.STEM}_text"] = "good\nbad"
    with monkeypatch.context() as patched:
        patched.setattr("dlnlp.compare.files.save", full)
        page.trigger(f"{screen.STEM}_run")
        assert "No space left on device" in json.dumps(str(page.history[-1]))
        check_other_tab(page)


def test_many_first_requests_load_a_model_once(monkeypatch):
    service, loaded = Service(Registry(untrained=True)), []
    real = Record.tiny
    monkeypatch.setattr(Record, "tiny", lambda self: loaded.append(self.stem) or real(self))
    with ThreadPoolExecutor(32) as pool:
        found = list(pool.map(lambda n: service.call(LSTM, "classify", texts=[f"{n}"]), range(32)))
    assert loaded == [LSTM] and [each[0].text for each in found] == [str(n) for n in range(32)]
