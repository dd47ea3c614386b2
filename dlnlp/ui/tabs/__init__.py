"""One file per tab, each with ``build_tab(registry)``."""
