"""`%ln_session` and `%%ln_session`: a session that spans a cell, from its first line to its end."""
