"""Chapter 3: next-token prediction with a Transformer."""
