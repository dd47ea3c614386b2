"""Compare models on one text, and a text with an edited version, for the page and the endpoints."""
