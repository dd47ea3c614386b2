"""Benchmarks of the models' speed against the transformers library."""
