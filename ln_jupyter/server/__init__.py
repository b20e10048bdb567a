"""Jupyter Server: the only wing that knows it."""
