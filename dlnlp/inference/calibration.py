"""From a classifier's raw logit to one whose probability can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

Logit = TypeVar("Logit", bound=Any)  # a float, an array or a tensor
TYPICAL = 25  # tokens, about a sentence: for it the temperature is as it stands


@dataclass(frozen=True)
class Calibration:
    """A temperature (Guo et al. 2017) and, before it, a shift (Platt 1999); by default none.

    The temperature may grow with the length of the text, as a power of it: what makes a sentence's
    verdict trustworthy leaves that of a whole review too sure.
    """

    temperature: float = 1.0
    shift: float = 0.0
    growth: float = 0.0

    def __call__(self, raw: Logit, tokens: Any = TYPICAL) -> Logit:
        """The calibrated logit of a text of so many tokens."""
        return (raw + self.shift) / self.at(tokens)

    def undone(self, logit: Logit, tokens: Any = TYPICAL) -> Logit:
        """The raw logit of a calibrated one."""
        return logit * self.at(tokens) - self.shift

    def at(self, tokens: Any) -> Any:
        """The temperature for texts of so many tokens, a number or an array."""
        return self.temperature * (tokens / TYPICAL) ** self.growth

    @classmethod
    def taken_from(cls, config: dict[str, Any]) -> Calibration:
        """The calibration that is among the entries of a config, which it loses."""
        return cls(
            config.pop("temperature", 1.0), config.pop("shift", 0.0), config.pop("growth", 0.0)
        )


UNCALIBRATED = Calibration()
