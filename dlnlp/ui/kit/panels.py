"""The base class of panels: one view of a result, with its components, handler and errors.

A panel shows results for one text. It stores this text on the page, where ``page.js`` compares it
with the question's box and dims the panel while the two differ. A closed panel computes nothing
until it is opened.
"""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component
from markupsafe import Markup

from dlnlp.checkpoint import CheckpointError
from dlnlp.service.errors import sentence
from dlnlp.text.words import clean
from dlnlp.ui.kit import markup
from dlnlp.ui.kit.inputs import readable
from dlnlp.ui.kit.model import Model

Values = dict[Component, Any]
Handler = Callable[..., "Values | Iterator[Values]"]
PRIVATE: dict[str, Any] = {"api_visibility": "private"}
QUIET: dict[str, Any] = {"show_progress": "minimal", **PRIVATE}
# Runs immediately instead of in a model's queue; for handlers that do not call a model.
AT_ONCE: dict[str, Any] = {"queue": False, "show_progress": "hidden", **PRIVATE}
CONTROLS = (gr.Button, gr.Checkbox, gr.Slider)
NO_CHECKPOINT = "Not available without the model's checkpoint."
# ``page.js`` writes the position in the queue here while an event of the panel waits. The marker
# holds it because each further component makes every event slower in the browser.
QUEUED = Markup('<p class="dl-note dl-queued" role="status"></p>')


@dataclass(frozen=True)
class Asked:
    """What the panels of a box share.

    One state for all of them instead of one each, because every component that an event reads or
    fills makes it slower in the browser.

    Attributes:
        box: The box with the text.
        text: A state with the text that was submitted last.
        opened: A state with the set of the ids of the panels whose accordions are open.
    """

    box: gr.Textbox
    text: gr.State
    opened: gr.State


def asking(box: gr.Textbox) -> Asked:
    """The states for the panels of a box."""
    return Asked(box, gr.State(""), gr.State(set()))


