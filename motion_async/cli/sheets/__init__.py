"""People's files: how requests are read from sheets and JSON, a line at a time, and how results are written as tables.

`sources` opens a file and finds out what it is; `filelines` has what each of its lines becomes.
"""
