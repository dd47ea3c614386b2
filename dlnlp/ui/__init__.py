"""The screens: components and handlers that know results and plots, never tensors."""
