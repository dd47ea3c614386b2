"""Metrics in Prometheus' format: requests, errors, latency, batch sizes, queues, loaded models."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
REQUESTS = (1, 2, 4, 8, 16, 32, 64, 128)
PLACE = ("model", "verb")


class Metrics:
    """The metrics of one service."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self.registry = own = CollectorRegistry()
        self._requests = Counter("dlnlp_requests", "Requests.", (*PLACE, "outcome"), registry=own)
        self._latency = Histogram(
            "dlnlp_request_seconds", "Time with waiting.", PLACE, registry=own, buckets=SECONDS
        )
        self._batches = Histogram(
            "dlnlp_batch_requests",
            "Requests per batch.",
            ("queue",),
            registry=own,
            buckets=REQUESTS,
        )
        self._waiting = Gauge("dlnlp_waiting_requests", "Queue length.", ("queue",), registry=own)
        self._loaded = Gauge("dlnlp_model_loaded", "1 if loaded.", ("model",), registry=own)

    @contextmanager
    def request(self, stem: str, verb: str) -> Iterator[None]:
        """Count and time the request inside; its outcome is "ok" or the name of its error."""
        begin, outcome = time.perf_counter(), "ok"
        try:
            yield
        except BaseException as error:
            outcome = type(error).__name__
            raise
        finally:
            self._requests.labels(stem, verb, outcome).inc()
            self._latency.labels(stem, verb).observe(time.perf_counter() - begin)

    def batch(self, queue: str, requests: int) -> None:
        """Count a batch of a queue."""
        self._batches.labels(queue).observe(requests)

    def exposition(self, waiting: Mapping[str, int], loaded: Mapping[str, bool]) -> bytes:
        """All metrics as text.

        Args:
            waiting: The length of each queue.
            loaded: Whether each model is loaded.
        """
        for queue, count in waiting.items():
            self._waiting.labels(queue).set(count)
        for stem, is_loaded in loaded.items():
            self._loaded.labels(stem).set(is_loaded)
        return bytes(generate_latest(self.registry))
