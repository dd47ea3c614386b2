"""Make the pictures of the README and the documentation from the running app.

``python -m deploy.screenshots`` serves the committed checkpoints, asks each tab a question in
headless Chromium and writes a picture of it to docs/. Run it when the page's appearance or a model
has changed. It needs ``pip install -r requirements-test.txt`` and Chromium.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import socket
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

import app
from dlnlp.checkpoint import ROOT as CHECKPOINTS
from dlnlp.registry import shared_registry
from dlnlp.service import Service

DOCS = Path(__file__).resolve().parent.parent / "docs"
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
WIDTH = 1280  # pixels
MOST_BYTES = 1_500_000  # of all pictures together
OWN = "my-classifier"  # a folder with our BERT in the format of the transformers library
# Whether nothing waits for the server, and the answer is that to the text in the box.
ANSWERED = """() => !document.querySelector("[data-stale], .dl-loading")
  && ![...document.querySelectorAll('[data-testid="status-tracker"]')]
    .some((tracker) => tracker.textContent.trim())"""


@dataclass(frozen=True)
class Scene:
    """What a picture shows.

    Attributes:
        stem: Begins the ids of the view's components.
        tab: The label of the tab.
        fields: What to type, by the end of the component's id.
        answered: A selector of what the answer shows.
        opened: The ends of the ids of panels to open.
        screen: The label of the screen within the tab.
        height: Of the picture in pixels.
        dark: Whether the page is dark.
    """

    stem: str
    tab: str
    fields: dict[str, str]
    answered: str
    opened: tuple[str, ...] = ()
    screen: str = ""
    height: int = 800
    dark: bool = False


SCENES = (
    Scene("start", "Start", {"text": "We were happy to see our old friends again."}, ".dl-likely"),
    Scene(
        "sentiment_lstm",
        "Sentiment LSTM",
        {"text": "I thought it would be dull, but it wasn't."},
        ".main-svg",
        opened=("gates",),
        height=1100,
    ),
    Scene(
        "char_seq2seq",
        "Translator",
        {"text": "I don't know what to say."},
        ".dl-heatmap",
        height=1000,
    ),
    Scene(
        "token_transformer",
        "Next token",
        {"text": "Once upon a time, there was a little"},
        ".dl-next",
        opened=("lens",),
        height=1000,
    ),
    Scene(
        "sentiment_bert",
        "BERT sentiment",
        {"text": "I used to hate it, now I love it."},
        ".main-svg",
        opened=("attention",),
        height=1100,
        dark=True,
    ),
    Scene(
        "own",
        "Your own model",
        {"model": f"./{OWN}", "text": "The delivery was late and the box was damaged."},
        ".dl-word",
    ),
    Scene(
        "compare",
        "Compare",
        {"text": "It wasn't what I had hoped for."},
        ".dl-costs",
        screen="Models",
    ),
)
FIRST = DOCS / "screenshot.png"  # the README's and the Space's picture, that of the first scene


def browser_path() -> str:
    """Where Chromium is; ``CHROMIUM`` names another one."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found:
        sys.exit(f"There is no browser: install one of {', '.join(BROWSERS)}, or set CHROMIUM.")
    return found


def write_own_model(folder: Path) -> None:
    """A folder for the tab "Your own model", since there may be no network to load one from."""
    import dlnlp

    model = dlnlp.load("sentiment_bert").model
    model.config.id2label = {0: "negative", 1: "positive"}
    model.save_pretrained(folder)
    shutil.copy(CHECKPOINTS / "sentiment_bert" / "tokenizer.json", folder)
    kind = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "[PAD]"}
    (folder / "tokenizer_config.json").write_text(json.dumps(kind), encoding="utf-8")


def write_pictures(url: str) -> int:
    """Write the pictures of the app at this address; returns their size in bytes."""
    size = 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=["--no-sandbox"])
        context = browser.new_context(reduced_motion="reduce")
        context.set_default_timeout(60_000)
        page = context.new_page()
        page.set_viewport_size({"width": WIDTH, "height": SCENES[0].height})
        page.goto(url)
        for scene in SCENES:
            ask(page, scene)
            drawn = picture(page, scene)
            path = DOCS / "pictures" / f"{scene.stem}.webp"
            drawn.save(path, quality=80, method=6)
            size += path.stat().st_size
            if scene is SCENES[0]:
                drawn.save(FIRST, optimize=True)
                size += FIRST.stat().st_size
        browser.close()
    return size


def ask(page: Page, scene: Scene) -> None:
    """Open the scene's view, ask its question and open its panels."""
    page.get_by_role("tab", name=scene.tab, exact=True).click()
    if scene.screen:
        page.get_by_role("tab", name=scene.screen, exact=True).click()
    for name, text in scene.fields.items():
        page.locator(f"#{scene.stem}_{name} textarea").fill(text)
    page.wait_for_timeout(500)  # a tab may reset its boxes when it is first drawn
    for name, text in scene.fields.items():
        page.locator(f"#{scene.stem}_{name} textarea").fill(text)
    page.locator(f"#{scene.stem}_run").click()
    page.locator(f"#{scene.stem}_answer {scene.answered}").first.wait_for()
    for name in scene.opened:
        page.locator(f"#{scene.stem}_{name} button.label-wrap").click()
    page.wait_for_timeout(1000)
    page.wait_for_function(ANSWERED)


# Show the folder of a model by its own name, without the temporary folder that it is in.
SHORTEN = """folder => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode())
    walker.currentNode.data = walker.currentNode.data.replaceAll(folder, ".");
}"""


def picture(page: Page, scene: Scene) -> Image.Image:
    """The top of the page."""
    page.evaluate(SHORTEN, str(Path.cwd()))
    page.set_viewport_size({"width": WIDTH, "height": scene.height})
    page.evaluate("dark => document.body.classList.toggle('dark', dark)", scene.dark)
    page.evaluate("() => { document.activeElement.blur(); scrollTo(0, 0); }")
    page.mouse.move(0, 0)
    page.wait_for_timeout(500)
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def main() -> None:
    """Write all pictures."""
    service = Service(shared_registry(), local=True)
    demo = app.build_app(service)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        write_own_model(Path(OWN))
        url = app.launch(demo, service, quiet=True, server_port=free_port())
        try:
            size = write_pictures(url)
        finally:
            service.close()
            demo.close(verbose=False)
    print(f"The pictures have {size:,} bytes together.")
    if size > MOST_BYTES:
        sys.exit(f"That is too much: use smaller ones, with {MOST_BYTES:,} bytes or fewer.")


def free_port() -> int:
    """A port that no other program listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
