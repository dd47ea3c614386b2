"""Training: ``python -m train.<stem> --data-dir DIR``. Imports neither gradio nor the UI."""
