"""A README as parts: what it brings is text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jinja2 import Environment

from loligo_web.look import environment
from loligo_web.readme import Piece, pieces_of
from tests.web.conftest import ATTACK

ROOT = Path(__file__).parents[2]
READMES = sorted((ROOT / "tentacles").rglob("README.md"))


@pytest.fixture(scope="module")
def look() -> Environment:
    return environment()


def drawn(look: Environment, markdown: str) -> str:
    return str(look.get_template("readme.html").make_module({}).drawn(pieces_of(markdown)))  # type: ignore[attr-defined]


class Seen(HTMLParser):
    """What a browser would make of a text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: dict[str, list[str]] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, []).append(value or "")


def kinds(pieces: Sequence[Piece]) -> Iterator[str]:
    for one in pieces:
        yield one.kind
        yield from kinds(one.pieces)


def test_headings_lists_code_tables_and_links_are_drawn(look: Environment) -> None:
    told = drawn(
        look,
        "# rsi\n\nOne *two* **three** `four`, [five](https://example.org/a?b=1&c=2).\n\n## Six\n\n- seven\n- eight\n\n"
        "1. nine\n\n> ten\n\n```yaml\na: <b>\n```\n\n| x | y |\n|---|---|\n| `1` | 2 |\n\n---\n",
    )
    assert "rsi" not in told  # the page has its name already
    for part in (
        "<p>One <em>two</em> <strong>three</strong> <code>four</code>",
        '<a href="https://example.org/a?b=1&amp;c=2" rel="noopener noreferrer">five</a>',
        "<h3>Six</h3>",
        "<li><p>seven</p></li>",
        "<ol>",
        "<blockquote><p>ten</p></blockquote>",
        "a: &lt;b&gt;</pre>",
        '<th scope="col">x</th>',
        "<td><code>1</code></td>",
        "<hr>",
    ):
        assert part in told, part


@pytest.mark.parametrize(
    "markdown",
    [
        ATTACK,
        f"# a\n\n{ATTACK}\n\n```{ATTACK}\n{ATTACK}\n```",
        "[a](javascript:alert(1)) [b](data:text/html,x) [c](vbscript:x) [d](../../secret) [e]: javascript:x",
        "![picture](https://example.org/track.png) <img src=https://example.org/x>",
        "[e]\n\n[e]: javascript:alert(1)\n\n<style>*{display:none}</style>",
        '[a](https://x" onclick="alert(1))',
    ],
)
def test_no_markup_address_or_picture_comes_in(look: Environment, markdown: str) -> None:
    seen = Seen()
    seen.feed(drawn(look, markdown))
    assert seen.tags <= {"p", "pre", "code", "em", "strong", "a", "h2", "h3", "ul", "li"}
    assert seen.attributes.keys() <= {"href", "rel", "class", "tabindex", "role", "aria-label"}
    assert all(one.startswith("https://") for one in seen.attributes.get("href", ()))


@pytest.mark.parametrize("file", READMES, ids=lambda file: file.parent.name)
def test_the_readmes_that_are_bundled_are_drawn_whole(look: Environment, file: Path) -> None:
    pieces = pieces_of(file.read_text())
    assert {"paragraph", "inline", "text"} <= set(kinds(pieces))
    assert drawn(look, file.read_text()).count("<p>") >= 1
