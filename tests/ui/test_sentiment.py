"""The tabs of the models that classify, and Compare."""

import gradio as gr
import pytest

import app
from dlnlp.compare.models import MODELS
from dlnlp.registry import Registry
from dlnlp.service import Service
from dlnlp.ui.panels.about import ENGLISH
from tests.ui.pages import Page

RESULT = {stem: f"{stem}_result" for stem in MODELS}


@pytest.mark.parametrize("stem", MODELS)
def test_a_text_gets_a_verdict_and_tinted_words(page, stem):
    page.ask(stem, "the film was not good")
    assert "dl-verdict" in page[f"{stem}_result"]
    assert page[f"{stem}_words"].count('class="dl-word"') == 5


@pytest.mark.parametrize("stem", MODELS)
@pytest.mark.parametrize("text", ["", "  \n\t ", "\x00\x01", None, 5])
def test_a_blank_text_gets_a_note_and_clears_the_results(page, stem, text):
    page.ask(stem, "good").ask(stem, text)
    assert "dl-note" in page.shown(f"{stem}_verdict_panel")
    assert page[f"{stem}_result"] == page[f"{stem}_words"] == ""
    assert page[f"{stem}_{'trace' if stem == 'sentiment_lstm' else 'layers_plot'}"] is None


@pytest.mark.parametrize("stem", MODELS)
def test_odd_texts_get_results_and_no_markup_of_their_own(page, stem, bad_text):
    page.ask(stem, bad_text)
    for name in ("verdict", "attribution"):
        shown = page.shown(f"{stem}_{name}_panel")
        assert "dl-fault" not in shown
        assert "<script" not in shown and "<img" not in shown
    if len(bad_text) > 100_000:
        assert "100,000" in page.shown(f"{stem}_verdict_panel")


@pytest.mark.parametrize("stem", MODELS)
def test_all_panels_carry_the_text_that_was_asked_whatever_is_typed_meanwhile(page, stem):
    page[f"{stem}_text"] = 'good "film"'
    [first] = page.listeners(f"{stem}_run")
    for values in page.steps(first):
        page.update(values)
    page[f"{stem}_text"] = "typed later"
    for function in page.demo.fns.values():
        if function.trigger_after == first._id:
            page._run(function, None, True)
    for name in ("verdict", "attribution"):
        marker = page.shown(f"{stem}_{name}_panel")
        assert 'data-answers="good &#34;film&#34;"' in marker
        assert f'data-box="{stem}_text"' in marker


@pytest.mark.parametrize("stem", MODELS)
def test_removed_words_show_the_verdict_without_them(page, stem):
    page.ask(stem, "the film was not good").trigger(f"{stem}_words", data={"words": [3]})
    assert "<del>not</del>" in page[f"{stem}_without"]
    page.trigger(f"{stem}_words", data={"words": []})
    assert page[f"{stem}_without"] == ""


@pytest.mark.parametrize("words", [5, None, "3", ["3"], [True], {"0": 1}])
def test_forged_event_data_becomes_a_sentence(page, words):
    page.ask("sentiment_lstm", "good film")
    page.trigger("sentiment_lstm_words", data={"words": words})
    assert "must be a list of whole numbers" in page.shown("sentiment_lstm_attribution_panel")


def test_the_method_can_be_changed_after_the_answer(page):
    page.ask("sentiment_lstm", "a good film")
    before = page["sentiment_lstm_words"]
    page["sentiment_lstm_method"] = "leave_one_out"
    page.trigger("sentiment_lstm_method", "change")
    assert page["sentiment_lstm_words"] != before


def test_a_closed_panel_computes_when_it_is_opened(page):
    page.ask("sentiment_lstm", "a good film")
    assert page["sentiment_lstm_hidden"] is None
    page.trigger("sentiment_lstm_memory", "expand")
    assert page["sentiment_lstm_hidden"] is not None


def test_an_opened_panel_follows_each_question_until_it_is_closed(page):
    page.ask("sentiment_lstm", "a good film").trigger("sentiment_lstm_gates", "expand")
    page.ask("sentiment_lstm", "a bad day")
    assert 'data-answers="a bad day"' in page.shown("sentiment_lstm_gates_panel")
    page.trigger("sentiment_lstm_gates", "collapse").ask("sentiment_lstm", "nothing")
    assert 'data-answers="a bad day"' in page.shown("sentiment_lstm_gates_panel")
    page.trigger("sentiment_lstm_gates", "expand")
    assert 'data-answers="nothing"' in page.shown("sentiment_lstm_gates_panel")


