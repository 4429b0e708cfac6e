"""The clock of the world, and waiting by any clock."""

from loligo.api.notify import SystemClock, wait_s

__all__ = ["SystemClock", "wait_s"]
