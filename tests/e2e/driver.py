"""How the browser tests use a tab."""

from dlnlp import catalog

TITLES = {entry.stem: entry.title for entry in catalog.CATALOG} | {"compare": "Compare"}

DRAWN = 200  # milliseconds


def go(page, stem, text=None):
    """Open the tab and fill its box; returns the box."""
    box = page.locator(f"#{stem}_text textarea")
    new = not box.count()
    page.get_by_role("tab", name=TITLES.get(stem, "Start"), exact=True).click()
    if new:  # a tab is drawn when it is first opened, and may empty its box just after that
        page.wait_for_timeout(DRAWN)
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
