"""The Scoreboard screen of the Compare tab."""

import app
from dlnlp.catalog import CATALOG
from dlnlp.compare import scoreboard as board
from dlnlp.registry import Registry
from dlnlp.service import Service
from dlnlp.ui.compare.scoreboard import plots_of
from dlnlp.ui.panels.scoreboard import scoreboard
from tests.ui.pages import Page


def test_the_table_has_models_baselines_and_published_results():
    shown = Page(app.build_app(Service(Registry())))["scoreboard_table"]
    for entry in CATALOG:
        assert f"<strong>{entry.title}</strong>" in shown
    assert "VADER" in shown and "DistilBERT" in shown and "OPUS-MT" in shown
    assert "not published: measured with sacrebleu" in shown
    assert " ms" not in shown  # no speed that was not measured here


def test_the_button_measures_every_model(page, monkeypatch):
    monkeypatch.setattr(board, "ENOUGH_SECONDS", 0.01)
    page.trigger("scoreboard_run")
    assert page["scoreboard_table"].count(" ms<") == len(CATALOG)
    said = [str(value) for values in page.history for value in values.values()]
    assert any("(2 of 4)" in each for each in said)
    assert not page["scoreboard_status"]


def test_a_missing_checkpoint_is_one_sentence(page_without_checkpoints):
    shown = page_without_checkpoints.trigger("scoreboard_run")["scoreboard_status"]
    assert "is missing" in shown and "dl-fault" in shown


def test_models_of_one_task_share_a_plot():
    rows = board.rows(Registry())
    speeds = {row.record.stem: board.Speed(row.record.stem, 0.01, 5.0, "texts") for row in rows}
    metrics = board.first_metrics(rows)
    figures = plots_of(rows, metrics, speeds)
    assert [len(figure.data[0].x) for figure in figures] == [2, 1, 1]
    assert set(figures[0].data[0].x) == {10.0}
    ends = figures[2].layout.yaxis.range
    assert ends[0] > ends[1]  # a low perplexity is at the top
    assert "10.0 ms" in scoreboard(rows, [], speeds)