def test_results_for_a_text_that_is_cut_are_not_dimmed_and_one_panel_says_it_is_cut(page):
    text = "nice " * 20_001
    page.ask("sentiment_lstm", text).trigger("sentiment_lstm_gates", "expand")
    panels = [page.shown(f"sentiment_lstm_{name}_panel") for name in ("verdict", "gates")]
    assert [f'data-answers="{text}"' in shown for shown in panels] == [True, True]
    assert ["only the beginning (100,000)" in shown for shown in panels] == [True, False]


def test_visitors_open_panels_for_themselves_alone(demo):
    first, second = Page(demo), Page(demo)
    first.trigger("sentiment_lstm_gates", "expand")
    for page in (first, second):
        page.ask("sentiment_lstm", "a good film")
    assert "data-answers" in first.shown("sentiment_lstm_gates_panel")
    assert "data-answers" not in second.shown("sentiment_lstm_gates_panel")


@pytest.mark.parametrize("name", ["classify", "explain", "layer_words"])
def test_a_panel_that_fails_says_so_and_shows_nothing_old(page, monkeypatch, name):
    page.ask("sentiment_bert", "good")
    registry = Registry(untrained=True)
    predictor = type(registry.get("sentiment_bert"))
    monkeypatch.setattr(predictor, name, lambda *given, **named: 1 / 0)
    panel = {"classify": "verdict", "explain": "attribution", "layer_words": "layers"}[name]
    page.ask("sentiment_bert", "good film")
    assert "the details are in its log" in page.shown(f"sentiment_bert_{panel}_panel")
    shown = {"classify": "result", "explain": "words", "layer_words": "layers_plot"}[name]
    assert not page[f"sentiment_bert_{shown}"]


def test_an_unexpected_error_goes_to_the_log(caplog):
    class Broken(Registry):
        def get(self, stem, device=None):
            raise RuntimeError("<secret>")

    page = Page(app.build_app(Service(Broken(untrained=True)))).ask("sentiment_lstm", "a")
    shown = page.shown("sentiment_lstm_verdict_panel")
    assert "Something went wrong" in shown and "secret" not in shown
    assert "secret" in caplog.text


@pytest.mark.parametrize("stem", [*MODELS, "compare"])
def test_a_missing_checkpoint_is_one_sentence(page_without_checkpoints, stem):
    page = page_without_checkpoints.ask(stem, "hello")
    panel = f"{MODELS[-1]}_comparison_panel" if stem == "compare" else f"{stem}_verdict_panel"
    shown = page.shown(panel)
    assert "dl-fault" in shown
    assert "run:<code>pip install -r requirements-train.txt" in shown


@pytest.mark.parametrize("stem", [*MODELS, "compare"])
def test_the_first_use_says_that_the_model_is_loading(stem):
    page = Page(app.build_app(Service(Registry(untrained=True)))).ask(stem, "hello")
    assert any("Loading" in str(value) for value in page.history[0].values())
    assert not any("Loading" in str(value) for value in page.history[-1].values())


# The card


def test_the_card_is_read_when_it_is_opened(tmp_path):
    page = Page(app.build_app(Service(Registry(root=tmp_path))))
    [function] = page.listeners("sentiment_lstm_about", "expand")
    markdown, fault = function.fn()
    assert not markdown and "is missing" in fault
    folder = tmp_path / "sentiment_lstm"
    folder.mkdir()
    (folder / "training.json").write_text("{}", encoding="utf-8")
    (folder / "README.md").write_text("---\nlicense: x\n---\n# Card", encoding="utf-8")
    assert function.fn() == ("## Card", ENGLISH)


def test_tabs_follow_the_catalog_between_start_and_compare(demo):
    from dlnlp import catalog

    tabs = next(block for block in demo.blocks.values() if isinstance(block, gr.Tabs))
    titles = [tab.label for tab in tabs.children]
    models = [entry.title for entry in catalog.CATALOG]
    assert titles == ["Start", *models, "Train it yourself", "Your own model", "Compare"]
