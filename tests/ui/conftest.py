"""What the tests of the page share."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny models only lose by sharing their work

import pytest

import app
from dlnlp.registry import Registry
from dlnlp.service import Service
from tests.ui.pages import Page

BAD_TEXTS = {
    "emoji": "🎬",
    "unknown letters": "这部电影很好看",
    "control characters": "a\x00b\x1b[31m\x7fc\u200d",
    "script": "<script>alert(1)</script>",
    "image": "<img src=x onerror=alert(1)>",
    "template": "${alert(1)} {{value}} {% if %}",
    "right to left": "كان الفيلم رائعا \u202eabc",
    "lone surrogate": "a\ud83db",
    "one long word": "a" * 100_000,
    "long": "the film was bad . " * 5_300,
    "too long": "x y " * 30_000,
}


@pytest.fixture(params=BAD_TEXTS)
def bad_text(request):
    return BAD_TEXTS[request.param]


@pytest.fixture(scope="module")
def demo():
    return app.build_app(Service(Registry(untrained=True)))


@pytest.fixture(scope="module")
def demo_without_checkpoints(tmp_path_factory):
    return app.build_app(Service(Registry(root=tmp_path_factory.mktemp("none"))))


@pytest.fixture
def page(demo):
    return Page(demo)


@pytest.fixture
def page_without_checkpoints(demo_without_checkpoints):
    return Page(demo_without_checkpoints)
