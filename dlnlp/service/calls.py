"""Requests to predictors, with checked input, a budget, a deadline and the model's queue.

>>> service = Service(registry)
>>> service.call("sentiment_lstm", "classify", texts=["A great film"])
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import copy
import functools
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from contextvars import copy_context
from dataclasses import dataclass, is_dataclass, replace
from typing import TYPE_CHECKING, Any

from anyio.to_thread import run_sync

from dlnlp import catalog
from dlnlp.capabilities import Capability, capability
from dlnlp.inference.deadline import Cancelled, deadline
from dlnlp.registry import Registry
from dlnlp.service.inputs import checked, is_cut
from dlnlp.service.queues import Job, JobQueue, Slot, ignore
from dlnlp.service.training import Trainings

if TYPE_CHECKING:
    from dlnlp.service.metrics import Metrics

SECONDS = 30.0  # the time limit of a request, excluding loading the model and waiting
POLL = 1.0  # seconds between checks whether somebody still waits for the result
_END = object()
Left = Callable[[], Awaitable[bool]]


async def never() -> bool:
    """The caller waits until the end."""
    return False


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

    def results(self, predictor: Any, items: list[Any]) -> Any:
        """The predictor's results for the items of such requests; without lists, one item."""
        method = getattr(predictor, self.capability.verb)
        if self.capability.takes_list:
            return method(items, **self.others)
        [item] = items
        return [method(item, **self.others)]

    def job(self, run: Callable[[list[Any]], Any], group: object = None) -> Job:
        """A job that computes the results of its texts with ``run``.

        Args:
            group: See ``Job``.
        """
        items = list(self.text) if self.capability.takes_list else [self.text]
        return Job(run, items, SECONDS, group, self.share)


def request_of(stem: str, wanted: Capability, arguments: Mapping[str, Any]) -> Request:
    """The request with these arguments.

    Raises:
        TypeError: An argument is missing, unknown or of another type.
        ValueError: An argument is out of range, or the request exceeds the budget.
    """
    given = checked(wanted, arguments)
    share = budget_share(wanted, given)
    first = next(iter(wanted.signature.parameters))
    asked = arguments[first] if wanted.takes_list else [arguments[first]]
    text = given.pop(first)
    return Request(stem, wanted, text, given, share, tuple(map(is_cut, asked)))


