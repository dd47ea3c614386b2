"""Words, sentences, casing, vocabularies and byte-level BPE, without torch."""
