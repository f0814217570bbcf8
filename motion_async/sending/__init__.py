"""What costs credits is sent from here: each create and followup at most once, at its turn, and written down before.

It must not poll or watch, nor decide what is sent.
"""
