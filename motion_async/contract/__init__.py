"""The service's documentation as pure code: what a request may be, how it is written, what an answer means.

It knows what the documentation says and what people mistake, and nothing of connections, clocks or when a call is made.
No I/O here; times are arguments.
"""
