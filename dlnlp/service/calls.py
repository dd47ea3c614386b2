"""Requests to predictors, with checked input, a budget, a deadline and the model's queue.

>>> service = Service(registry)
>>> service.call("sentiment_lstm", "classify", texts=["A great film"])
"""

from __future__ import annotations

import concurrent.futures
import threading
from collections.abc import Callable, Iterator, Mapping
from contextvars import copy_context
from dataclasses import dataclass, is_dataclass, replace
from typing import Any

from dlnlp import catalog
from dlnlp.capabilities import Capability, capability
from dlnlp.inference.deadline import Cancelled, deadline
from dlnlp.registry import Registry
from dlnlp.service.inputs import checked, is_cut
from dlnlp.service.queues import Job, JobQueue, Slot

SECONDS = 30.0  # the time limit of a request, excluding loading the model and waiting
POLL = 1.0  # seconds between checks whether somebody still waits for the result
_END = object()


@dataclass(frozen=True)
class Request:
    """A checked request.

    Args:
        text: The text or texts.
        others: The other arguments.
        share: Its work as a share of the largest allowed request.
        cut: Whether each text was cut.
    """

    stem: str
    capability: Capability
    text: Any
    others: dict[str, Any]
    share: float
    cut: tuple[bool, ...]

    @property
    def queue(self) -> str:
        """The name of the queue that it waits in."""
        return self.stem + self.capability.queue


class Service:
    """What the page, its endpoints and the HTTP interface call.

    Each model answers one request at a time; verbs with a queue of their own answer beside these.
    Small requests to a verb that takes a list of texts run as one batch.

    Args:
        registry: Loads the models.
    """

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._lock = threading.Lock()
        self._queues: dict[str, JobQueue] = {}
        self._slots: dict[str, Slot] = {}

    def call(
        self,
        stem: str,
        verb: str,
        *,
        wanted: Callable[[], bool] = lambda: True,
        **arguments: Any,
    ) -> Any:
        """The predictor's results, which ``dlnlp.results.as_json`` turns into JSON.

        A text of more than ``MAX_CHARACTERS`` is cut, and its result is marked as truncated if it
        has that field.

        Args:
            wanted: Whether somebody still waits for the results; asked every second.

        Raises:
            KeyError: No model has that stem.
            TypeError: An argument is missing, unknown or of another type.
            ValueError: An argument is out of range, the request exceeds the budget, or the model
                does not have the verb.
            CheckpointError: The model can't be loaded.
            Busy: Too many requests are waiting.
            DeadlineExceeded: The computation took too long.
            Cancelled: Nobody waits any longer.
        """
        request = self.checked(stem, verb, arguments)
        self.registry.get(stem)  # loading it does not count as time of the request
        return marked(request, self._result(self.submit(request), request.queue, wanted))

    def run(
        self,
        stem: str,
        function: Callable[[Any], Any],
        queue: str = "",
        seconds: float | None = None,
    ) -> Any:
        """The result of ``function(predictor)``, which runs while no other job of the queue does.

        Args:
            queue: Selects a separate queue of the model, for long work.
            seconds: The time limit; by default that of a request.

        Raises:
            CheckpointError, Busy, DeadlineExceeded: See ``call``.
        """

        def once(items: list[Any]) -> list[Any]:
            with self.registry.use(stem) as predictor:
                return [function(predictor)]

        self.registry.get(stem)  # loading it does not count as time of the job
        job = self.queue(stem + queue).submit(Job(once, [None], seconds or SECONDS))
        [found] = self._result(job, stem + queue, lambda: True)
        return found

    def stream(self, stem: str, verb: str, **arguments: Any) -> Iterator[Any]:
        """The results of a streaming verb, as they are computed.

        The arguments are checked and the model is loaded before this returns. The stream waits
        for others of the same model when it is first resumed. Closing it ends the computation.

        Raises:
            KeyError, TypeError, ValueError, CheckpointError: See ``call``.
            Busy: Too many streams are waiting; while iterating.
            DeadlineExceeded: While iterating.
        """
        request = self.checked(stem, verb, arguments)
        self.registry.get(stem)  # loading it does not count as time of the stream
        slot = self._slot(request.queue)

        def resumed() -> Iterator[Any]:
            with slot.taken(SECONDS / 2), self.registry.use(stem) as predictor:
                with deadline(SECONDS):
                    context = copy_context()  # it applies in any thread that resumes the iterator
                pieces = context.run(getattr(predictor, verb), request.text, **request.others)
                while (piece := context.run(next, pieces, _END)) is not _END:
                    yield piece

        return resumed()

    def checked(self, stem: str, verb: str, arguments: Mapping[str, Any]) -> Request:
        """The request with these arguments.

        Raises:
            KeyError, TypeError, ValueError: See ``call``.
        """
        entry, wanted = catalog.record(stem), capability(verb)
        given = checked(wanted, arguments)
        share = budget_share(wanted, given)
        if not entry.can(verb):
            raise ValueError(f"The model “{entry.title}” does not have the verb {verb!r}.")
        first = next(iter(wanted.signature.parameters))
        asked = arguments[first] if wanted.takes_list else [arguments[first]]
        text = given.pop(first)
        return Request(stem, wanted, text, given, share, tuple(map(is_cut, asked)))

    def submit(self, request: Request) -> Job:
        """Append the request to its queue; the job's future gets its results.

        Raises:
            Busy: Too many requests are waiting.
        """
        wanted = request.capability

        def run(items: list[Any]) -> Any:
            with self.registry.use(request.stem) as predictor:
                method = getattr(predictor, wanted.verb)
                if wanted.takes_list:
                    return method(items, **request.others)
                [text] = items
                found = method(text, **request.others)
                return [list(found) if wanted.streams else found]

        items = list(request.text) if wanted.takes_list else [request.text]
        group = (wanted.verb, request.others) if wanted.takes_list else None
        job = Job(run, items, SECONDS, group, request.share)
        return self.queue(request.queue).submit(job)

    def queue(self, name: str) -> JobQueue:
        """The queue with that name."""
        with self._lock:
            return self._queues.setdefault(name, JobQueue(name))

    def _slot(self, name: str) -> Slot:
        with self._lock:
            return self._slots.setdefault(name, Slot())

    def _result(self, job: Job, queue: str, wanted: Callable[[], bool]) -> Any:
        while True:
            try:
                return job.future.result(timeout=POLL)
            except concurrent.futures.TimeoutError:
                if job.future.done():
                    raise  # the computation's own error
                self.queue(queue).heal()
                if not wanted():
                    job.cancel()
                    raise Cancelled("The request was cancelled.") from None


def budget_share(wanted: Capability, arguments: Mapping[str, Any]) -> float:
    """The work of a request as a share of the most that is allowed.

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
    return work / budget.most


def marked(request: Request, found: Any) -> Any:
    """The results of a request, marked as truncated where ``readable`` cut the text."""
    pairs = zip(found, request.cut, strict=True)
    results = [_truncated(each) if cut else each for each, cut in pairs]
    return results if request.capability.takes_list else results[0]


def _truncated(found: Any) -> Any:
    if is_dataclass(found) and not isinstance(found, type) and hasattr(found, "truncated"):
        return replace(found, truncated=True)
    return found
