"""Dropout that is fast on a CPU, for training without a GPU."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn


class FastDropout(nn.Dropout):
    """Dropout with a fast mask on a CPU, where torch draws one random number at a time.

    The generator is seeded from torch's own, so a resumed run draws the same masks. The
    probability is rounded to a multiple of 1/256.
    """

    def forward(self, x: Tensor) -> Tensor:
        """``x`` of any shape with a share of its elements zero and the others scaled up."""
        if not self.training or not self.p:
            return x
        if x.device.type != "cpu":
            return super().forward(x)
        generator = np.random.Generator(np.random.SFC64(int(torch.randint(2**62, ()))))
        drawn = torch.frombuffer(bytearray(generator.bytes(x.numel())), dtype=torch.uint8)
        least = round(256 * self.p)
        kept: Tensor = x * (drawn.view(x.shape) >= least)
        return kept * (256 / (256 - least))


def use_fast_dropout(model: nn.Module) -> None:
    """Replace every dropout of the model by ``FastDropout``; parameters stay the same."""
    for module in model.modules():
        if type(module) is nn.Dropout:
            module.__class__ = FastDropout
