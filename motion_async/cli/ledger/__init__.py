"""`motion-async ledger`: what a ledger has, shown, exported and settled. `app` gathers its commands."""
