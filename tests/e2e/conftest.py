"""The real app, served to a real browser. Without a browser these tests skip, in CI they fail."""

import os
import shutil
import socket

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny models only lose by sharing their work

import pytest

import app
from dlnlp.registry import Registry

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


def serve(registry):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    demo = app.build_app(registry)
    url = app.launch(demo, quiet=True, server_port=port)
    yield url
    demo.close(verbose=False)


@pytest.fixture(scope="session")
def untrained_url():
    yield from serve(Registry(untrained=True))


@pytest.fixture(scope="session")
def missing_url(tmp_path_factory):
    yield from serve(Registry(root=tmp_path_factory.mktemp("checkpoints")))


@pytest.fixture
def open_page(browser):
    """Opens an address; at the end, no page may have logged an error or left the machine."""
    faults, contexts = [], []

    def visit(url, width=1200, height=900, query=""):
        # Chromium draws with the CPU here, so fewer pixels per CSS pixel take less time.
        context = browser.new_context(
            viewport={"width": width, "height": height}, device_scale_factor=0.5
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
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

    yield visit
    for context in contexts:
        context.close()
    assert [fault for fault in faults if not any(noise in fault for noise in NOISE)] == []
