"""Code that makes the calls of a model for a text, in Python or over the network."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from dlnlp import catalog
from dlnlp.capabilities import CAPABILITIES, Capability

ADDRESS = "http://127.0.0.1:7860"  # the app's address by default
EXAMPLES = "# These calls need more than a text; replace the example values."
TEXT = "text"  # the variable that holds the text


@dataclass(frozen=True)
class Call:
    """A call of a model's verb.

    Attributes:
        first: The name of the argument for the text.
        settings: The other arguments that differ from their defaults.
        is_example: Whether some of these are those of a typical call, as none were given.
    """

    capability: Capability
    first: str
    settings: Mapping[str, Any]
    is_example: bool = False

    def arguments(self, text: str) -> dict[str, Any]:
        """The arguments for a text."""
        return {self.first: [text] if self.capability.takes_list else text, **self.settings}

    def written(self) -> str:
        """The arguments as Python code, with the text in the variable ``text``."""
        first = f"[{TEXT}]" if self.capability.takes_list else TEXT
        others = (f"{name}={value!r}" for name, value in self.settings.items())
        return ", ".join([f"{self.first}={first}", *others])


def calls(stem: str, settings: Mapping[str, Any]) -> list[Call]:
    """The calls of all of a model's verbs for one text, those with example arguments last.

    Args:
        settings: Values of further arguments by name; each verb takes those that it has.
    """
    found = []
    for capability in CAPABILITIES:
        if not catalog.record(stem).can(capability.verb) or _pieces(capability):
            continue
        first, *others = capability.signature.parameters.values()
        given = {each.name: settings[each.name] for each in others if each.name in settings}
        needed = {each.name for each in others if each.default is each.empty}
        examples = {name: capability.sample[name] for name in needed - given.keys()}
        default = {each.name: each.default for each in others}
        kept = {name: value for name, value in given.items() if value != default[name]}
        found.append(Call(capability, first.name, {**kept, **examples}, bool(examples)))
    return sorted(found, key=lambda call: call.is_example)


def local_code(stem: str, text: str, settings: Mapping[str, Any]) -> str:
    """Code that makes the calls with ``dlnlp``."""

    def line(call: Call) -> str:
        made = f"model.{call.capability.verb}({call.written()})"
        return f'print("".join({made}))' if call.capability.streams else f"print({made})"

    begin = ["import dlnlp", "", f"model = dlnlp.load({stem!r})", f"{TEXT} = {text!r}"]
    return "\n".join([*begin, *_lines(calls(stem, settings), line)])


def client_code(stem: str, text: str, settings: Mapping[str, Any], address: str = ADDRESS) -> str:
    """Code that makes the calls that have an endpoint with ``gradio_client``."""
    lines = [*_client(address), f"{TEXT} = {text!r}"]
    for call in calls(stem, settings):
        if call.capability.public:
            name = f"/{stem}_{call.capability.verb}"
            lines.append(f"print(client.predict({call.written()}, api_name={name!r}))")
    return "\n".join(lines)


def http_code(stem: str, text: str, settings: Mapping[str, Any], address: str = ADDRESS) -> str:
    """Shell commands that make the calls over plain HTTP with ``curl``."""

    def line(call: Call) -> str:
        buffered = "curl -N" if call.capability.streams else "curl"
        body = shlex.quote(json.dumps(call.arguments(text)))
        return f'{buffered} "$URL/v1/{stem}/{call.capability.verb}" -d {body}'

    return "\n".join([f"URL={address}", *_lines(calls(stem, settings), line)])


def endpoint_code(name: str, arguments: Mapping[str, Any], address: str = ADDRESS) -> str:
    """Code that calls one endpoint with ``gradio_client``."""
    given = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
    return "\n".join([*_client(address), f"print(client.predict({given}, api_name={name!r}))"])


def _lines(made: Sequence[Call], line: Callable[[Call], str]) -> list[str]:
    """A line for each call, with a comment above those with example arguments."""
    given = [line(call) for call in made if not call.is_example]
    examples = [line(call) for call in made if call.is_example]
    return [*given, EXAMPLES, *examples] if examples else given


def _client(address: str) -> list[str]:
    return ["from gradio_client import Client", "", f"client = Client({address!r})"]


def _pieces(capability: Capability) -> bool:
    """Whether the verb streams something else than text, for the page alone."""
    return capability.streams and get_args(capability.signature.return_annotation) != (str,)
