"""Ways to serve the app on more than one machine."""
