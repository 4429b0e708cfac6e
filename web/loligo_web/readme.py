"""A README as parts that templates draw: whoever wrote it, it brings text, never markup of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

LONGEST = 50_000  # characters
_READER = MarkdownIt("commonmark", {"html": False}).enable("table").disable(["image", "reference"])
_PLAIN = {"text", "code_inline", "fence", "code_block"}
_KNOWN = {
    *("heading", "paragraph", "bullet_list", "ordered_list", "list_item", "blockquote", "hr", "strong", "em", "link"),
    *("table", "thead", "tbody", "tr", "th", "td", "inline", "softbreak", "hardbreak", *_PLAIN),
}


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of text and what it is, by the names of markdown-it; `to` is where a link leads, out of the page."""

    kind: str
    text: str = ""
    level: int = 0  # of a heading
    to: str = ""
    pieces: Sequence[Piece] = ()


def pieces_of(markdown: str) -> Sequence[Piece]:
    """Return the pieces of a README without its title, which stands above it on the page."""
    every = [_piece(node) for node in SyntaxTreeNode(_READER.parse(markdown[:LONGEST])).children]
    return every[1:] if every and every[0].kind == "heading" and every[0].level == 1 else every


def _piece(node: SyntaxTreeNode) -> Piece:
    if node.type in _PLAIN or node.type not in _KNOWN:
        return Piece(node.type if node.type in _PLAIN else "text", text=node.content.rstrip("\n"))
    address = str(node.attrs.get("href", ""))
    return Piece(
        kind=node.type,
        level=int(node.tag[1]) if node.type == "heading" else 0,
        to=address if address.startswith(("https://", "http://")) else "",  # others lead to files of the folder
        pieces=[_piece(child) for child in node.children],
    )
