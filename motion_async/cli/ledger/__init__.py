"""`motion-async ledger`: what the ledger of a batch has, shown, exported and settled. `app` defines its commands."""
