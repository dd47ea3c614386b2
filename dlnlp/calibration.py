"""From a classifier's raw logit to one whose probability can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

Logit = TypeVar("Logit", bound=Any)  # a float, an array or a tensor


@dataclass(frozen=True)
class Calibration:
    """A temperature (Guo et al. 2017) and, before it, a shift (Platt 1999); by default none."""

    temperature: float = 1.0
    shift: float = 0.0

    def __call__(self, raw: Logit) -> Logit:
        """The calibrated logit."""
        return (raw + self.shift) / self.temperature

    def undone(self, logit: Logit) -> Logit:
        """The raw logit of a calibrated one."""
        return logit * self.temperature - self.shift

    @classmethod
    def taken_from(cls, config: dict[str, Any]) -> Calibration:
        """The calibration that is among the entries of a config, which it loses."""
        return cls(config.pop("temperature", 1.0), config.pop("shift", 0.0))


UNCALIBRATED = Calibration()
