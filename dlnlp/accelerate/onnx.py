"""ONNX Runtime as an engine for a CPU, of a graph that lies beside the weights.

The graph names tensors within model.safetensors as its external data, so the weights exist once
and the two can't drift apart; ``train/bert_graph.py`` writes it. Only where a model gains much
is there such a graph; everywhere else, and for all that needs gradients, PyTorch serves.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnxruntime

GRAPH = "model.onnx"
_log = logging.getLogger(__name__)


class Engine:
    """A graph from token ids and their mask to logits; safe to share between threads."""

    def __init__(self, graph: Path, threads: int) -> None:
        self._threads = threads
        self._session = _session(graph, threads)
        # For the thread that calls it alone; opened now, so that no request waits for it.
        self._alone = _session(graph, 1) if threads > 1 else self._session

    def __call__(self, batches: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[np.ndarray]:
        """Logits (B, labels) of each batch of token ids (B, T) and attention mask (B, T).

        All threads share in one batch, but of many each takes its own: they needn't wait for
        one another after every operator then. The largest go first, so that no thread is left
        with one at the end.
        """
        if self._threads == 1 or len(batches) < 2 * self._threads:
            return [_run(self._session, *batch) for batch in batches]
        found: list[np.ndarray] = [np.empty(0)] * len(batches)
        order = sorted(range(len(batches)), key=lambda i: batches[i][0].size, reverse=True)
        with ThreadPoolExecutor(self._threads) as pool:
            results = pool.map(lambda i: _run(self._alone, *batches[i]), order)
            for i, logits in zip(order, results, strict=True):
                found[i] = logits
        return found


def _session(graph: Path, threads: int) -> onnxruntime.InferenceSession:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])


def _run(session: onnxruntime.InferenceSession, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
    feed = {"ids": ids.astype(np.int64), "mask": mask.astype(np.int32)}
    [logits] = session.run(["logits"], feed)
    return np.asarray(logits)


def open_engine(graph: Path, threads: int) -> Engine | None:
    """The engine of a graph, or None where PyTorch has to serve.

    That is where onnxruntime is not installed, or is too old for the graph.
    """
    try:
        return Engine(graph, threads)
    except ImportError:
        _log.info("onnxruntime is not installed: PyTorch runs %s", graph.parent.name)
    except Exception as fault:  # its errors have no common class beside Exception
        _log.warning("onnxruntime refuses %s: PyTorch runs it (%s)", graph, fault)
    return None
