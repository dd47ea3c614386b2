"""Optional, faster engines for the models.

Text generation gives the same tokens; the ONNX engine computes in int8 and gives nearly the same
logits. A predictor chooses its engine when it is created. The tests compare engines with the
plain code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlnlp.accelerate.speculative import FastWriter
    from dlnlp.models.token_transformer.model import TransformerModel


def writer(model: TransformerModel) -> FastWriter:
    """The fastest engine for ``model.generate`` on the model's current device."""
    from dlnlp.accelerate.speculative import FastWriter

    return FastWriter(model)
