"""The panels that tabs are composed of: one view each, with components, handler and HTML."""
