"""The tab “Train it yourself”, without a browser."""

import gradio as gr
import pytest

from dlnlp.registry import Registry
from dlnlp.service import Service
from dlnlp.service.training import MOST_RUNNING, MOST_WAITING
from dlnlp.service.training_run import ENDED, Training
from dlnlp.training.exercises import EXERCISES
from dlnlp.training.progress import Answer, Histogram, Progress, Rows, Settings
from dlnlp.ui.kit import model
from dlnlp.ui.panels import trained
from dlnlp.ui.tabs import char_seq2seq
from dlnlp.ui.training.curves import POINTS, curves, difference, of
from dlnlp.ui.training.report import report
from dlnlp.ui.training.screen import TrainingScreen
from tests.ui.pages import Page

EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def service():
    service = Service(Registry(untrained=True))
    yield service
    service.close()


@pytest.fixture(scope="module")
def screens(service):
    with gr.Blocks() as demo:
        TrainingScreen(service, EXERCISES)
        char_seq2seq.build_tab(service)
    return demo


@pytest.fixture
def page(screens, service, monkeypatch, request):
    """The page of a new visitor."""
    monkeypatch.setattr("dlnlp.ui.training.screen.visitor", lambda: request.node.name)
    monkeypatch.setattr("dlnlp.ui.panels.trained.visitor", lambda: request.node.name)
    yield Page(screens)
    service.trainings.depart(request.node.name)


def choose(page, stem):
    page["training_chapter"] = stem
    return page.trigger("training_chapter", "change")


def test_a_visitor_for_whom_there_is_no_place_is_told_so_at_once(page):
    [train] = page.listeners("training_train")
    assert train.concurrency_limit > MOST_RUNNING + MOST_WAITING  # else Gradio lets them wait


@pytest.mark.parametrize("each", EXERCISES, ids=lambda each: each.stem)
def test_a_chapter_brings_its_rows_sentence_and_settings(page, each):
    choose(page, each.stem)
    assert page["training_rows"] == [list(row) for row in each.examples]
    assert page["training_text"] == each.sentence
    assert page["training_epochs"] == each.settings.epochs
    page.trigger("training_small")
    assert len(page["training_rows"]) == len(each.small())
    assert page["training_epochs"] == each.small_settings.epochs
    page.trigger("training_examples_button")
    assert page["training_rows"] == [list(row) for row in each.examples]


def test_a_run_is_shown_used_in_its_tab_and_downloaded(page, service):
    choose(page, "char_seq2seq")
    page.ask("char_seq2seq", "hello").trigger("char_seq2seq_trained", "expand")
    assert "You have not trained this model yet" in page.shown("char_seq2seq_trained_panel")
    page["training_width"], page["training_histogram"] = 16, True
    page["training_epochs"] = 3
    page.trigger("training_train")
    assert "Finished." in page["training_status"]
    assert "3 of 3" in page["training_shown"] and "<path" in page["training_shown"]
    assert "“hello”" in page["training_shown"] and "<rect" in page["training_shown"]
    assert page["training_download"].endswith("char_seq2seq.zip")
    page.trigger("training_use")
    assert 'data-use="char_seq2seq"' in page["training_status"]
    page.ask("char_seq2seq", "hello")
    answers = page["char_seq2seq_trained_answers"]
    assert answers.count("dl-compared") == 2 and trained.TITLE in answers

    page["training_seed"] = 5
    page.trigger("training_train")
    assert "dl-earlier" in page["training_shown"]
    assert "your previous run</span> (<span>seed 0</span>)" in page["training_shown"]


def test_visitors_have_models_of_their_own(page, service, monkeypatch):
    service.trainings.desk("another").used["char_seq2seq"] = "secret"
    page.ask("char_seq2seq", "hello").trigger("char_seq2seq_trained", "expand")
    assert "You have not trained this model yet" in page.shown("char_seq2seq_trained_panel")
    service.trainings.depart("another")


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("training_rows", [["good", "1"], ["bad", ""]], "Row 2 is incomplete"),
        ("training_rows", {"data": [["good", "1"], ["bad", "2"]]}, "in row 2"),
        ("training_rows", "no table", "must be a table"),
        ("training_rows", [[EVIL, "1"], ["bad", EVIL]], "&lt;img"),
        ("training_epochs", None, "epochs must be a whole number"),
        ("training_learning_rate", "fast", "must be a number"),
        ("training_width", 5000, "width must be"),
    ],
)
def test_a_fault_is_one_sentence(page, service, field, value, said):
    choose(page, "sentiment_lstm")
    page[field] = value
    page.trigger("training_train")
    assert said in page["training_status"] and "dl-fault" in page["training_status"]
    assert EVIL not in page["training_status"]
    assert not service.trainings.running()


