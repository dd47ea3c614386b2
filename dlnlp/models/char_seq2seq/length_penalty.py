"""The length penalty of beam search, chosen by the length of the source sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

LONGER = "longer"  # the JSON key of ``otherwise``


@dataclass(frozen=True)
class LengthPenalty:
    """The exponent alpha of ``beam_search.normalised``, by the length of the source sentence.

    ``steps`` are pairs (longest source in characters, alpha) in ascending order; sources longer
    than the last step use ``otherwise``. With alpha 0, outputs are ranked by their summed
    log-probability; larger values favour longer outputs.
    ``python -m train.length_penalty`` chooses the values.

    Raises:
        ValueError: The steps do not ascend.
    """

    steps: tuple[tuple[int, float], ...] = ()
    otherwise: float = 1.0

    def __post_init__(self) -> None:
        lengths = [length for length, _ in self.steps]
        if lengths != sorted(set(lengths)):
            raise ValueError(f"the steps of the length penalty must ascend, not {lengths}")

    def alpha(self, source_length: int) -> float:
        """The exponent for a source sentence of this many characters."""
        return next((alpha for most, alpha in self.steps if source_length <= most), self.otherwise)

    def as_json(self) -> dict[str, float]:
        """The value in config.json: ``{"8": 0.2, "15": 0.8, "longer": 1.0}``."""
        return {**{str(most): alpha for most, alpha in self.steps}, LONGER: self.otherwise}

    @classmethod
    def from_json(cls, value: Mapping[str, float]) -> LengthPenalty:
        """The inverse of ``as_json``.

        Raises:
            ValueError: A key is not a number or "longer", or the numbers do not ascend.
        """
        steps = [(int(key), float(alpha)) for key, alpha in value.items() if key != LONGER]
        return cls(tuple(steps), float(value.get(LONGER, 1.0)))
