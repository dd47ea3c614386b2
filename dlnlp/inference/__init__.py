"""Search, sampling, calibration and attribution: tensors and callables in, numbers out."""
