"""What this process is and runs in: its kernel, its end, installed packages and git; knows no database.

`kernel` and `process` say where this is, `clock` what time it is, `exit_status` how it ended, `signals` that it is about to, `distributions`
and `packages` what is installed, `origins` where that came from, `git` which commit, `modules` which of the project's
own modules are imported.
"""
