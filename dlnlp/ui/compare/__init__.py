"""The screens of the Compare tab."""
