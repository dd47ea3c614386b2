"""The four chapters, one file each."""
