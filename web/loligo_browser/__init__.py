"""What the page brings to the browser that others wrote: files of npm packages, copied here when it is built.

A package of its own, so that every version of the page finds them, those in the content store too. Which files, and the
hash of each, stands in the page's `VENDOR.toml`; a file that differs is never served. None of them is committed.
"""
