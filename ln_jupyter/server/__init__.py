"""Jupyter Server: files that it saves, renames and deletes keep who they are; the only package that knows it.

`app` is what Jupyter Server loads.
"""
