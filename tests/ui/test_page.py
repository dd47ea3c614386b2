"""The page as a whole: what is served before anything is asked."""

import ast
import json
import re
import urllib.request
from pathlib import Path

import gradio as gr
import pytest
from gradio.state_holder import SessionState

import app
from dlnlp.catalog import CATALOG
from dlnlp.registry import Registry
from dlnlp.service import Service
from dlnlp.ui import theme
from tests.test_app import free_port
from tests.ui.pages import Page

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def url(demo):
    yield app.launch(demo, Service(Registry(untrained=True)), quiet=True, server_port=free_port())
    demo.close(verbose=False)


def test_the_page_describes_itself_to_link_previews(url):
    html = urllib.request.urlopen(url, timeout=30).read().decode()
    descriptions = re.findall(r'property="og:description"\s+content="([^"]*)"', html)
    assert app.DESCRIPTION in descriptions


def test_the_page_has_its_own_icon(url):
    icon = urllib.request.urlopen(f"{url}favicon.ico", timeout=30).read()
    assert icon == theme.FAVICON.read_bytes()


@pytest.mark.parametrize("stem", [entry.stem for entry in CATALOG])
def test_a_tab_says_once_that_its_checkpoint_is_missing(stem, tmp_path):
    page = Page(app.build_app(Service(Registry(root=tmp_path)))).ask(stem, "hello")
    shown = [str(value) for value in page.values.values() if "is missing" in str(value)]
    assert len(shown) == 1


@pytest.mark.parametrize("stem", [entry.stem for entry in CATALOG])
def test_results_of_a_second_question_wait_for_those_of_the_first(page, stem):
    """By default, the page drops an event that is triggered while it still runs."""
    [asked] = page.listeners(f"{stem}_run")
    following, last = [asked], asked
    while after := [f for f in page.demo.fns.values() if f.trigger_after == last._id]:
        [last] = after
        following.append(last)
    assert len(following) > 2
    assert {f.trigger_mode for f in following} == {"always_last"}


def test_visitors_share_the_computed_configuration_but_not_its_changes(demo):
    one, other = SessionState(demo), SessionState(demo)
    fresh = type(demo.default_config).config_for_block
    for key, block in demo.blocks.items():
        assert one.config_values[key] == fresh(key, [], block)
    key = next(key for key, block in demo.blocks.items() if isinstance(block, gr.Textbox))
    one.config_values[key]["props"]["value"] = "a visitor's text"
    assert other.config_values[key]["props"]["value"] != "a visitor's text"
    assert SessionState(demo).config_values[key]["props"]["value"] != "a visitor's text"


def test_texts_take_the_names_of_tabs_panels_and_buttons_from_their_constants():
    """No string of the page quotes a name that another string may change."""
    for path in (ROOT / "dlnlp" / "ui").glob("**/*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        alone = [node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)]  # docstrings
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and node not in alone:
                assert not re.search("“[A-Z][^”]*”", str(node.value)), f"{path.name}: {node.value}"


@pytest.mark.parametrize("stem", [record.stem for record in CATALOG])
def test_learn_texts_name_tabs_and_panels_that_exist(demo, stem):
    labels = {getattr(each, "label", None) for each in demo.blocks.values()} - {None}
    french = json.loads((theme.LOCALES / "fr.json").read_text(encoding="utf-8"))
    for folder, pattern, known in (
        ("learn", "(?:tab|panel) “([^”]+)”", labels),
        (
            "learn/fr",
            "(?:onglet|panneau) «\u00a0([^»]+)\u00a0»",
            {french.get(each) for each in labels},
        ),
    ):
        text = (ROOT / folder / f"{stem}.md").read_text(encoding="utf-8")
        assert set(re.findall(pattern, text)) <= known
