"""The notebook becomes, and stays, a record: `header()`, `publish()`, `nb`.

`header` registers, `running` is what this process runs, `nb` shows it, `annotations` are what a user puts on a run;
`request`, `prune` and `forget_file` serve the command line and the server.
"""
