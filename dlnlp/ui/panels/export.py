"""Save a tab's figures, texts and results, and show the code that computes them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gradio as gr
from gradio.components import Component
from markupsafe import Markup

import dlnlp
from dlnlp.results import as_json
from dlnlp.service import code
from dlnlp.text.words import clean
from dlnlp.ui.kit.inputs import readable
from dlnlp.ui.kit.markup import join, scrolling
from dlnlp.ui.kit.model import Model
from dlnlp.ui.kit.panels import Asked, Panel, Values

TITLE = "Save and use in Python"
MOST_JSON = 300_000  # characters of one result
BLANK = "Submit a text to save its results."
TOO_LARGE = "Too large to save; make this call in Python."
FORMATS = ("SVG", "PNG", "HTML")
ROW = Markup("<tr><td>{}</td><td>{}</td></tr>")
LOCAL = "Python on this machine, with dlnlp installed"
CLIENT = "Python over the network (pip install gradio_client)"
HTTP = "Plain HTTP, documented at /docs"
Export = tuple[Mapping[str, Any], Mapping[str, str]]  # results, and code by title


def export_panel(
    model: Model,
    asked: Asked,
    panels: Sequence[Panel],
    inputs: Sequence[Component] = (),
    settings: Callable[..., Mapping[str, Any]] = lambda: {},
    keep: str = "beginning",
) -> Panel:
    """A closed panel to save a model's answers to a text, with the code that computes them.

    Args:
        panels: The panels of the tab whose figures and texts can be saved. Their further texts
            are arguments, too.
        inputs: The components with the tab's settings.
        settings: Turns their values into arguments of the model's verbs, by name.
    """

    texts = {name: box for each in panels for name, box in each.more_texts.items()}

    def export(text: str, *values: Any) -> Export:
        typed = zip(texts, (readable(each)[0] for each in values[len(inputs) :]), strict=True)
        others = {name: other for name, other in typed if clean(other)}
        given = {**settings(*values[: len(inputs)]), **others}
        codes = {
            LOCAL: code.local_code(model.stem, text, given),
            CLIENT: code.client_code(model.stem, text, given),
            HTTP: code.http_code(model.stem, text, given),
        }
        return document(model, text, given), codes

    shown = [(each.title, each.id) for each in panels]
    every = [*inputs, *texts.values()]
    panel = saving_panel(model, asked, model.id("export"), shown, export, every, keep)
    if inputs:  # other settings have other results
        changes = [changed(each) for each in inputs]
        gr.on(changes, panel.run, trigger_mode="always_last", **panel.event(asked.text))
    return panel


def changed(component: Any) -> Any:
    """The listener for a new value; a text is new when the visitor leaves its box."""
    return component.blur if isinstance(component, gr.Textbox) else component.change


def saving_panel(
    model: Model,
    asked: Asked,
    name: str,
    shown: Sequence[tuple[str, str]],
    export: Callable[..., Export],
    inputs: Sequence[Component] = (),
    keep: str = "beginning",
) -> Panel:
    """A closed panel to save figures, texts and results.

    Args:
        model: The model in whose queue the results are computed.
        name: The HTML id of the panel's accordion.
        shown: Title and HTML id of each part of the page that can be saved.
        export: Turns a text and the values of ``inputs`` into the results and the code.
    """
    panel = Panel(model, asked, "export", TITLE, open=False, blank=BLANK, keep=keep, id=name)
    with panel:
        saved = gr.HTML(elem_id=f"{name}_saved", elem_classes="dl-result")

    def show(text: str, *values: Any) -> Values:
        results, codes = export(text, *values)
        return {saved: _saving(name, shown, results) + _code(codes)}

    return panel.shows(show, inputs=inputs, outputs=[saved])


def save_figures(shown: Sequence[tuple[str, str]]) -> None:
    """A closed accordion to save figures and tables that are not in a panel.

    Args:
        shown: Title and HTML id of each part of the page that can be saved.
    """
    with gr.Accordion("Save figures", open=False):
        gr.HTML(_table(shown), elem_classes="dl-result")


def document(model: Model, text: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """All results for a text as JSON values, with the model's version and the arguments.

    A result of more than ``MOST_JSON`` characters is None, with a note. Verbs that generate text
    are not called, nor are those that need arguments which the settings lack.

    Raises:
        CheckpointError, TypeError, ValueError, DeadlineExceeded: See ``Model.call``.
    """
    made = []
    for call in code.calls(model.stem, settings):
        if call.capability.streams or call.is_example:
            continue
        arguments = call.arguments(text)
        entry = {"verb": call.capability.verb, "arguments": arguments}
        result = as_json(model.call(call.capability.verb, **arguments))
        if len(json.dumps(result)) > MOST_JSON:
            made.append({**entry, "result": None, "note": TOO_LARGE})
        else:
            made.append({**entry, "result": result})
    return {
        "model": model.stem,
        "title": model.title,
        "dlnlp": dlnlp.__version__,
        "weights_sha256": model.version,
        "calls": made,
    }


def _saving(name: str, shown: Sequence[tuple[str, str]], results: Mapping[str, Any]) -> Markup:
    """Buttons that save each part of the page, and one that saves all results (see ``save.js``)."""
    row = ROW.format("All results", _button("JSON", f"{name}_results"))
    return Markup('{}<pre hidden id="{}_results">{}</pre>').format(
        _table(shown, row), name, json.dumps(results, ensure_ascii=False, indent=1)
    )


def _table(shown: Sequence[tuple[str, str]], last: str = "") -> Markup:
    rows = [ROW.format(title, _buttons(of)) for title, of in shown]
    return Markup('<table class="dl-saving">{}</table>').format(join([*rows, last]))


def _buttons(of: str) -> Markup:
    return join((_button(each, of) for each in FORMATS), " ")


def _button(format: str, of: str) -> Markup:
    return Markup(
        '<button type="button" class="dl-copy" data-save="{}" data-of="{}">{}</button>'
    ).format(format.lower(), of, format)


def _code(codes: Mapping[str, str]) -> Markup:
    """The code under each title, with a button that copies it.

    In the code for the network, ``save.js`` replaces the app's default address by the page's.
    """
    block = Markup(
        '<div class="dl-code"><p class="dl-caption">{} '
        '<button type="button" class="dl-copy" data-copy-code>Copy</button></p>'
        "<pre {}><code>{}</code></pre></div>"
    )
    address = Markup("<span data-address>{}</span>").format(code.ADDRESS)
    blocks = []
    for title, written in codes.items():
        if title in (CLIENT, HTTP):  # the text may hold the address, too, but comes after it
            before, _, after = written.partition(code.ADDRESS)
            written = join([before, address, after])
        blocks.append(block.format(title, scrolling("Code"), written))
    return join(blocks)
