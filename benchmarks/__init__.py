"""How fast the models are beside what one would use otherwise."""
