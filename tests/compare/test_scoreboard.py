"""All models with their size, quality and speed."""

from dlnlp.catalog import CATALOG
from dlnlp.compare import scoreboard
from dlnlp.registry import Registry
from dlnlp.service import Service

COMMITTED, UNTRAINED = Registry(), Registry(untrained=True)


def test_the_committed_models_and_baselines_have_scores():
    rows = scoreboard.rows(COMMITTED)
    assert [row.record for row in rows] == list(CATALOG)
    assert all(row.parameters and row.bytes and row.scores for row in rows)
    found = scoreboard.baselines(COMMITTED)
    assert {each.task for each in found} == {entry.task for entry in CATALOG}
    for row in rows:  # the models are better than every baseline for their task
        metric = row.scores[0].metric
        for each in found:
            for score in each.scores:
                if score.metric.key == metric.key:
                    better = row.scores[0].value > score.value
                    assert better == metric.higher_is_better, (row.record.stem, each.name)


def test_without_checkpoints_nothing_is_known(tmp_path):
    for registry in (UNTRAINED, Registry(root=tmp_path)):
        rows = scoreboard.rows(registry)
        assert [(row.parameters, row.bytes, row.scores) for row in rows] == [
            (None, None, ())
        ] * len(CATALOG)
    assert not scoreboard.baselines(Registry(root=tmp_path))
    assert not scoreboard.first_metrics(rows)


def test_speed_is_measured_for_every_model():
    found = list(scoreboard.speeds(Service(UNTRAINED), seconds=0.01))
    assert [each.stem for each in found] == [entry.stem for entry in CATALOG]
    assert all(each.latency > 0 and each.throughput > 0 for each in found)
    row = scoreboard.as_json(scoreboard.rows(UNTRAINED)[0], {found[0].stem: found[0]})
    assert row["latency_seconds"] > 0 and row["throughput_unit"] == "texts"
    assert scoreboard.as_json(scoreboard.rows(UNTRAINED)[0], {})["latency_seconds"] is None
