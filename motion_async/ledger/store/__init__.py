"""The databases under a ledger: one base, SQLite and PostgreSQL over it, and all that concerns their files and locks.

Nothing outside of `motion_async.ledger.opening` imports it: it needs the extras. It must not decide anything of items.
"""
