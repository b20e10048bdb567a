"""IPython: the extension, the cells of a shell, and what is done around each.

`extension` loads and unloads all of it; `cell_log` tells of cells that run or have run,
`cell_error` of what they ended with.
"""
