"""Train the chapters' models: one loop for the scripts in ``train`` and for the page."""
