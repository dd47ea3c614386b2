"""The tab “Train it yourself” in a browser, with the committed checkpoints."""

import time
import zipfile

import pytest

import app
import dlnlp
from dlnlp.registry import shared_registry
from dlnlp.service import Service
from dlnlp.training.exercises import exercise
from tests.e2e.conftest import expect
from tests.e2e.driver import DRAWN, TITLES
from tests.test_app import free_port

pytestmark = pytest.mark.e2e
# What the trained model says of the tutorial's sentence in the chapter's tab.
ANSWERS = {
    "sentiment_lstm": "POSITIVE",
    "char_seq2seq": "bonjour",
    "token_transformer": "Once upon a time",
}


@pytest.fixture(scope="module")
def service():
    return Service(shared_registry())


@pytest.fixture(scope="module")
def url(service):
    demo = app.build_app(service)
    yield app.launch(demo, service, quiet=True, server_port=free_port())
    service.close()
    demo.close(verbose=False)


def press(page, target, key="Enter"):
    """Use a control by keyboard."""
    target.focus()
    page.keyboard.press(key)


def open_tab(page, stem):
    """Open the tab and choose the chapter."""
    new = not page.locator("#training_train").count()
    press(page, page.get_by_role("tab", name="Train it yourself"))
    page.locator("#training_train").wait_for()
    if new:
        page.evaluate(DRAWN)
    chapter = page.locator("#training_chapter").get_by_role("radio", name=TITLES[stem])
    press(page, chapter, "Space")
    expect(page.locator("#training_text textarea")).to_have_value(exercise(stem).sentence)


def test_the_tutorials_examples_are_trained_used_downloaded_and_loaded(open_page, url, tmp_path):
    """By keyboard alone, but for the download."""
    page = open_page(url)
    for stem, said in ANSWERS.items():
        open_tab(page, stem)
        press(page, page.locator("#training_train"))
        expect(page.locator("#training_status")).to_contain_text("Finished.", timeout=60_000)
        expect(page.locator("#training_shown path.dl-loss")).to_be_visible()
        with page.expect_download() as download:
            page.locator("#training_download").click()
        download.value.save_as(tmp_path / "it.zip")
        with zipfile.ZipFile(tmp_path / "it.zip") as archive:
            archive.extractall(tmp_path)
        press(page, page.locator("#training_use"))
        own = page.locator(f"#{stem}_trained_answers .dl-compared").first
        expect(own).to_contain_text(said)
        expect(page.get_by_role("tab", name=TITLES[stem])).to_have_attribute(
            "aria-selected", "true"
        )
        expect(page.locator(f"#{stem}_text textarea")).to_have_value(exercise(stem).sentence)

    mine = {stem: dlnlp.load(str(tmp_path / stem), "cpu") for stem in ANSWERS}
    [verdict] = mine["sentiment_lstm"].classify(["This was fantastic"])
    assert verdict.verdict == "positive"
    assert mine["char_seq2seq"].translate(["hello"])[0].text == "bonjour"
    likeliest = mine["token_transformer"].next_tokens("Once upon a time", k=1)[0].text
    assert "Once upon a time there".startswith(f"Once upon a time{likeliest}")


def test_two_visitors_train_at_once_and_leaving_frees_the_slot(open_page, url, service):
    def kept():
        return {*service.trainings._kept} - before

    before = {*service.trainings._kept}
    pages = [open_page(url) for _ in range(3)]
    for page, stem in zip(
        pages, ("char_seq2seq", "token_transformer", "char_seq2seq"), strict=True
    ):
        open_tab(page, stem)
        page.locator("#training_slow input").check()
        page.locator("#training_train").click()
        if page is not pages[2]:
            expect(page.locator("#training_shown")).to_contain_text("step", timeout=60_000)
    first, second, third = pages
    expect(third.locator("#training_status")).to_contain_text("position 1")
    expect(first.locator("#training_shown")).to_contain_text("“hello”")
    expect(second.locator("#training_shown")).to_contain_text("“Once upon a time”")
    expect(second.locator("#training_shown")).not_to_contain_text("hello")
    assert service.trainings.running() == 2

    second.locator("#training_stop").click()
    expect(second.locator("#training_use")).to_be_visible()
    assert len(kept()) == 1
    expect(third.locator("#training_shown")).to_contain_text("step", timeout=60_000)

    first.locator("#training_pause").click()  # a paused run is left, too
    expect(first.locator("#training_pause")).to_have_text("Resume")
    assert service.trainings.running() == 2
    first.close()
    second.close()  # its run is over, and is removed
    begin = time.monotonic()
    while service.trainings.running() > 1 or kept():
        assert time.monotonic() - begin < 3
        time.sleep(0.05)
    third.locator("#training_stop").click()
    expect(third.locator("#training_status")).to_contain_text("Stopped")
