"""Training scripts: ``python -m train.<stem> --data-dir DIR``. They never import the UI."""
