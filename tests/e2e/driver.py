"""How the browser tests use a tab."""

from dlnlp import catalog

TITLES = {entry.stem: entry.title for entry in catalog.CATALOG} | {"compare": "Compare"}

# Resolves when the page has not changed for 200 ms.
DRAWN = """() => new Promise((done) => {
  let timer = setTimeout(done, 200);
  new MutationObserver(() => {
    clearTimeout(timer);
    timer = setTimeout(done, 200);
  }).observe(document.body, { childList: true, subtree: true, attributes: true });
})"""

# Whether nothing waits for the server, or shows the answer to another text.
WAITS = "[data-stale]:not([id$=_continuation_panel]), .dl-loading, .dl-queued:not(:empty)"
ANSWERED = f"""() => !document.querySelector("{WAITS}")
  && ![...document.querySelectorAll('[data-testid="status-tracker"]')]
    .some((tracker) => tracker.textContent.trim())"""

OPEN = """() => document.querySelectorAll("button.label-wrap:not(.open)")
  .forEach((closed) => closed.checkVisibility() && closed.click())"""


def settle(page):
    """Wait until everything is answered and drawn."""
    page.evaluate(DRAWN)
    page.wait_for_function(ANSWERED, timeout=90_000)  # measuring the models takes long


def open_panels(page):
    """Open all panels of the visible view."""
    page.evaluate(OPEN)
    settle(page)


def go(page, stem, text=None):
    """Open the tab and fill its box; returns the box."""
    box = page.locator(f"#{stem}_text textarea")
    new = not box.count()
    page.get_by_role("tab", name=TITLES.get(stem, "Start"), exact=True).click()
    if new:  # a tab is drawn when it is first opened, and may reset its components just after that
        page.evaluate(DRAWN)
    if text is not None:
        box.fill(text)
    return box


def ask(page, stem, text):
    """Open the tab, fill its box and press its button."""
    go(page, stem, text)
    page.locator(f"#{stem}_run").click()


def answer(page, stem):
    """The column that shows the answer."""
    return page.locator(f"#{stem}_answer")


def figure(page, elem_id):
    """The data and layout that Plotly draws in the component."""
    page.locator(f"#{elem_id} .js-plotly-plot .main-svg").first.wait_for()
    return page.evaluate(
        "id => { const g = document.querySelector(`#${id} .js-plotly-plot`);"
        " return {data: g.data, layout: g.layout}; }",
        elem_id,
    )
