"""Call a predictor for a request, with checked input, a budget and a deadline.

>>> call(registry, "sentiment_lstm", "classify", texts=["A great film"])
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextvars import copy_context
from dataclasses import is_dataclass, replace
from typing import Any

from dlnlp import catalog
from dlnlp.capabilities import Capability, capability
from dlnlp.inference.deadline import deadline
from dlnlp.registry import Registry
from dlnlp.service.inputs import checked, is_cut

SECONDS = 30.0  # the time limit of a request, excluding loading the model
_END = object()


def call(registry: Registry, stem: str, verb: str, **arguments: Any) -> Any:
    """The predictor's results, which ``dlnlp.results.as_json`` turns into JSON.

    A text of more than ``MAX_CHARACTERS`` is cut, and its result is marked as truncated if it has
    that field.

    Raises:
        KeyError: No model has that stem.
        TypeError: An argument is missing, unknown or of another type.
        ValueError: An argument is out of range, the request exceeds the budget, or the model
            does not have the verb.
        CheckpointError: The model can't be loaded.
        DeadlineExceeded: The computation took too long.
    """
    wanted = capability(verb)
    method, first, others = _prepared(registry, stem, wanted, arguments)
    with deadline(SECONDS):
        found = method(first, **others)
        if wanted.streams:
            found = list(found)
    return _marked(wanted, found, arguments[_first(wanted)])


def stream(registry: Registry, stem: str, verb: str, **arguments: Any) -> Iterator[Any]:
    """The results of a streaming verb, as they are computed.

    The arguments are checked and the model is loaded before this returns.

    Raises:
        KeyError, TypeError, ValueError, CheckpointError: See ``call``.
        DeadlineExceeded: While iterating.
    """
    method, first, others = _prepared(registry, stem, capability(verb), arguments)
    with deadline(SECONDS):
        context = copy_context()  # the deadline applies wherever the iterator is resumed
    pieces = context.run(method, first, **others)

    def resumed() -> Iterator[Any]:
        while (piece := context.run(next, pieces, _END)) is not _END:
            yield piece

    return resumed()


def _prepared(
    registry: Registry, stem: str, wanted: Capability, arguments: Mapping[str, Any]
) -> tuple[Callable[..., Any], Any, dict[str, Any]]:
    """The predictor's method, its first argument and the others."""
    title = catalog.record(stem).title
    given = checked(wanted, arguments)
    check_budget(wanted, given)
    predictor = registry.get(stem)
    if not isinstance(predictor, wanted.protocol):
        raise ValueError(f"The model “{title}” does not have the verb {wanted.verb!r}.")
    return getattr(predictor, wanted.verb), given.pop(_first(wanted)), given


def _first(wanted: Capability) -> str:
    """The name of the first argument, the text or texts."""
    return next(iter(wanted.signature.parameters))


def check_budget(wanted: Capability, arguments: Mapping[str, Any]) -> None:
    """Refuse a request that would take too long.

    Raises:
        ValueError: It exceeds the capability's budget.
    """
    bound = wanted.signature.bind(**arguments)
    bound.apply_defaults()
    budget = wanted.budget
    work = budget.work(**bound.arguments)
    if work > budget.most:
        raise ValueError(
            f"This request is too large: {wanted.verb} takes at most {budget.most:,} "
            f"{budget.unit}, not {work:,}; split it into smaller requests."
        )


def _marked(wanted: Capability, found: Any, asked: Any) -> Any:
    """The results, marked as truncated where ``readable`` cut the text."""
    if wanted.takes_list:
        pairs = zip(asked, found, strict=True)
        return [_truncated(each) if is_cut(text) else each for text, each in pairs]
    return _truncated(found) if is_cut(asked) else found


def _truncated(found: Any) -> Any:
    if is_dataclass(found) and not isinstance(found, type) and hasattr(found, "truncated"):
        return replace(found, truncated=True)
    return found