def test_a_row_is_added_and_left_out_while_it_is_blank(page):
    choose(page, "char_seq2seq")
    page.trigger("training_more")
    assert page["training_rows"] == [["hello", "bonjour"], ["thanks", "merci"], ["", ""]]
    page["training_rows"] = "no table"
    page.trigger("training_more")
    assert "must be a table" in page["training_status"]


def test_buttons_without_a_run_do_nothing(page):
    for name in ("pause", "step", "stop"):
        page.trigger(f"training_{name}")
    page.trigger("training_use")
    assert "Train a model first" in page["training_status"]


def test_an_upload_fills_the_table(page, tmp_path):
    choose(page, "char_seq2seq")
    (tmp_path / "pairs.csv").write_text("English,French\ncat,chat\ndog,chien\n")
    page["training_upload"] = str(tmp_path / "pairs.csv")
    page.trigger("training_upload", "upload")
    assert page["training_rows"] == [["cat", "chat"], ["dog", "chien"]]
    (tmp_path / "pairs.csv").write_text("English\ncat\n")
    page.trigger("training_upload", "upload")
    assert "it needs 2: English, French" in page["training_status"]


def test_a_rejected_upload_names_the_file_and_keeps_the_rows(page, tmp_path):
    rows = page["training_rows"]
    (tmp_path / "up.csv").write_text("text,label\nfine,5\nbad,0\n")
    page["training_upload"] = str(tmp_path / "up.csv")
    page.trigger("training_upload", "upload")
    said = "“up.csv” was not loaded, and the rows on the page are unchanged. The label "
    assert said in page["training_status"]
    assert page["training_rows"] == rows


def training(tmp_path, losses=(), held_out=(), rows=("a", "b"), **settings):
    given = Rows(tuple((each, "1") for each in rows))
    found = Training("key", "sentiment_lstm", Settings(**settings), given, tmp_path)
    found.losses, found.held_out = list(losses), list(held_out)
    return found


def test_many_steps_are_thinned_to_their_means(tmp_path):
    losses = [float(i % 2) for i in range(10_000)]
    curve = of(training(tmp_path, losses))["loss"]
    assert len(curve) <= POINTS and curve[-1][0] == 10_000
    assert all(y == pytest.approx(0.5, abs=0.05) for _, y in curve)


def test_curves_say_what_they_show_and_how_runs_differ(tmp_path):
    now = training(tmp_path, [1.0, 0.5], [(2, 0.75, 0.5)], width=32)
    before = training(tmp_path, [2.0], width=64, pretrained=False)
    drawn = curves(now, before)
    assert "from 1.000 to 0.500 in 2 steps; the held-out loss is 0.750" in drawn
    assert drawn.count("dl-earlier") == 1 and "100%" in drawn
    assert difference(before.settings, now.settings) == "width 64, trained embeddings off"
    assert "100%" not in curves(training(tmp_path, [1.0]))


def test_an_ended_run_with_early_stopping_shows_the_figures_of_its_best_weights(tmp_path):
    found = training(tmp_path, [1.0], [(1, 0.5, 0.9), (2, 0.75, 0.6)], patience=1)
    assert "the held-out loss is 0.750" in curves(found)
    found.state = ENDED
    assert "the held-out loss is 0.500 and the held-out accuracy 90.0%" in curves(found)


def test_the_losses_of_runs_on_other_rows_are_not_compared(tmp_path):
    now, same = training(tmp_path, [1.0]), training(tmp_path, [2.0], patience=3)
    assert "do not compare" not in curves(now, same)
    assert "early stopping off" in curves(same, now)
    other = training(tmp_path, [2.0], rows=("a", "b", "c"))
    assert "That run had other rows (3, now 2): do not compare" in curves(now, other)


def test_texts_in_a_report_are_escaped(tmp_path):
    found = training(tmp_path, [1.0])
    found.wants_histogram = True
    found.progress = Progress(
        1, 2, 1, 0.1, sentence=EVIL, answer=Answer(EVIL), histograms=(Histogram(EVIL, 0, 1, (1,)),)
    )
    shown = report(found)
    assert EVIL not in shown and shown.count("&lt;img") == 4


def test_outside_of_an_event_there_is_no_visitor():
    assert model.visitor() == ""
