"""From a reply to pages that a platform takes: escaped, cut to its limit, no word and no markup broken.

Lengths are counted in UTF-16 units, as Telegram counts, on the text with its markup: so never too long anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from loligo_chat.replies import Reply

_MOST_PAGES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Markup:
    """How a platform writes: `escape` makes any text harmless, `bold` sets off what is escaped already."""

    escape: Callable[[str], str]
    bold: Callable[[str], str]
    limit: int  # UTF-16 units of one page


def length(text: str) -> int:
    """Return the length in UTF-16 units."""
    return len(text) + sum(char > "\uffff" for char in text)


def pages(reply: Reply, markup: Markup, *, most: int = _MOST_PAGES) -> list[str]:
    """Return the pages of a reply, at least one; what does not fit `most` of them is counted on the last."""
    parts = [*_parts(reply.title, markup, markup.bold)] if reply.title else []
    for line in reply.lines:
        for row in str(line).splitlines() or [""]:
            parts.extend(_parts(row, markup, _as_is))
    made: list[str] = []
    room = markup.limit - 40  # for the word about what is left out
    while parts and len(made) < most:
        page = parts.pop(0)
        is_last = len(made) == most - 1
        limit = room if is_last else markup.limit
        while parts and length(page) + 1 + length(parts[0]) <= limit:
            page += "\n" + parts.pop(0)
        made.append(page)
    if parts:
        made[-1] += "\n" + markup.escape(f"… and {len(parts)} more lines")
    return [page if page.strip() else "…" for page in made] or ["…"]  # no platform takes an empty page


def _as_is(text: str) -> str:
    return text


def _parts(line: str, markup: Markup, dress: Callable[[str], str]) -> Iterator[str]:
    """Yield a line in parts that fit a page, escaped; broken between words, a longer word where it must be."""
    room = markup.limit - 40
    line = line.replace("\x00", "")
    while length(whole := dress(markup.escape(line))) > room:
        cut = _longest(line, markup, dress, room)
        space = line.rfind(" ", 0, cut + 1)
        at = space if space > 0 else cut
        yield dress(markup.escape(line[:at]))
        line = line[at:].lstrip(" ")
    yield whole


def _longest(line: str, markup: Markup, dress: Callable[[str], str], room: int) -> int:
    """Return how many characters of a line fit, at least 1."""
    low, high = 1, min(len(line), room)
    while low < high:
        middle = (low + high + 1) // 2
        if length(dress(markup.escape(line[:middle]))) <= room:
            low = middle
        else:
            high = middle - 1
    return low
