"""A command as a process: how it begins, runs, is asked to end, and what it logs. `running` is where all meet."""
