"""IPython: the extension, the cells of a shell, and what is done around each."""
