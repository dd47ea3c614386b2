"""The tab for the visitor's own model, with tiny models in folders."""

import dataclasses

import gradio as gr
import pytest

import app
from dlnlp import catalog
from dlnlp.compare import scoreboard
from dlnlp.compare.scoreboard import own_row
from dlnlp.hub import HubError, HubModels
from dlnlp.inference.deadline import Cancelled, check_deadline
from dlnlp.registry import Registry
from dlnlp.service import Service
from dlnlp.service.own import OwnModels
from dlnlp.ui.panels import own_model
from dlnlp.ui.panels.own_model import loaded, reading
from dlnlp.ui.tabs import compare
from dlnlp.ui.tabs import own as own_tab
from tests.hub.conftest import ALL, save
from tests.ui.conftest import BAD_TEXTS
from tests.ui.pages import Page

CLASSIFIER = {"verdict": "labels", "attribution": "words"}
WRITER = {"next_tokens": "next", "surprise": "tokens"}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("own")
    names = ("distilbert", "roberta", "gpt2", "regression")
    return {name: str(save(root / name, ALL[name])) for name in names}


@pytest.fixture(scope="module")
def local_demo():
    """The tab, which the app builds when it is opened, and the Compare tab."""
    service = Service(Registry(untrained=True), local=True)
    with gr.Blocks() as demo:
        own_tab.build_tab(service)
        compare.build_tab(service)
    return demo


@pytest.fixture
def own(local_demo, folders):
    """Asks a model of the tab; returns the page."""
    page = Page(local_demo)

    def ask(name, text="A wonderful film, but far too long."):
        page["own_model"] = folders.get(name, name)
        return page.ask("own", text)

    return ask


def test_a_classifier_shows_its_labels_and_words(own):
    page = own("distilbert")
    assert "DistilBertForSequenceClassification" in page["own_about"]
    assert "POSITIVE" in page["own_classification_labels"]
    assert "towards “" in page["own_classification_words"]
    assert not page["own_generation_next"]
    page.trigger("own_classification_words", data={"words": [1]})
    assert "<del>wonderful</del>" in page["own_classification_without"]


def test_the_attention_heads_of_a_classifier_are_shown_and_switched_off(own):
    page = own("distilbert")
    page.trigger("own_classification_attention", "expand")
    assert page["own_classification_heads"].count('class="dl-head"') == 4
    page.trigger("own_classification_heads", data={"layer": 1, "head": 0})
    assert "Layer 2, head 1." in page.shown("own_classification_attention_panel")
    page.trigger("own_classification_layers", "expand")
    assert "layer 2" in page["own_classification_layer_bars"]
    page.trigger("own_classification_heads_off", "expand")
    page.trigger("own_classification_effects", data={"heads": ["2.1"]})
    assert "without head 2.1" in page["own_classification_heads_changed"]


def test_a_head_that_a_smaller_model_lacks_is_not_shown(own, tmp_path):
    page = own("distilbert")
    page.trigger("own_classification_attention", "expand")
    page.trigger("own_classification_heads", data={"layer": 1, "head": 0})
    config = {**ALL["distilbert"].config, "n_layers": 1}
    smaller = dataclasses.replace(ALL["distilbert"], config=config)
    page["own_model"] = str(save(tmp_path / "smaller", smaller))
    page.ask("own", "A wonderful film")
    shown = page.shown("own_classification_attention_panel")
    assert "dl-fault" not in shown and "Layer 1, head" in shown


def test_a_model_with_many_labels_says_that_several_may_apply(own):
    page = own("roberta")
    assert "Any number of labels may apply" in page["own_classification_labels"]
    for label in ("sport", "film", "music"):
        assert label in page["own_classification_labels"]


def test_a_language_model_predicts_scores_and_continues(own):
    page = own("gpt2", "I wanted to")
    assert not page["own_classification_labels"]
    assert "dl-next" in page["own_generation_next"]
    assert "perplexity" in page["own_generation_tokens"]
    page.trigger("own_generation_lens", "expand")
    assert "<table>" in page["own_generation_lens_table"]
    page["own_generation_length"] = 5
    page.trigger("own_generation_continue")
    assert "dl-continuation" in page["own_generation_result"]
    page["own_generation_temperature"] = 0
    page.trigger("own_generation_temperature", "change")
    assert page["own_generation_next"].count('dl-next"') == 1


def test_views_of_another_model_are_cleared(own):
    own("distilbert")
    page = own("gpt2")
    assert not page["own_classification_labels"]
    page = own("nobody/nothing")
    assert not page["own_generation_next"]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("regression", "predicts a number"),
        ("nobody/nothing", "The Hub can&#39;t be reached"),
        ("/no/such/folder", "There is no folder"),
        ("", "Enter the name of a model"),
        ("hf:", "write hf:owner/name"),
    ],
)
def test_a_model_that_cannot_be_loaded_is_explained(own, name, sentence):
    page = own(name)
    assert sentence in page.shown("own_loaded_panel")
    assert not page["own_about"]


