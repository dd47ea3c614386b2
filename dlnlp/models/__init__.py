"""The models, a folder per chapter."""
