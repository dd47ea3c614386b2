"""One view each: its components, its handler and its HTML. Tabs compose them."""
