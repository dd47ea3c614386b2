"""The views of the tab “Train it yourself”: HTML of a training run."""
