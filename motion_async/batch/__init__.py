"""Many: requests go in lazily, a limited number of jobs run, and outcomes come out as they end.

With a ledger a batch goes on where an earlier run ended. It must not send or poll anything itself.
"""
