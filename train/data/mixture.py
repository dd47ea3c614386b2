"""Training windows of several corpora, mixed in fixed shares."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dlnlp.text.byte_level import BEGIN_ID

BLOCK = 400  # windows in which every corpus has its exact share
START_SHARE = 0.5  # of the windows that can be moved to the start of their document


class Mixture:
    """Windows of ``context + 1`` tokens; the same number always gives the same window.

    Each corpus is one stream of documents, each after a begin token, and is read window by
    window without replacement, cut at other places in each pass. Where a document begins less
    than a window earlier, half of the windows are moved back to its begin token, because
    prompts follow that token at position 0.

    Args:
        streams: Token ids (N,) of each corpus, starting with a begin token.
        shares: The weight of each corpus among the windows.
        context: Tokens that the model reads.
        seed: Decides the order of the windows and where streams are cut.
    """

    def __init__(
        self,
        streams: Mapping[str, np.ndarray],
        shares: Mapping[str, float],
        context: int,
        seed: int,
    ) -> None:
        self.context, self.seed = context, seed
        # A corpus of less than a few windows is repeated.
        self.streams = [
            np.tile(stream, max(1, -(-4 * context // len(stream)))) for stream in streams.values()
        ]
        self.begins = [np.flatnonzero(stream == BEGIN_ID) for stream in self.streams]
        weights = np.array([shares[name] for name in streams], dtype=float)
        ends = np.rint(np.cumsum(weights / weights.sum()) * BLOCK).astype(int)
        self.counts = np.diff(ends, prepend=0)
        self._starts: dict[tuple[int, int], np.ndarray] = {}

    def batch(self, step: int, size: int) -> np.ndarray:
        """The windows (size, context + 1) of one step."""
        return np.stack([self.window(i) for i in range(step * size, (step + 1) * size)])

    def window(self, number: int) -> np.ndarray:
        """Window ``number`` (context + 1,) of the mixture."""
        block, place = divmod(number, BLOCK)
        corpora = np.repeat(np.arange(len(self.counts)), self.counts)
        order = np.random.default_rng((self.seed, block)).permutation(corpora)
        corpus = int(order[place])
        earlier = block * int(self.counts[corpus]) + int((order[:place] == corpus).sum())
        epoch, place = divmod(earlier, self._per_epoch(corpus))
        start = self._epoch(corpus, epoch)[place]
        return self.streams[corpus][start : start + self.context + 1]

    def _per_epoch(self, corpus: int) -> int:
        """Windows in one pass, the same number wherever the first one starts."""
        return len(self.streams[corpus]) // self.context - 2

    def _epoch(self, corpus: int, epoch: int) -> np.ndarray:
        """The starts of a pass's windows in shuffled order."""
        if (corpus, epoch) not in self._starts:
            random = np.random.default_rng((self.seed, corpus, epoch))
            count, begins = self._per_epoch(corpus), self.begins[corpus]
            starts = int(random.integers(self.context)) + self.context * np.arange(count)
            document = begins[np.searchsorted(begins, starts, side="right") - 1]
            movable = starts - document < self.context
            moved = movable & (random.random(count) < START_SHARE)
            starts = random.permutation(np.where(moved, document, starts))
            self._starts = {k: v for k, v in self._starts.items() if k[0] != corpus}
            self._starts[corpus, epoch] = starts
        return self._starts[corpus, epoch]
