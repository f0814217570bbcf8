"""`motion-async batch`: a file of requests, checked line by line, sent, watched and told of.

`app` defines it, `order` has its options, and `command` is where its work begins. Nothing but the first two is imported
before it is used.
"""
