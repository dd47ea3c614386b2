"""Queues of requests to a model: each replica runs one at a time, small similar ones as a batch."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, InvalidStateError, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from dlnlp.inference.deadline import Cancelled, DeadlineExceeded, deadline

MOST_WAITING = 256  # requests that may wait in one queue
MOST_STREAMS = 8  # streams that may wait for each other; each waiting one holds a thread
LONGEST_WAIT = 30.0  # seconds; a request that would have to wait longer is refused at once
BATCH_SHARE = 0.05  # of the work of the largest request: a batch takes about a second at most
GRACE = 5.0  # seconds after its time limit until a job that ignores it loses its thread

STUCK = "The request did not end within its limit of {:g} seconds, so it was given up: try again."

STOPPING = "The server is stopping: try again later."


class Busy(RuntimeError):
    """Too many requests are waiting for a model.

    Attributes:
        seconds: After how many seconds to try again.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = max(1, math.ceil(seconds))
        super().__init__(
            f"Too many requests are waiting for this model: try again in about {self.seconds} s."
        )


@dataclass(eq=False)
class Job:
    """A request that waits for its turn.

    Args:
        run: Computes the results of a list of items, in order.
        items: The items of this request.
        seconds: Its time limit, counted from its start.
        group: Jobs with equal groups may run as one batch; None for a job that runs alone.
        share: Its work as a share of that of the largest allowed request.
    """

    run: Callable[[list[Any]], Sequence[Any]]
    items: list[Any]
    seconds: float
    group: object = None
    share: float = 0.0
    future: Future[Sequence[Any]] = field(default_factory=Future)
    cancelled: threading.Event = field(default_factory=threading.Event)
    submitted: float = field(default_factory=time.monotonic)

    def cancel(self) -> None:
        """Forget the job if it waits; end it at its next check if it runs alone."""
        self.future.cancel()
        self.cancelled.set()


@dataclass(eq=False)
class Batch:
    """Jobs that run together.

    Args:
        overdue: When their thread is given up, in ``time.monotonic()``.
    """

    jobs: list[Job]
    overdue: float


Observe = Callable[[int], None]


def ignore(requests: int) -> None:
    """Observe nothing."""


