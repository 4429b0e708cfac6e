"""What a file system lets be known: a content that stands still (`snapshot`), and that something moved (`events`).

Paths in, bytes and hints out; it knows nothing of Loligo. Stated for Linux; elsewhere as far as Python and watchdog go.
"""
