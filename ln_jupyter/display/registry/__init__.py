"""The registry's own records: first what somebody looks for, the rest folded away.

`cards` and `runs` are all that others use.
"""
