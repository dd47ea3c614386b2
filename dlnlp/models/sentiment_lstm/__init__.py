"""Chapter 1: sentiment classification with an LSTM."""
