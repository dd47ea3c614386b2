"""Tests of dlnlp.training."""
