"""Chapter 2: character-level translation with attention."""
