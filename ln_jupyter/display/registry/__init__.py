"""The registry's own records: first what somebody looks for, the rest folded away.

`cards`, `runs`, `cells` and `facts` are all that others use.
"""
