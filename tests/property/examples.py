"""How often a property is tried: a quarter of it in CI, all of it everywhere else (`make verify-properties`)."""

from __future__ import annotations

import os

SHARE = 4 if os.environ.get("CI") else 1


def examples(count: int) -> int:
    """Return how many examples to try of `count`."""
    return count // SHARE
