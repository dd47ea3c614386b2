"""ONNX Runtime as an engine for a CPU, of a graph that lies beside the weights.

The graph names tensors within model.safetensors as its external data, so the weights exist once
and the two can't drift apart; ``train/bert_graph.py`` writes it. Only where a model gains much
is there such a graph; everywhere else, and for all that needs gradients, PyTorch serves.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

GRAPH = "model.onnx"
_log = logging.getLogger("dlnlp.engine")


class Engine:
    """A graph from token ids and their mask to logits; safe to share between threads."""

    def __init__(self, graph: Path, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(graph), options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Logits (B, labels) of token ids (B, T) and their attention mask (B, T)."""
        feed = {"ids": ids.astype(np.int64), "mask": mask.astype(np.int32)}
        [logits] = self._session.run(["logits"], feed)
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
