"""`motion-async jobs`: the history of all that a ledger has sent."""