class Panel:
    """A view of the results for a box's text.

    Create its components inside ``with panel:``, then call ``shows``.

    Args:
        asked: The box with the text, and its states.
        name: Part of the HTML id (see ``id``), and the title of a panel without an accordion.
        title: The title of the panel's accordion; without one, the panel is always open.
        open: Whether the accordion is open at first.
        blank: The message while there is no text.
        waiting: The message while the panel computes.
        keep: The part of a very long text to use, "beginning" or "end".
        queue: The name of a separate queue, for long work (see ``Model.queue``).
        id: The HTML id of the accordion, by default ``<stem>_<name>``; the panel's id is this
            and ``_panel``.

    Attributes:
        more_texts: Boxes with further texts, by the name of the argument of a verb.
    """

    def __init__(
        self,
        model: Model,
        asked: Asked,
        name: str,
        title: str = "",
        open: bool = True,
        blank: str = "",
        waiting: str = "",
        keep: str = "beginning",
        queue: str = "",
        id: str = "",
    ) -> None:
        self.model, self.asked, self.queue = model, asked, queue
        self.title = title or name.replace("_", " ").capitalize()
        accordion = id or model.id(name)
        self.id = f"{accordion}_panel"
        self.blank, self.waiting, self.keep = blank, waiting, keep
        self._column = gr.Column(elem_classes="dl-panel", elem_id=self.id)
        with self._column:
            self._accordion = gr.Accordion(title, open=open, elem_id=accordion) if title else None
        if self._accordion:
            self._accordion.collapse(self._closed, asked.opened, None, **AT_ONCE)
        self._starts_open = open
        if open:
            asked.opened.value.add(self.id)
        self._body = self._accordion or self._column
        with self._body:
            self.marker = gr.HTML(QUEUED, elem_classes="dl-result")
            self.status = gr.HTML(self._blank(), elem_classes="dl-result")
        self.inputs: list[Component] = []
        self.outputs: list[Component] = []
        self.more_texts: dict[str, gr.Textbox] = {}
        self._show: Handler = lambda text: {}

    def __enter__(self) -> Panel:
        self._body.__enter__()
        return self

    def __exit__(self, *exception: Any) -> None:
        self._body.__exit__(*exception)

    def shows(
        self, show: Handler, inputs: Sequence[Component] = (), outputs: Sequence[Component] = ()
    ) -> Panel:
        """Fill the panel with the component values that ``show(text, *inputs)`` returns or yields.

        ``show`` is not called for blank texts. Outputs without a value are cleared. Exceptions are
        shown as a sentence in the panel.
        """
        self._show, self.inputs, self.outputs = show, list(inputs), list(outputs)
        if self._accordion:
            event = self.event(self.asked.text)
            self._accordion.expand(self._opened, trigger_mode="always_last", **event)
        return self

    def _opened(self, text: object, opened: set[str], *inputs: Any) -> Iterator[Values]:
        opened.add(self.id)  # changed in place: another event may change it at the same time
        yield from self.run(text, opened, *inputs)

    def _closed(self, opened: set[str]) -> None:
        opened.discard(self.id)

    def event(self, text: Component) -> dict[str, Any]:
        """Arguments of an event that runs the panel for the text in this component."""
        return {
            "inputs": [text, self.asked.opened, *self.inputs, *self.model.inputs],
            "outputs": [self.marker, self.status, *self.outputs],
            **self._in_queue(),
        }

    def asking_event(self, text: Component) -> dict[str, Any]:
        """Arguments of an event that calls ``ask``."""
        event = self.event(text)
        return {**event, "fn": self.ask, "outputs": [self.asked.text, *event["outputs"]]}

    def run(self, typed: object, opened: set[str], *inputs: Any) -> Iterator[Values]:
        """The panel's event handler: yields its component values for a text.

        A closed panel yields nothing; it is run again when it is opened.

        Args:
            opened: The ids of the open panels.
            inputs: The values of the inputs, and those that choose the model.
        """
        yield from self._run(typed, opened, inputs, remarks=False)

    def _run(
        self, typed: object, opened: set[str], inputs: Sequence[Any], remarks: bool
    ) -> Iterator[Values]:
        if self.id not in opened:
            return
        values, chosen = self._split(inputs)
        text, remark = readable(typed, self.keep)
        done: Values = {self.marker: QUEUED + answers(self.asked.box, typed)}
        if not clean(text):
            yield {**self.empty(), self.status: self._blank()}
        elif not self.model.ready(*chosen):
            yield {**self.empty(), **done}
        else:
            shown = self.model.within(chosen, steps(self._show, text, *values))
            yield from self._steps(shown, remark if remarks else "", done)

    def ask(self, typed: object, opened: set[str], *inputs: Any) -> Iterator[Values]:
        """Like ``run``; also stores the text for the other panels, and says if it is cut."""
        shown = self._run(typed, opened, inputs, remarks=True)
        yield {self.asked.text: typed if isinstance(typed, str) else "", **next(shown, {})}
        yield from shown

    def _split(self, values: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
        """The values of a handler's inputs, and those that choose the model, which come last."""
        count = len(values) - len(self.model.inputs)
        return values[:count], values[count:]

    def _steps(self, found: Iterator[Values], remark: str, done: Values) -> Iterator[Values]:
        if not self.model.is_loaded:
            yield {**self.empty(), self.status: markup.loading(self.model.title)}
        elif self.waiting:
            yield {self.status: markup.waiting(self.waiting)}
        shown: Values = {}
        try:
            for shown in found:
                status = remark + shown.get(self.status, Markup(""))
                yield {**self.empty(), **done, **shown, self.status: status}
        except Exception as error:  # shown as a sentence, below the results so far
            yield {**self.empty(), **done, **shown, self.status: remark + self._failed(error)}

    def _failed(self, error: Exception) -> Markup:
        """The sentence for an error; a tab's first panel explains a missing checkpoint."""
        if self._accordion and isinstance(error, CheckpointError):
            return markup.note(NO_CHECKPOINT)
        return markup.fault(sentence(error))

    def on(
        self,
        listen: Callable[..., Any],
        handler: Handler,
        inputs: Sequence[Component] = (),
        outputs: Sequence[Component] = (),
        at_once: bool = False,
        **event: Any,
    ) -> Any:
        """Run ``handler(*inputs)``, which returns or yields component values, on an event.

        Args:
            listen: The event listener, such as ``button.click``.
            at_once: Bypass the model's queue, for handlers that do not call the model.
            event: Further arguments of the listener.
        """
        how = AT_ONCE if at_once else self._in_queue()
        given = [*inputs, *self.model.inputs]
        return listen(self.guarded(handler), given, [self.status, *outputs], **{**how, **event})

    @property
    def event_group(self) -> tuple[str, bool]:
        """Panels with the same queue that are also open at first, or not, can share an event.

        Closed panels have an event of their own because each message of an event lists all of its
        outputs, and usually nobody has opened these panels.
        """
        return self.model.queue(self.queue)["concurrency_id"], self._starts_open

    def _in_queue(self) -> dict[str, Any]:
        """Arguments of an event that waits in the model's queue.

        Only the marker has its progress. Otherwise, all outputs do, and the page updates all of
        them at each message of any event, which takes longer than running a small model.
        """
        return {"show_progress_on": self.marker, **QUIET, **self.model.queue(self.queue)}

    def guarded(self, handler: Handler) -> Handler:
        """The handler for the chosen model, with exceptions shown as a sentence in the panel.

        After its own arguments, it takes those that choose the model.
        """

        @functools.wraps(handler)
        def run(*arguments: Any) -> Iterator[Values]:
            given, chosen = self._split(arguments)
            try:
                for values in self.model.within(chosen, steps(handler, *given)):
                    yield {self.status: "", **values}
            except Exception as error:
                yield {self.status: markup.fault(sentence(error))}

        if self.model.inputs:  # Gradio compares the number of inputs with the signature
            run.__signature__ = with_more(inspect.signature(handler))  # type: ignore[attr-defined]
        return run

    def empty(self) -> Values:
        """Values that clear the panel's outputs and hide its controls."""
        cleared: Values = {self.marker: QUEUED, self.status: ""}
        for output in self.outputs:
            if isinstance(output, gr.HTML):
                cleared[output] = ""
            elif isinstance(output, gr.Plot):
                cleared[output] = gr.Plot(None, visible=False)
            elif isinstance(output, gr.State):
                cleared[output] = None
            elif isinstance(output, CONTROLS):
                cleared[output] = gr.update(visible=False)
        return cleared

    def _blank(self) -> Markup:
        return markup.note(self.blank) if self.blank else Markup("")


def together(panels: Sequence[Panel], text: Component) -> dict[str, Any]:
    """Arguments of one event that runs panels of one queue, one after the other.

    Args:
        text: The component with the text.
    """
    events = [panel.event(text) for panel in panels]
    _, opened, *_ = events[0]["inputs"]
    inputs = [event["inputs"][2:] for event in events]

    def run(text: object, opened: set[str], *values: Any) -> Iterator[Values]:
        rest = iter(values)
        for panel, own in zip(panels, inputs, strict=True):
            yield from panel.run(text, opened, *itertools.islice(rest, len(own)))

    return {
        **events[0],
        "fn": run,
        "inputs": [text, opened, *itertools.chain(*inputs)],
        "outputs": list(itertools.chain(*(event["outputs"] for event in events))),
        # By default, an event is dropped while it still runs for the previous text.
        "trigger_mode": "always_last",
    }


def answers(box: gr.Textbox, asked: object) -> Markup:
    """Marks results as those for a text; ``page.js`` dims them while the box holds another."""
    text = asked if isinstance(asked, str) else ""
    typed = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return Markup('<i hidden data-box="{}" data-answers="{}"></i>').format(box.elem_id, typed)


def steps(handler: Handler, *arguments: Any) -> Iterator[Values]:
    """The values that a handler returns or yields, one after the other."""
    values = handler(*arguments)
    if inspect.isgenerator(values):
        yield from values
    else:
        yield values  # type: ignore[misc]


def with_more(signature: inspect.Signature) -> inspect.Signature:
    """The signature of a function that takes any number of further arguments, too."""
    given = signature.parameters.values()
    if any(each.kind == inspect.Parameter.VAR_POSITIONAL for each in given):
        return signature
    more = inspect.Parameter("_more", inspect.Parameter.VAR_POSITIONAL)
    return signature.replace(parameters=[*given, more])


def revealing(elem_id: str) -> str:
    """JavaScript for an event that scrolls the element into view and returns the inputs."""
    return f"(...values) => {{ dlnlp.reveal('{elem_id}'); return values; }}"


def pressing(button: gr.Button, scrolling: bool = True) -> str:
    """JavaScript for an event that presses a button, with or without ``revealing``'s scrolling."""
    return f"() => {{ dlnlp.press('{button.elem_id}', {str(scrolling).lower()}); }}"
