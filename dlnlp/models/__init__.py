"""The models, one folder per chapter of the tutorial."""
