"""The data sets, and what the scripts make of them before training."""
