"""What the training scripts measure, on validation data alone."""
