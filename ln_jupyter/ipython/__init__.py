"""IPython's side: the extension, its magics, and a session that spans a cell."""
