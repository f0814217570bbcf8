"""One exchange with the service: an address, a connection, a deadline, and the bytes of an answer.

All that knows of aiohttp is here. It must not judge what an answer means, nor make a call twice.
"""
