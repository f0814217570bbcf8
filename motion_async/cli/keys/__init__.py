"""Whose key a command uses, and which service it goes to. `account` has the commands about that."""
