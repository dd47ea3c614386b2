"""Time questions in a headless browser, of this checkout and of others beside it.

``python -m benchmarks.page --against DIR``: every checkout serves the trained models of this one,
or with ``--untrained`` tiny models, which leaves little but the page's own time. They take turns. A
question takes from the click until the words panel shows the answer, by the page's own clock.
Needs the packages of requirements-test.txt and Chromium.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from dlnlp import catalog

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
HERE = Path(__file__).resolve().parent.parent
START = 120  # seconds until a server must answer
WARM_UP = 3  # questions that are not counted
# Clicks the button and returns the milliseconds until the words are shown.
ASK = """([stem, word]) => new Promise((done) => {
  const start = performance.now();
  const look = () =>
    document.querySelector(`#${stem}_words`)?.textContent.includes(word)
      ? done(performance.now() - start)
      : requestAnimationFrame(look);
  document.querySelector(`#${stem}_run`).click();
  look();
})"""


def main(argv: list[str] | None = None) -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page", description=__doc__)
    parser.add_argument("--against", type=Path, action="append", default=[], metavar="DIR")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--untrained", action="store_true", help="serve tiny, untrained models")
    args = parser.parse_args(argv)
    stems = [entry.stem for entry in catalog.CATALOG if entry.can("explain")]
    trees = {"this checkout": HERE, **{str(path): path for path in args.against}}
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    print("| model | checkout | seconds until the words are shown | busy seconds of the page |")
    print("|---|---|---|---|")
    with contextlib.ExitStack() as stack:
        chromium = stack.enter_context(sync_playwright()).chromium
        browser = chromium.launch(executable_path=path, args=["--no-sandbox"])
        stack.callback(browser.close)
        visitors = {
            name: Visitor(browser, stack.enter_context(served(tree, args.untrained)))
            for name, tree in trees.items()
        }
        for stem in stems:
            found: dict[str, list[tuple[float, float]]] = {name: [] for name in trees}
            for _ in range(args.rounds + WARM_UP):
                for name, visitor in visitors.items():
                    found[name].append(visitor.ask(stem))
            for name, rows in found.items():
                taken, busy = (statistics.median(row) for row in zip(*rows[WARM_UP:], strict=True))
                print(f"| {catalog.record(stem).title} | {name} | {taken:.3f} | {busy:.3f} |")


@contextlib.contextmanager
def served(tree: Path, untrained: bool) -> Iterator[str]:
    """The address of a checkout's app, with untrained models or those of this checkout.

    Raises:
        RuntimeError: It did not start.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "app.py", "--port", str(port), *(["--untrained"] * untrained)]
    shared = {} if untrained else {"DLNLP_CHECKPOINTS": str(HERE / "checkpoints")}
    environment = {**os.environ, "PYTHONPATH": str(tree), **shared}
    process = subprocess.Popen(command, cwd=tree, env=environment, stdout=subprocess.DEVNULL)
    try:
        for _ in range(10 * START):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.1)
        else:
            raise RuntimeError(f"The app in {tree} did not start within {START} seconds.")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


class Visitor:
    """One page of an app."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.page: Page = browser.new_page(viewport={"width": 1280, "height": 900})
        self.page.goto(url)
        self.session: CDPSession = self.page.context.new_cdp_session(self.page)
        self.session.send("Performance.enable")
        self.numbers = itertools.count(10)

    def ask(self, stem: str) -> tuple[float, float]:
        """Ask a new question: the seconds until its words are shown, and the busy ones among them.

        Busy seconds are those of the page's main thread.
        """
        word = f"number{next(self.numbers)}"
        title = catalog.record(stem).title
        self.page.get_by_role("tab", name=title, exact=True).click()
        self.page.locator(f"#{stem}_text textarea").fill(f"I loved the movie {word}")
        before = self._busy()
        taken = self.page.evaluate(ASK, [stem, word]) / 1000
        busy = self._busy() - before
        self.page.wait_for_timeout(500)  # until the other panels are done, too
        return taken, busy

    def _busy(self) -> float:
        metrics = self.session.send("Performance.getMetrics")["metrics"]
        return float(next(each["value"] for each in metrics if each["name"] == "TaskDuration"))


if __name__ == "__main__":
    main()
