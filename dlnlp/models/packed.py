"""Linear layers for one row at a time on a CPU.

Who generates token by token waits for the weights to come from memory. oneDNN, torch's library
for such products, reads them about twice as fast when they lie in blocks as it likes them.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class PackedLinear(nn.Module):
    """A copy of a weight (O, I), float32, in oneDNN's order: for ``torch.inference_mode`` only."""

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        super().__init__()
        self.weight = torch.ops.mkldnn._reorder_linear_weight(weight.detach())
        self.bias = None if bias is None else bias.detach()

    def forward(self, x: Tensor) -> Tensor:
        """``x`` (..., I) times the weight, and the bias added: (..., O)."""
        product: Tensor = torch.ops.mkldnn._linear_pointwise(
            x, self.weight, self.bias, "none", [], ""
        )
        return product


def can_pack(weight: Tensor) -> bool:
    """Whether this build of torch has oneDNN, and the weight is one for it."""
    return (
        torch.backends.mkldnn.is_available()
        and hasattr(torch.ops.mkldnn, "_reorder_linear_weight")
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
        and weight.device.type == "cpu"
        and weight.dtype == torch.float32
    )
