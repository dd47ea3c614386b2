"""Linear layers for few rows at a time on a CPU, for ``torch.inference_mode`` only.

Who generates token by token waits for the weights to come from memory. oneDNN, torch's library
for such products, reads them about twice as fast when they lie in blocks as it likes them, and
in 8 bits there is only a quarter to read.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class PackedLinear(nn.Module):
    """A copy of a weight (O, I), float32, in oneDNN's order."""

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


class EightBitLinear(nn.Module):
    """A copy of a weight (O, I) in 8 bits, with a scale for each output; rows are bfloat16."""

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        super().__init__()
        scale = weight.detach().abs().amax(dim=1).clamp(min=1e-12) / 127
        self.weight = (weight.detach() / scale.unsqueeze(1)).round().to(torch.int8)
        self.scale = scale.bfloat16()
        self.bias = None if bias is None else bias.detach()

    def forward(self, x: Tensor) -> Tensor:
        """``x`` (..., I) times about the weight, and the bias added: (..., O), float32."""
        rows = x.reshape(-1, x.shape[-1]).bfloat16()
        product = torch._weight_int8pack_mm(rows, self.weight, self.scale)
        product = product.float() if self.bias is None else product + self.bias
        return product.view(*x.shape[:-1], -1)


def can_pack(weight: Tensor) -> bool:
    """Whether this build of torch has oneDNN's products, and the weight is one for them."""
    return (
        torch.backends.mkldnn.is_available()
        and hasattr(torch.ops.mkldnn, "_reorder_linear_weight")
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
        and weight.device.type == "cpu"
        and weight.dtype == torch.float32
    )


def is_quick_in_eight_bits() -> bool:
    """Whether torch's 8-bit products are the faster ones: elsewhere they are plain loops."""
    capability = torch.backends.cpu.get_cpu_capability()
    return capability.startswith("AVX") and hasattr(torch, "_weight_int8pack_mm")
