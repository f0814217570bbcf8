"""`motion-async batch`: a file of requests, checked line by line, sent, watched and told of.

`command` is where it begins. Nothing here is imported before it is used.
"""
