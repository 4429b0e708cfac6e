"""What differs between two versions of a tentacle, file by file and line by line.

What must hold: it ends soon, whatever a stranger packed: long files and large differences are named, not compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from typing import Literal

LONGEST_FILE = 3_000  # lines that are compared; the time grows with their square
LONGEST_LINE = 400  # characters that are shown
LONGEST_DIFF = 100_000  # characters of all files together

State = Literal["added", "removed", "changed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """One file that differs; `diff` are its lines, "" where `why_not` says why they are not shown."""

    path: str
    state: State
    plus: int
    minus: int
    diff: str
    why_not: str = ""


def compare(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> list[FileChange]:
    """Return the files that differ, sorted by path."""
    found: list[FileChange] = []
    left = LONGEST_DIFF
    for path in sorted(before.keys() | after.keys()):
        if before.get(path) != after.get(path):
            found.append(_change(path, before.get(path), after.get(path), left))
            left -= len(found[-1].diff)
    return found


def _change(path: str, old: bytes | None, new: bytes | None, left: int) -> FileChange:
    state: State = "added" if old is None else "removed" if new is None else "changed"
    one, other = _lines(old or b""), _lines(new or b"")
    if one is None or other is None:
        return FileChange(path=path, state=state, plus=0, minus=0, diff="", why_not="no text")
    if max(len(one), len(other)) > LONGEST_FILE:
        plus, minus = max(0, len(other) - len(one)), max(0, len(one) - len(other))
        return FileChange(path=path, state=state, plus=plus, minus=minus, diff="", why_not="too long to compare")
    lines = list(unified_diff(one, other, path, path, lineterm=""))[2:]
    plus, minus = (sum(line.startswith(sign) for line in lines) for sign in "+-")
    text = "\n".join(line[:LONGEST_LINE] for line in lines)
    why_not = "" if len(text) <= left else "too much to show"
    return FileChange(path=path, state=state, plus=plus, minus=minus, diff="" if why_not else text, why_not=why_not)


def text_of(content: bytes) -> str | None:
    """Return the content of a file as text, None when it is none."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    return None if "\x00" in text else text


def _lines(content: bytes) -> Sequence[str] | None:
    text = text_of(content)
    return None if text is None else text.splitlines()
