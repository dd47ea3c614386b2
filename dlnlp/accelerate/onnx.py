"""An optional engine for classification on a CPU with ONNX Runtime.

It runs a graph, ``model.onnx`` in the checkpoint folder. The graph refers to the
tensors of model.safetensors as external data, so the weights are stored once and the
graph always uses the current ones; ``train/bert_graph.py`` writes it. PyTorch still computes
gradients and hidden states.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dlnlp.inference.deadline import check_deadline

if TYPE_CHECKING:
    import onnxruntime

GRAPH = "model.onnx"
_log = logging.getLogger(__name__)


class Engine:
    """A graph that maps token ids and their mask to logits; safe to share between threads."""

    batch_tokens = 512  # small batches fit into the CPU's cache

    def __init__(self, graph: Path, threads: int) -> None:
        self._threads = threads
        self._session = _session(graph, threads)
        # For parallel batches, one thread each. Created now, so that no request waits for it.
        self._single_threaded = _session(graph, 1) if threads > 1 else self._session

    def __call__(self, batches: Sequence[tuple[Any, Any]]) -> list[np.ndarray]:
        """Logits (B, labels) of each batch of token ids (B, T) and attention mask (B, T).

        A few batches run one after another, each on all threads. Many batches run in parallel,
        each on one thread, which is faster because threads need not synchronise after every
        operator.

        Raises:
            DeadlineExceeded: The time limit of the current context has passed.
        """
        if self._threads == 1 or len(batches) < 2 * self._threads:
            return [_run(self._session, *batch) for batch in batches]
        # Largest first, so that no thread starts a large batch when the others are done.
        by_size = sorted(
            range(len(batches)), key=lambda i: math.prod(batches[i][0].shape), reverse=True
        )
        with ThreadPoolExecutor(self._threads) as pool:
            # Worker threads get a copy of the context, which holds the deadline.
            running = {
                i: pool.submit(copy_context().run, _run, self._single_threaded, *batches[i])
                for i in by_size
            }
        return [running[i].result() for i in range(len(batches))]


def _session(graph: Path, threads: int) -> onnxruntime.InferenceSession:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors only
    return onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])


def _run(session: onnxruntime.InferenceSession, ids: Any, mask: Any) -> np.ndarray:
    check_deadline()
    feed = {"ids": np.asarray(ids, dtype=np.int64), "mask": np.asarray(mask, dtype=np.int32)}
    [logits] = session.run(["logits"], feed)
    return np.asarray(logits)


def open_engine(graph: Path, threads: int) -> Engine | None:
    """The engine for a graph, or None if onnxruntime is missing or too old for the graph."""
    try:
        return Engine(graph, threads)
    except ImportError:
        _log.info("onnxruntime is not installed: PyTorch runs %s", graph.parent.name)
    except Exception as fault:  # onnxruntime's errors share no other base class
        _log.warning("onnxruntime can't open %s: PyTorch runs the model (%s)", graph, fault)
    return None
