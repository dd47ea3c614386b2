"""Search, sampling, calibration and attribution, as functions of tensors and callables."""
