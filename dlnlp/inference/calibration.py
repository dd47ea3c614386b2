"""Calibrate a classifier, so that its probabilities match how often it is right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

Logit = TypeVar("Logit", bound=Any)  # a float, an array or a tensor
TYPICAL = 25  # tokens, about one sentence: texts of this length get ``temperature`` itself


@dataclass(frozen=True)
class Calibration:
    """A temperature (Guo et al. 2017) and a shift (Platt 1999); the defaults change nothing.

    The calibrated logit is raw / (temperature * (tokens / TYPICAL) ** growth) + shift. With a
    ``growth`` above 0 the temperature rises with the text's length: a model that is well
    calibrated on sentences can still be overconfident on whole reviews. The shift does not depend
    on the length, because it corrects for the share of positive texts in training.
    """

    temperature: float = 1.0
    shift: float = 0.0
    growth: float = 0.0

    def __call__(self, raw: Logit, tokens: Any = TYPICAL) -> Logit:
        """The calibrated logit of a text with this many tokens."""
        return raw / self.at(tokens) + self.shift

    def undone(self, logit: Logit, tokens: Any = TYPICAL) -> Logit:
        """The raw logit for a calibrated one."""
        return (logit - self.shift) * self.at(tokens)

    def at(self, tokens: Any) -> Any:
        """The temperature for texts with this many tokens; a number or an array."""
        return self.temperature * (tokens / TYPICAL) ** self.growth

    @classmethod
    def taken_from(cls, config: dict[str, Any]) -> Calibration:
        """Pop the calibration's entries from a config."""
        return cls(
            config.pop("temperature", 1.0), config.pop("shift", 0.0), config.pop("growth", 0.0)
        )


UNCALIBRATED = Calibration()
