"""`motion-async report`: a batch as one page that can be handed on. `command` is where it begins."""
