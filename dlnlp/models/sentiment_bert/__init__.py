"""Chapter 4: sentiment classification with a fine-tuned BERT."""
