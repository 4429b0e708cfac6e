"""What a file system lets be known: a content that stands still (`snapshot`), that something moved (`events`); how a
file is made for its owner alone (`private`).

Paths in, bytes and hints out; it knows nothing of Loligo. Stated for Linux; elsewhere as far as Python and watchdog go.
"""
