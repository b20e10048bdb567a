"""What a run does, written while it goes on by a thread beside its cells.

`recorder` listens to cells, `facts` are what a file says, `run_rows` and `latest` write and find the rows of runs.
"""
