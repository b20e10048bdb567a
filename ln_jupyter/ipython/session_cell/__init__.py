"""`%ln_session` and `%%ln_session`: a session that spans a cell, from its first line to its end.

`magic`, `rewrite`, `cell`, `watch`, `held`, `arguments` and `completion` are put into a shell by `ipython.extension`.
"""
