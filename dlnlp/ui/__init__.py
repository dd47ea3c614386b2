"""The page: components and event handlers, which use results and plots but never tensors."""
