"""The page without a browser: presses its buttons, follows its events and keeps its values."""

from __future__ import annotations

import copy
import inspect
import re

import gradio as gr


class Page:
    """One visitor's page. Values are those of the components, by HTML id."""

    def __init__(self, demo):
        self.demo = demo
        # Every visitor has a copy of the states, which handlers may change in place.
        self.values = {
            b: copy.deepcopy(b.value) if isinstance(b, gr.State) else getattr(b, "value", None)
            for b in demo.blocks.values()
        }
        self.history = []  # the outputs of every step, as {component: value}

    def component(self, elem_id):
        return next(b for b in self.demo.blocks.values() if getattr(b, "elem_id", None) == elem_id)

    def __getitem__(self, elem_id):
        """The value that the component shows."""
        value = self.values[self.component(elem_id)]
        return value.value if isinstance(value, gr.blocks.Block) else value

    def __setitem__(self, elem_id, value):
        self.values[self.component(elem_id)] = value

    def listeners(self, elem_id, event="click"):
        target = (self.component(elem_id)._id, event)
        return [f for f in self.demo.fns.values() if target in f.targets]

    def trigger(self, elem_id, event="click", data=None, follow=True):
        """Trigger the component's event, and by default the events that follow it."""
        for function in self.listeners(elem_id, event):
            self._run(function, data, follow)
        return self

    def ask(self, stem, text):
        """Type a text and press the tab's button."""
        self[f"{stem}_text"] = text
        return self.trigger(f"{stem}_run")

    def update(self, values):
        """Show new values; an update without a value, such as of the visibility, keeps the old."""
        for block, value in values.items():
            if isinstance(value, gr.blocks.Block):
                value = value._constructor_args[0].get("value", self.values[block])
            elif isinstance(value, dict) and value.get("__type__") == "update":
                value = value.get("value", self.values[block])
            self.values[block] = value

    def _run(self, function, data, follow):
        pressed = re.search(r"dlnlp\.press\('(\w+)'", function.js or "")
        if pressed:
            self.trigger(pressed[1])
        for values in self.steps(function, data):
            self.update(values)
            self.history.append(values)
        for next_one in self.demo.fns.values() if follow else ():
            if next_one.trigger_after == function._id:
                self._run(next_one, None, follow)

    def steps(self, function, data=None):
        """What the function yields, as {component: value}."""
        if function.fn is None:
            return
        arguments = [self.values[block] for block in function.inputs]
        hints = inspect.signature(function.fn).parameters.values()
        for place, each in enumerate(hints):
            if each.annotation in (gr.EventData, "gr.EventData"):
                arguments.insert(place, gr.EventData(None, data or {}))
        result = function.fn(*arguments)
        for step in result if inspect.isgenerator(result) else [result]:
            yield self._named(function, step)

    @staticmethod
    def _named(function, step):
        if isinstance(step, dict) and all(isinstance(key, gr.blocks.Block) for key in step):
            return step
        outputs = function.outputs
        row = step if len(outputs) > 1 else [step]
        return dict(zip(outputs, row, strict=True)) if outputs else {}

    def shown(self, panel_id):
        """All strings that the components of a panel show, as one."""
        panel = self.component(panel_id)
        return "\n".join(
            value for block in inside(panel) if isinstance(value := self.values.get(block), str)
        )


def inside(block):
    """The components within a layout block."""
    for child in getattr(block, "children", []):
        yield child
        yield from inside(child)
