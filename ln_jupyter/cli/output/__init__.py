"""What a command found, for people and for programs.

`screen` knows what stdout is, `table` writes columns that fit it, `states` says how a run is;
`programs` writes JSON, comma-separated values and scripts.
"""
