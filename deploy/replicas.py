"""Models in other processes: a replica serves one of them, and a registry reaches all replicas.

The page and the HTTP interface use a ``RemoteRegistry`` like any other registry. Its predictors
send each call to a replica, which Ray Serve chooses, and repeat it on another one if the replica's
process ends.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextvars import copy_context
from typing import Any, cast

import ray.exceptions
from anyio.to_thread import run_sync
from ray.serve.exceptions import DeploymentUnavailableError
from ray.serve.handle import (
    DeploymentHandle,
    DeploymentResponse,
    DeploymentResponseGenerator,
)

from dlnlp import catalog
from dlnlp.capabilities import CAPABILITIES
from dlnlp.inference.deadline import check_deadline, deadline, seconds_left
from dlnlp.registry import Registry
from dlnlp.service import Service
from dlnlp.service.calls import SECONDS
from dlnlp.service.errors import Unavailable
from dlnlp.service.settings import preload

POLL = 0.25  # seconds between checks of the time limit while a replica computes
STATE_SECONDS = 3.0
TRIES = 4
LOST = (ray.exceptions.RayActorError, ray.exceptions.WorkerCrashedError)
UNAVAILABLE = "No replica of the model “{}” can answer: try again, or check the cluster's log."
STREAMS = tuple(each.verb for each in CAPABILITIES if each.streams)
_END = object()


class Replica:
    """One model in a process of its own, which is loaded and warmed up at the start.

    If that fails, the replica serves all the same: each call tries to load the model again.

    Args:
        stem: The model.
        untrained: Serve its ``tiny()`` instead of its checkpoint.
    """

    def __init__(self, stem: str, untrained: bool = False) -> None:
        self.stem, self.registry = stem, Registry(untrained=untrained)
        preload(Service(self.registry), (stem,)).join()

    async def call(
        self, verb: str, arguments: tuple[Any, ...], options: Mapping[str, Any], seconds: float
    ) -> Any:
        """The results of a verb; cancelling it ends the computation at its next check."""
        cancelled = threading.Event()

        def compute() -> Any:
            with deadline(seconds, cancelled), self.registry.use(self.stem) as predictor:
                return getattr(predictor, verb)(*arguments, **options)

        try:
            return await run_sync(compute, abandon_on_cancel=True)
        finally:
            cancelled.set()

    async def stream(
        self, verb: str, arguments: tuple[Any, ...], options: Mapping[str, Any], seconds: float
    ) -> AsyncIterator[Any]:
        """The results of a streaming verb, as they are computed."""
        cancelled = threading.Event()
        with self.registry.use(self.stem) as predictor:
            with deadline(seconds, cancelled):
                context = copy_context()  # it applies in any thread that resumes the iterator
            pieces = context.run(getattr(predictor, verb), *arguments, **options)

            def resume() -> Any:
                return context.run(next, pieces, _END)

            try:
                while (piece := await run_sync(resume)) is not _END:
                    yield piece
            finally:
                cancelled.set()

    async def state(self) -> str:
        """See ``Registry.state``."""
        return await asyncio.to_thread(self.registry.state, self.stem)


class RemotePredictor:
    """Has the verbs of a model, and asks the model's replicas.

    Args:
        stem: The model.
        replicas: The handle of its deployment.
    """

    def __init__(self, stem: str, replicas: DeploymentHandle[Any]) -> None:
        self._entry, self._replicas = catalog.record(stem), replicas

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        if verb.startswith("_") or not (self._entry.can(verb) or verb == "is_cut"):
            raise AttributeError(f"The model “{self._entry.title}” does not have {verb!r}.")
        ask = self._stream if verb in STREAMS else self._call
        return lambda *arguments, **options: ask(verb, arguments, options)

    def _call(self, verb: str, arguments: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
        """The results of one replica, or of the next if it is lost.

        Raises:
            Unavailable: No replica answers.
            DeadlineExceeded, Cancelled, ValueError, CheckpointError: See ``Service.call``.
        """
        for _ in range(TRIES):
            seconds = seconds_left(SECONDS)
            response = self._replicas.call.remote(verb, arguments, options, seconds)
            try:
                return self._wait(cast(DeploymentResponse[Any], response))
            except ray.exceptions.RayTaskError as error:
                raise error.cause from None
            except LOST:
                continue  # verbs have no side effects, so that they can be repeated
            except DeploymentUnavailableError:
                break
        raise Unavailable(UNAVAILABLE.format(self._entry.title))

    def _wait(self, response: DeploymentResponse[Any]) -> Any:
        try:
            while True:
                check_deadline()
                try:
                    return response.result(timeout_s=POLL)
                except TimeoutError:
                    continue
        except BaseException:
            response.cancel()
            raise

    def _stream(
        self, verb: str, arguments: tuple[Any, ...], options: Mapping[str, Any]
    ) -> Iterator[Any]:
        """The pieces of one replica, or of the next if it is lost before the first piece.

        Raises:
            Unavailable: No replica answers, or it is lost after the first piece.
            DeadlineExceeded, Cancelled, ValueError, CheckpointError: See ``Service.stream``.
        """
        started = False
        for _ in range(TRIES):
            seconds = seconds_left(SECONDS)
            streaming = self._replicas.options(stream=True).stream
            response = streaming.remote(verb, arguments, options, seconds)
            pieces = cast(DeploymentResponseGenerator[Any], response)
            try:
                for piece in pieces:
                    started = True
                    yield piece
                    check_deadline()
                return
            except ray.exceptions.RayTaskError as error:
                raise error.cause from None
            except LOST:
                if started:
                    break
            except DeploymentUnavailableError:
                break
            finally:
                pieces.cancel()
        raise Unavailable(UNAVAILABLE.format(self._entry.title))


class RemoteRegistry(Registry):
    """The models' replicas, as a registry.

    Reports are read from this machine's checkpoints; weights and torch are not loaded.

    Args:
        replicas: The handle of each model's deployment.
        untrained: Whether the replicas serve ``tiny()``.
    """

    def __init__(
        self, replicas: Mapping[str, DeploymentHandle[Any]], untrained: bool = False
    ) -> None:
        super().__init__(untrained=untrained, most_loaded=len(replicas))
        self._replicas = replicas

    def state(self, stem: str) -> str:
        """What a replica says of its model.

        Raises:
            Unavailable: None answers within a few seconds.
            CheckpointError: The model can't be loaded.
        """
        response = self._replicas[stem].state.remote()
        try:
            return str(response.result(timeout_s=STATE_SECONDS))
        except ray.exceptions.RayTaskError as error:
            raise error.cause from None
        except (TimeoutError, DeploymentUnavailableError, *LOST):
            response.cancel()
            raise Unavailable(UNAVAILABLE.format(catalog.record(stem).title)) from None

    def _load(self, entry: catalog.Record, device: str) -> RemotePredictor:
        return RemotePredictor(entry.stem, self._replicas[entry.stem])

    def _device_name(self, device: str | None = None) -> str:
        return "cluster"
