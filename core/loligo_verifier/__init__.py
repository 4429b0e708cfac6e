"""Judges a tentacle's version before the bot runs it, in a process of its own that `loligo.host.verifier` starts."""