def test_an_own_classifier_is_compared(local_demo, folders):
    page = Page(local_demo)
    page["compare_own_model"] = folders["roberta"]
    page.ask("compare", "good film")
    assert not page["compare_own_result"]
    page.trigger("compare_own", "expand")
    for text in ("sport", " ms", "parameters", "Contributions by integrated gradients"):
        assert text in page["compare_own_result"]
    page["compare_own_model"] = folders["gpt2"]
    page.trigger("compare_own_model", "submit")
    assert "choose a text classifier" in page.shown("compare_own_panel")


@pytest.mark.parametrize(("name", "unit"), [("roberta", "texts/s"), ("gpt2", "tokens/s")])
def test_an_own_model_is_measured_for_the_scoreboard(local_demo, folders, monkeypatch, name, unit):
    monkeypatch.setattr(scoreboard, "ENOUGH_SECONDS", 0.01)
    page = Page(local_demo)
    page["scoreboard_model"] = folders[name]
    page.trigger("scoreboard_run")
    row = page["scoreboard_table"].split(folders[name])[1].split("</tr>")[0]
    assert unit in row and " ms" in row
    page["scoreboard_model"] = "/no/such/folder"
    page.trigger("scoreboard_run")
    assert "There is no folder" in page["scoreboard_status"]
    assert "texts/s" in page["scoreboard_table"]


@pytest.mark.parametrize("kind", ["unknown letters", "script", "lone surrogate", "one long word"])
def test_any_text_is_shown(own, kind):
    for name in ("distilbert", "gpt2"):
        page = own(name, BAD_TEXTS[kind])
        for panel in ("classification_verdict", "generation_next_tokens", "loaded"):
            shown = page.shown(f"own_{panel}_panel") if panel != "loaded" else page["own_about"]
            assert "<script>" not in shown
            assert "the details are in its log" not in shown


def test_a_public_server_offers_its_list_alone(folders, monkeypatch):
    with gr.Blocks() as demo:
        own_tab.build_tab(Service(Registry(untrained=True)))
    page = Page(demo)
    page["own_model"] = folders["distilbert"]
    page.ask("own", "good")
    assert "This app doesn&#39;t load" in page.shown("own_loaded_panel")
    monkeypatch.setenv("DLNLP_HUB", "off")
    demo = app.build_app(Service(Registry(untrained=True)))
    assert not any(getattr(block, "elem_id", "") == "own_tab" for block in demo.blocks.values())


def test_a_visitor_who_leaves_ends_the_download(monkeypatch):
    class Endless(HubModels):
        def get(self, name, progress=None, device=None):
            progress(10**6, 10**7)
            while True:
                check_deadline()

    monkeypatch.setattr(own_model, "EVERY", 0.02)
    monkeypatch.setattr(own_model, "visitor_left", lambda: True)
    own = OwnModels(Service(Registry(untrained=True), local=True), Endless())
    with pytest.raises(Cancelled):
        for step in loaded(own, "hf:owner/name"):
            assert "of 10 MB" in step


def test_the_progress_is_a_bar():
    assert 'value="5000000" max="20000000"' in reading(5 * 10**6, 2 * 10**7)
    assert "complete" in reading(7, 7)
    assert "Loading the model" in reading(0, 0)


@pytest.mark.parametrize("entry", catalog.CATALOG, ids=lambda entry: entry.stem)
def test_a_chapters_model_from_another_folder_answers(own, tmp_path, entry):
    entry.module.save(tmp_path / "mine", entry.tiny(), {"stem": entry.stem, "parameters": 12})
    page = own(str(tmp_path / "mine"), "A wonderful film")
    assert entry.title in page["own_about"] and "dlnlp.load(" in page["own_about"]
    assert page["own_chapter_answer"]
    assert not page["own_classification_labels"] and not page["own_generation_next"]


def test_a_chapters_model_from_another_folder_is_not_compared(local_demo, tmp_path):
    entry = catalog.record("sentiment_lstm")
    entry.module.save(tmp_path / "mine", entry.tiny(), {"stem": entry.stem})
    service = Service(Registry(untrained=True), local=True)
    with pytest.raises(HubError, match="is a chapter's model"):
        own_row(OwnModels(service), str(tmp_path / "mine"), 0.01)


def test_a_damaged_folder_of_a_chapter_is_refused(own, tmp_path):
    entry = catalog.record("sentiment_lstm")
    entry.module.save(tmp_path / "mine", entry.tiny(), {"stem": entry.stem})
    (tmp_path / "mine" / "vocab.json").write_text("[]")
    assert "is damaged" in own(str(tmp_path / "mine")).shown("own_loaded_panel")