class Service:
    """What the page, its endpoints and the HTTP interface call.

    Each replica of a model answers one request at a time; verbs with a queue of their own answer
    beside these. Small requests to a verb that takes a list of texts run as one batch.

    Args:
        registry: Loads the models.
        metrics: Counts requests and batches.
        replicas: How many jobs a model can run at the same time. A model of this process has one
            replica; with ``deploy.ray_app`` it has several, in other processes.
        local: Whether only this machine can reach the server, so that visitors may load models
            of their own (see ``dlnlp.hub``).
    """

    def __init__(
        self,
        registry: Registry,
        metrics: Metrics | None = None,
        replicas: int = 1,
        local: bool = False,
    ) -> None:
        self.registry, self.metrics, self.replicas = registry, metrics, replicas
        self.local = local
        self.trainings = Trainings(registry)
        self._left: Callable[[], bool] = lambda: False
        self._lock = threading.Lock()
        self._queues: dict[str, JobQueue] = {}
        self._slots: dict[str, Slot] = {}

    def watching(self, left: Callable[[], bool]) -> Service:
        """The same service, whose ``call`` and ``run`` end once the caller has left.

        Args:
            left: Whether the caller has left; asked every second.
        """
        watched = copy.copy(self)  # with the same queues
        watched._left = left
        return watched

    def call(self, stem: str, verb: str, /, **arguments: Any) -> Any:
        """The predictor's results, which ``dlnlp.results.as_json`` turns into JSON.

        A text of more than ``MAX_CHARACTERS`` is cut, and its result is marked as truncated if it
        has that field.

        Raises:
            KeyError: No model has that stem.
            TypeError: An argument is missing, unknown or of another type.
            ValueError: An argument is out of range, the request exceeds the budget, or the model
                does not have the verb.
            CheckpointError: The model can't be loaded.
            Busy: Too many requests are waiting.
            DeadlineExceeded: The computation took too long.
            Cancelled: The caller has left, or the server is stopping.
        """
        if capability(verb).streams:
            return list(self.stream(stem, verb, **arguments))
        request = self.checked(stem, verb, arguments)
        self.registry.get(stem)  # loading it does not count as time of the request
        with self._counted(stem, verb):
            return marked(request, self._result(self.submit(request), request.queue))

    def finished(self, request: Request, run: Callable[[list[Any]], Any]) -> Any:
        """The results of a request that ``run`` computes in the request's queue.

        Raises:
            Busy, DeadlineExceeded, Cancelled: See ``call``.
        """
        with self._counted(request.stem, request.capability.verb):
            job = self.queue(request.queue).submit(request.job(run))
            return marked(request, self._result(job, request.queue))

    async def answer(self, stem: str, verb: str, left: Left = never, /, **arguments: Any) -> Any:
        """Like ``call``, without a thread that waits, for verbs that do not stream.

        Cancelling it cancels the request.

        Args:
            left: Whether the caller has left; asked every second.
        """
        request = self.checked(stem, verb, arguments)
        if not self.registry.is_loaded(stem):
            await run_sync(self.registry.get, stem)
        with self._counted(stem, verb):
            job = self.submit(request)
            future = asyncio.wrap_future(job.future)
            try:
                while not (await asyncio.wait({future}, timeout=POLL))[0]:
                    self.queue(request.queue).heal()
                    if await left():
                        raise Cancelled("The caller has left.")
                return marked(request, future.result())
            finally:
                job.cancel()

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
            CheckpointError, Busy, DeadlineExceeded, Cancelled: See ``call``.
        """

        def once() -> Any:
            with self.registry.use(stem) as predictor:
                return function(predictor)

        self.registry.get(stem)  # loading it does not count as time of the job
        return self.alone(stem + queue, once, seconds or SECONDS)

    def alone(self, queue: str, function: Callable[[], Any], seconds: float) -> Any:
        """The result of a function, which runs while no other job of the queue does.

        Raises:
            Busy, DeadlineExceeded, Cancelled: See ``call``.
        """
        job = self.queue(queue).submit(Job(lambda items: [function()], [None], seconds))
        [found] = self._result(job, queue)
        return found

    def stream(
        self,
        stem: str,
        verb: str,
        cancelled: threading.Event | None = None,
        /,
        **arguments: Any,
    ) -> Iterator[Any]:
        """The results of a streaming verb, as they are computed.

        The arguments are checked and the model is loaded before this returns. The stream waits
        for others of the same model when it is first resumed. Closing it ends the computation.

        Args:
            cancelled: Setting it ends the stream at its next check.

        Raises:
            KeyError, TypeError, ValueError, CheckpointError: See ``call``.
            Busy: Too many streams are waiting; while iterating.
            DeadlineExceeded: While iterating.
        """
        request = self.checked(stem, verb, arguments)
        self.registry.get(stem)  # loading it does not count as time of the stream
        return self.streamed(request, self.registry.use(stem), cancelled)

    def streamed(
        self,
        request: Request,
        using: AbstractContextManager[Any],
        cancelled: threading.Event | None = None,
    ) -> Iterator[Any]:
        """The results of a streaming request, within a slot of its queue.

        Args:
            using: Gives the predictor.
            cancelled: Setting it ends the stream at its next check.
        """
        verb, slot = request.capability.verb, self._slot(request.queue)
        with (
            self._counted(request.stem, verb),
            slot.taken(SECONDS / 2, cancelled),
            using as predictor,
        ):
            with deadline(SECONDS, cancelled):
                context = copy_context()  # it applies in any thread that resumes the iterator
            pieces = context.run(getattr(predictor, verb), request.text, **request.others)
            while (piece := context.run(next, pieces, _END)) is not _END:
                yield piece

    def checked(self, stem: str, verb: str, arguments: Mapping[str, Any]) -> Request:
        """The request with these arguments.

        Raises:
            KeyError, TypeError, ValueError: See ``call``.
        """
        entry = catalog.record(stem)
        request = request_of(stem, capability(verb), arguments)
        if not entry.can(verb):
            raise ValueError(f"The model “{entry.title}” does not have the verb {verb!r}.")
        return request

    def submit(self, request: Request) -> Job:
        """Append the request to its queue; the job's future gets its results.

        Raises:
            Busy: Too many requests are waiting.
        """
        wanted = request.capability

        def run(items: list[Any]) -> Any:
            with self.registry.use(request.stem) as predictor:
                return request.results(predictor, items)

        group = (wanted.verb, request.others) if wanted.takes_list else None
        return self.queue(request.queue).submit(request.job(run, group))

    def queue(self, name: str) -> JobQueue:
        """The queue with that name."""
        with self._lock:
            if name not in self._queues:
                observe = functools.partial(self.metrics.batch, name) if self.metrics else ignore
                self._queues[name] = JobQueue(name, observe, self.replicas)
            return self._queues[name]

    def close(self) -> None:
        """Cancel all requests and trainings; their callers are told."""
        self.trainings.close()
        with self._lock:
            queues = list(self._queues.values())
        for queue in queues:
            queue.close()

    def waiting(self) -> dict[str, int]:
        """The number of waiting requests of each queue."""
        with self._lock:
            return {name: len(queue) for name, queue in self._queues.items()}

    def _counted(self, stem: str, verb: str) -> AbstractContextManager[None]:
        return self.metrics.request(stem, verb) if self.metrics else nullcontext()

    def _slot(self, name: str) -> Slot:
        with self._lock:
            return self._slots.setdefault(name, Slot(self.replicas))

    def _result(self, job: Job, queue: str) -> Any:
        while not concurrent.futures.wait([job.future], POLL).done:
            self.queue(queue).heal()
            if self._left():
                job.cancel()
                raise Cancelled("The caller has left.")
        return job.future.result()


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
