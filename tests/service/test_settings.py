"""The settings of the server, from environment variables."""

import pytest

from dlnlp.catalog import CATALOG
from dlnlp.registry import Registry
from dlnlp.service import Service
from dlnlp.service.settings import Settings, preload, settings

STEMS = tuple(entry.stem for entry in CATALOG)


def test_without_variables_nothing_is_switched_on():
    assert settings({}) == Settings()


@pytest.mark.parametrize(
    ("value", "stems"),
    [("none", ()), ("all", STEMS), (f"{STEMS[1]}, {STEMS[0]}", (STEMS[1], STEMS[0]))],
)
def test_models_to_preload(value, stems):
    assert settings({"DLNLP_PRELOAD": value}).preload == stems


def test_metrics_and_rate_limit():
    chosen = settings({"DLNLP_METRICS": "1", "DLNLP_RATE_LIMIT": "60/minute"})
    assert chosen.metrics and chosen.rate_limit == "60/minute"


@pytest.mark.parametrize(
    "variables",
    [
        {"DLNLP_PRELOAD": "gpt"},
        {"DLNLP_PRELOAD": "all sentiment_lstm"},
        {"DLNLP_METRICS": "yes"},
        {"DLNLP_RATE_LIMIT": "often"},
    ],
)
def test_a_value_that_makes_no_sense_is_named(variables):
    [name] = variables
    with pytest.raises(ValueError, match=f"^{name} must be"):
        settings(variables)


def test_mcp_with_the_old_package_that_spaces_install_is_refused(monkeypatch):
    assert settings({"DLNLP_MCP": "1"}).mcp
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name == "mcp" or None)
    with pytest.raises(ValueError, match="requirements-mcp"):
        settings({"DLNLP_MCP": "1"})


def test_models_are_loaded_in_the_background_and_a_broken_one_is_logged(tmp_path, caplog):
    registry = Registry(untrained=True)
    preload(Service(registry), STEMS[:2]).join(60)
    assert [registry.is_loaded(stem) for stem in STEMS[:3]] == [True, True, False]
    preload(Service(Registry(root=tmp_path)), STEMS[:1]).join(60)
    assert "is missing" in caplog.text
