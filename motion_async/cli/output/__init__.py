"""How a command tells what happens: in JSON lines, in plain words, or live on a terminal.

`output` has all that can happen, a method an event; `jsonlines`, `plain` and `live` are the three ways to tell it.
"""
