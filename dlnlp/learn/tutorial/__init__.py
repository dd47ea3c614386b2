"""The tutorial's listings, transcribed with their errors, which ``corrections`` explains."""
