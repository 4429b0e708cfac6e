"""`python -m loligo.registry FILE [SOURCE]`: add new folders to a registry file, take hashes and versions anew."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from loligo.errors import LoligoError
from loligo.registry.discovery import discover, refresh_hashes


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit code: 0, or 3 with the reason on stderr. SystemExit(2) for wrong arguments."""
    parser = argparse.ArgumentParser(prog="python -m loligo.registry", description=__doc__)
    parser.add_argument("file", type=lambda text: Path(text).resolve())
    parser.add_argument("source", nargs="?", choices=("local", "bundled"), default="local")
    given = parser.parse_args(arguments)
    try:
        print("".join(f"added    {slot}\n" for slot in discover(given.file, source=given.source)), end="")
        print("".join(f"changed  {slot}\n" for slot in refresh_hashes(given.file)), end="")
    except LoligoError as exc:
        print(exc, file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