class JobQueue:
    """Runs jobs in their order of arrival, one per replica at a time.

    While a job runs, others arrive; those of the same group then run as one batch. A single job
    therefore never waits for others. Cancelled jobs take no place.

    Args:
        observe: Called with the number of requests of each batch.
        replicas: How many jobs run at the same time.
    """

    def __init__(self, name: str, observe: Observe = ignore, replicas: int = 1) -> None:
        self.name, self.observe, self.replicas = name, observe, replicas
        self._waiting: deque[Job] = deque()
        self._running: list[Batch] = []
        self._closed = False
        self._lock = threading.Lock()
        self._seconds = 0.0  # moving average of the time of a job
        self._start_threads()

    def __len__(self) -> int:
        with self._lock:
            return sum(not job.future.cancelled() for job in self._waiting)

    def submit(self, job: Job) -> Job:
        """Append the job; its future gets the results.

        Raises:
            Busy: Too many jobs are waiting.
            Cancelled: The queue is closed.
        """
        with self._lock:
            if self._closed:
                raise Cancelled(STOPPING)
            self._waiting = deque(each for each in self._waiting if not each.future.cancelled())
            wait = len(self._waiting) * self._seconds / self.replicas
            if len(self._waiting) >= MOST_WAITING or wait > LONGEST_WAIT:
                raise Busy(wait)
            self._waiting.append(job)
            self._executor.submit(self._run_next)
        return job

    def heal(self) -> None:
        """Give up the threads of jobs that ignore their time limit, and continue with new ones."""
        with self._lock:
            now = time.monotonic()
            stuck = [batch for batch in self._running if batch.overdue <= now]
            if not stuck:
                return
            self._running = [batch for batch in self._running if batch.overdue > now]
            self._executor.shutdown(wait=False, cancel_futures=True)  # it takes no other job
            self._start_threads()
            for _ in self._waiting:
                self._executor.submit(self._run_next)
        for batch in stuck:
            for job in batch.jobs:
                _settle(job, error=DeadlineExceeded(STUCK.format(job.seconds)))

    def close(self) -> None:
        """Cancel all jobs and end the threads after those that run."""
        with self._lock:
            waiting = list(self._waiting)
            running = [job for batch in self._running for job in batch.jobs]
            self._waiting.clear()
            self._closed = True
            self._executor.shutdown(wait=False, cancel_futures=True)
        for job in running:
            job.cancelled.set()
        for job in waiting:
            _settle(job, error=Cancelled(STOPPING))

    def _start_threads(self) -> None:
        self._executor = ThreadPoolExecutor(self.replicas, thread_name_prefix=self.name)

    def _run_next(self) -> None:
        with self._lock:
            jobs = self._take()
            if not jobs:  # an earlier batch included it
                return
            begin = time.monotonic()
            batch = Batch(jobs, begin + jobs[0].seconds + GRACE)
            self._running.append(batch)
        self.observe(len(jobs))
        _run(jobs)
        taken = (time.monotonic() - begin) / len(jobs)
        with self._lock:
            if batch in self._running:
                self._running.remove(batch)
                self._seconds += (taken - self._seconds) / 8

    def _take(self) -> list[Job]:
        """Remove the next job, and those of its group that fit into its batch."""
        while self._waiting:
            first = self._waiting.popleft()
            if first.future.set_running_or_notify_cancel():
                break
        else:
            return []
        jobs, share = [first], first.share
        if first.group is None:
            return jobs
        kept: deque[Job] = deque()
        for job in self._waiting:
            fits = job.group == first.group and share + job.share <= BATCH_SHARE
            if not fits:
                kept.append(job)
            elif job.future.set_running_or_notify_cancel():
                jobs.append(job)
                share += job.share
        self._waiting = kept
        return jobs


def _run(jobs: list[Job]) -> None:
    """Run the jobs as one batch; if it fails, each on its own, so that each has its own error."""
    first = jobs[0]
    alone = len(jobs) == 1
    try:
        with deadline(first.seconds, first.cancelled if alone else None):
            found = list(first.run([item for job in jobs for item in job.items]))
    except BaseException as error:
        if alone:
            _settle(first, error=error)
            return
        for job in jobs:
            _run([job])
        return
    for job in jobs:
        count = len(job.items)
        _settle(job, found[:count])
        del found[:count]


def _settle(job: Job, found: Sequence[Any] = (), error: BaseException | None = None) -> None:
    with suppress(InvalidStateError):  # it was stuck, and its caller has been told
        if error:
            job.future.set_exception(error)
        else:
            job.future.set_result(found)


class Slot:
    """Admits one stream per replica at a time; up to ``MOST_STREAMS`` others wait."""

    def __init__(self, replicas: int = 1) -> None:
        self._turn, self._count = threading.Semaphore(replicas), threading.Lock()
        self._waiting = 0

    @contextmanager
    def taken(self, estimate: float, cancelled: threading.Event | None = None) -> Iterator[None]:
        """Wait for the slot and hold it.

        Args:
            estimate: About how many seconds a stream takes, for the message of ``Busy``.
            cancelled: Setting it ends the wait.

        Raises:
            Busy: Too many streams are waiting, or the wait takes too long.
            Cancelled: ``cancelled`` was set.
        """
        with self._count:
            if self._waiting >= MOST_STREAMS:
                raise Busy(self._waiting * estimate)
            self._waiting += 1
        try:
            self._wait(estimate, cancelled)
        finally:
            with self._count:
                self._waiting -= 1
        try:
            yield
        finally:
            self._turn.release()

    def _wait(self, estimate: float, cancelled: threading.Event | None) -> None:
        end = time.monotonic() + LONGEST_WAIT
        while not self._turn.acquire(timeout=0.5):
            if cancelled and cancelled.is_set():
                raise Cancelled("The request was cancelled.")
            if time.monotonic() > end:
                raise Busy(estimate)
