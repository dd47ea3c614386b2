"""The real app, served to a real browser. Without a browser these tests skip, in CI they fail."""

import os
import shutil
import socket

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny models only lose by sharing their work

import pytest

import app
from dlnlp.registry import Registry
from dlnlp.service import Service

try:
    from playwright.sync_api import expect
except ImportError:  # then the fixture ``browser`` skips, or fails in CI
    expect = None
else:
    expect.set_options(timeout=30_000)

# The headless shell draws no window around the page, which makes the tests a quarter faster.
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
# Requests and streams that end because the page is left.
NOISE = ("ERR_ABORTED", "/queue/data", "AbortError", "errored out")


def no_browser(reason):
    if os.environ.get("CI"):
        pytest.fail(f"CI must run the browser tests, but {reason}.")
    pytest.skip(f"{reason}.")


@pytest.fixture(scope="session")
def browser():
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        no_browser("Playwright is not installed")
    named = os.environ.get("CHROMIUM")
    path = named or next(filter(None, map(shutil.which, BROWSERS)), None)
    if not path:
        no_browser(f"there is no browser: none of {', '.join(BROWSERS)}, and CHROMIUM is not set")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


def serve(registry, local=False):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    service = Service(registry, local=local)
    demo = app.build_app(service)
    url = app.launch(demo, service, quiet=True, server_port=port)
    yield url
    demo.close(verbose=False)


@pytest.fixture(scope="session")
def untrained_url():
    yield from serve(Registry(untrained=True))


@pytest.fixture(scope="session")
def missing_url(tmp_path_factory):
    yield from serve(Registry(root=tmp_path_factory.mktemp("checkpoints")))


@pytest.fixture(scope="session")
def local_url():
    """The app as it is served to this machine alone, where visitors may load their own models."""
    yield from serve(Registry(untrained=True), local=True)


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """Folders of a classifier and a language model of the transformers library."""
    from tests.hub.conftest import ALL, save  # imports transformers, which takes seconds

    root = tmp_path_factory.mktemp("own")
    return {name: str(save(root / name, ALL[name])) for name in ("distilbert", "gpt2")}


class Visits:
    """Opens pages, and remembers their errors and requests that leave the machine."""

    def __init__(self, browser):
        self.browser, self.contexts, self.faults = browser, [], []

    def open(self, url, width=1200, height=900, query="", **context_options):
        # Chromium draws with the CPU here, so fewer pixels per CSS pixel take less time.
        context = self.browser.new_context(
            viewport={"width": width, "height": height},
            device_scale_factor=0.5,
            **context_options,
        )
        self.contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        faults = self.faults
        page.on("console", lambda m: m.type == "error" and faults.append(m.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("dialog", lambda d: (faults.append(f"dialog: {d.message}"), d.dismiss()))
        page.on(
            "request",
            lambda r: (
                r.url.startswith(("http:", "https:")) and faults.append(f"asks elsewhere: {r.url}")
                if not r.url.startswith(url)
                else None
            ),
        )
        page.goto(url + query)
        page.locator("#start_text textarea").wait_for(state="attached")  # a link may hide it
        return page

    def check(self):
        """Raise AssertionError if there were faults since the last check."""
        faults = [fault for fault in self.faults if not any(noise in fault for noise in NOISE)]
        self.faults.clear()
        assert faults == []

    def close(self):
        for context in self.contexts:
            context.close()


@pytest.fixture
def open_page(browser):
    """Opens an address in a fresh browser; at the end, its pages may have no faults."""
    visits = Visits(browser)
    yield visits.open
    visits.close()
    visits.check()


@pytest.fixture(scope="module")
def module_visits(browser):
    visits = Visits(browser)
    yield visits
    visits.close()


@pytest.fixture
def shared_page(module_visits, untrained_url):
    """Resizes the page that the tests of a module share, for tests that depend on no earlier state.

    Opening a page and drawing its first plot takes longer than most of these tests.
    """

    def resize(width=1200, height=900):
        if not module_visits.contexts:
            module_visits.open(untrained_url)
        [page] = module_visits.contexts[0].pages
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate("scrollTo(0, 0)")
        return page

    yield resize
    module_visits.check()
