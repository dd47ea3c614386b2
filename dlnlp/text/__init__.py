"""Text processing without torch: words, sentences, casing, vocabularies and byte-level BPE."""
