"""Follow a forward pass: the modules that it calls, the lines that run, and the shapes of tensors.

The calling thread is traced (``sys.settrace``), so the model is not changed and other threads may
use it at the same time; forward hooks would also see their calls, and no lines.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import CodeType, FrameType
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from dlnlp.views import Assignment, ModuleCall, Shape, TracedFunction, Walk

LATER = re.compile(r"\.[1-9]\d*(\.|$)")  # in the name of a further module of a list
AROUND = 2  # lines of a function that are kept before the first and after the last told ones
Tracer = Callable[[FrameType, str, Any], Any]


def walk(
    model: nn.Module,
    forward: Callable[[], object],
    files: Sequence[str],
    unit: str,
    read: Sequence[str],
    written: Sequence[str] = (),
    truncated: bool = False,
) -> Walk:
    """The walk through ``forward()``, which calls the model.

    Args:
        files: The paths of the source files whose functions are traced.
        unit, read, written, truncated: See ``dlnlp.views.Walk``.
    """
    follower = Follower(model, files)
    before = sys.gettrace()
    sys.settrace(follower.enter)
    try:
        with torch.inference_mode():
            forward()
    finally:
        sys.settrace(before)
    calls, functions = follower.found()
    return Walk(unit, tuple(read), tuple(written), calls, functions, truncated)


class Follower:
    """Notes the calls of a model's modules, and the tensors of the functions in some files."""

    def __init__(self, model: nn.Module, files: Sequence[str]) -> None:
        names = {id(module): name for name, module in model.named_modules()}
        self.modules = {key: name for key, name in names.items() if not LATER.search(name)}
        self.lists = {n: len(m) for n, m in model.named_modules() if isinstance(m, nn.ModuleList)}
        self.files = frozenset(files)
        self.calls: list[ModuleCall] = []
        self.functions: dict[CodeType, Lines] = {}

    def enter(self, frame: FrameType, event: str, value: Any) -> Tracer | None:
        """Python calls this for each function; returns what it calls for the function's lines."""
        code = frame.f_code
        lines = None
        if self._is_followed(code) and code not in self.functions:
            lines = self.functions[code] = Lines(frame.f_locals)
        module = frame.f_locals.get("self") if code.co_name == "forward" else None
        called = self._call(frame, cast(nn.Module, module)) if id(module) in self.modules else None
        if lines is None and called is None:
            return None

        def trace(frame: FrameType, event: str, value: Any) -> Tracer:
            if lines is not None and event in ("line", "return"):
                line = frame.f_lineno if event == "line" else None
                lines.run(line, frame.f_locals, len(self.calls))
            if called is not None and event == "return":
                outputs = tuple(shapes(value))
                self.calls[called] = dataclasses.replace(self.calls[called], outputs=outputs)
            return trace

        return trace

    def _is_followed(self, code: CodeType) -> bool:
        """Not comprehensions, whose code objects are named ``<genexpr>`` and so on."""
        return code.co_filename in self.files and not code.co_name.startswith("<")

    def _call(self, frame: FrameType, module: nn.Module) -> int:
        """Note a module's call; returns its place in ``calls``."""
        names = list(frame.f_locals)[1:]  # without self
        caller = frame.f_back
        while caller is not None and caller.f_code not in self.functions:
            caller = caller.f_back
        function = line = -1
        if caller is not None:
            function, line = list(self.functions).index(caller.f_code), caller.f_lineno
        name = self.modules[id(module)]
        self.calls.append(
            ModuleCall(
                name,
                type(module).__name__,
                module.extra_repr(),
                tuple(shapes([frame.f_locals[name] for name in names])),
                (),
                sum(each.numel() for each in module.parameters()),
                max(
                    (n for list, n in self.lists.items() if name.startswith(f"{list}.")), default=1
                ),
                function,
                line,
            )
        )
        return len(self.calls) - 1

    def found(self) -> tuple[tuple[ModuleCall, ...], tuple[TracedFunction, ...]]:
        """The calls and the functions, in the order in which they were first called."""
        told: dict[int, set[int]] = {}  # the lines of each function that call or assign something
        for index, lines in enumerate(self.functions.values()):
            told[index] = {each.line for each in lines.assigned}
            told[index] |= {call.line for call in self.calls if call.function == index}
        kept = [index for index, found in told.items() if found]
        place = {index: i for i, index in enumerate(kept)} | {-1: -1}
        calls = (dataclasses.replace(each, function=place[each.function]) for each in self.calls)
        every = list(self.functions.items())
        return tuple(calls), tuple(_traced(*every[index], told[index]) for index in kept)


def _traced(code: CodeType, lines: Lines, told: set[int]) -> TracedFunction:
    """The function with its lines around those that call or assign something, dedented."""
    source, start = inspect.getsourcelines(code)
    first = max(min(lines.ran), min(told) - AROUND)
    last = min(max(lines.ran), max(told) + AROUND)
    body = textwrap.dedent("".join(source[first - start : last - start + 1])).split("\n")
    file = code.co_filename.rpartition("/")[2]
    name = code.co_qualname
    return TracedFunction(file, name, first, tuple(body[: last - first + 1]), tuple(lines.assigned))


class Lines:
    """The lines of one call of a function, and the tensors that they assign.

    Args:
        variables: The arguments of the call.
    """

    def __init__(self, variables: Mapping[str, Any]) -> None:
        self.known = dict(variables)
        self.ran: list[int] = []
        self.assigned: list[Assignment] = []

    def run(self, line: int | None, variables: Mapping[str, Any], calls: int) -> None:
        """Note what the last line assigned, after so many calls; ``line`` is the next one."""
        for name, value in variables.items():
            if self.ran and value is not self.known.get(name):
                noted = {(each.line, each.variable) for each in self.assigned}
                found = list(shapes(value)) if isinstance(value, Tensor | PackedSequence) else []
                if found and (self.ran[-1], name) not in noted:  # once in a loop
                    self.assigned.append(Assignment(self.ran[-1], name, found[0], calls))
        self.known = dict(variables)
        if line is not None:
            self.ran.append(line)


def shapes(value: Any) -> Iterator[Shape]:
    """The shapes of the tensors in a value; that of a packed sequence without its padding."""
    if isinstance(value, Tensor):
        yield tuple(value.shape)
    elif isinstance(value, PackedSequence):
        yield tuple(value.data.shape)
    elif isinstance(value, Mapping):  # such as the outputs of the transformers library
        yield from shapes(list(value.values()))
    elif isinstance(value, list | tuple):
        for each in value:
            yield from shapes(each)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from shapes(getattr(value, field.name))
