"""Linear layers that are fast for few rows on a CPU, for ``torch.inference_mode`` only.

Generating one token at a time is limited by how fast the weights are read from memory. oneDNN,
PyTorch's library for matrix products, reads them about twice as fast in its own blocked layout,
and 8-bit weights are a quarter of the size.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import TypeVar

import torch
from torch import Tensor, nn

Module = TypeVar("Module", bound=nn.Module)


class PackedLinear(nn.Module):
    """A copy of a float32 weight (O, I) in oneDNN's blocked layout, and of its bias (O,)."""

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        super().__init__()
        self.weight = torch.ops.mkldnn._reorder_linear_weight(weight.detach())
        self.bias = None if bias is None else bias.detach().clone()

    def forward(self, x: Tensor) -> Tensor:
        """Output (..., O) of input ``x`` (..., I)."""
        product: Tensor = torch.ops.mkldnn._linear_pointwise(
            x, self.weight, self.bias, "none", [], ""
        )
        return product


class EightBitLinear(nn.Module):
    """A copy of a weight (O, I) as int8 with one scale per output; inputs become bfloat16."""

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        super().__init__()
        scale = weight.detach().abs().amax(dim=1).clamp(min=1e-12) / 127
        self.weight = (weight.detach() / scale.unsqueeze(1)).round().to(torch.int8)
        self.scale = scale.bfloat16()
        self.bias = None if bias is None else bias.detach().clone()

    def forward(self, x: Tensor) -> Tensor:
        """Approximate output (..., O), float32, of input ``x`` (..., I)."""
        rows = x.reshape(-1, x.shape[-1]).bfloat16()
        product = torch._weight_int8pack_mm(rows, self.weight, self.scale)
        product = product.float() if self.bias is None else product + self.bias
        return product.view(*x.shape[:-1], -1)


Linear = Callable[[Tensor, Tensor | None], nn.Module]


def replace_linear(model: Module, linear: Linear, shared: Iterable[nn.Module] = ()) -> Module:
    """A copy of the model, in evaluation mode, with new linear layers.

    Args:
        linear: Makes a layer from the weight (O, I) and bias (O,) of each ``nn.Linear``.
        shared: Submodules that are not copied.
    """
    # deepcopy uses the entries of its memo instead of copying these modules.
    memo: dict[int, nn.Module] = {id(module): module for module in shared}
    for module in model.modules():
        if isinstance(module, nn.Linear):
            memo[id(module)] = linear(module.weight, module.bias)
    return copy.deepcopy(model, memo).eval()


def can_pack(weight: Tensor) -> bool:
    """Whether ``PackedLinear`` works for this weight in this build of PyTorch."""
    return (
        torch.backends.mkldnn.is_available()
        and hasattr(torch.ops.mkldnn, "_reorder_linear_weight")
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
        and weight.device.type == "cpu"
        and weight.dtype == torch.float32
    )


def has_fast_int8() -> bool:
    """Whether PyTorch vectorises int8 products on this processor; if not, they are slow."""
    capability = torch.backends.cpu.get_cpu_capability()
    return capability.startswith("AVX") and hasattr(torch, "_weight_int8pack_mm")
