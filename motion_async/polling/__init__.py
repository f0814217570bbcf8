"""Watching: one loop polls all jobs of a session, and whoever follows one hears of its changes.

It decides which answers are news, and tells of them. It must not talk HTTP, nor send anything that costs credits.
"""
