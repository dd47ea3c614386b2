"""The contents of the Learn panels: texts, questions and the tutorial's corrected listings."""
