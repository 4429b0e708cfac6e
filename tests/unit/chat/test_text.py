"""Replies become pages that a platform takes: escaped, never too long, no word and no markup broken."""

from __future__ import annotations

import html
import re

from hypothesis import given
from hypothesis import strategies as st

from loligo.api import Message
from loligo_chat import Markup, Reply, message_reply, pages
from loligo_chat.text import length

HTML = Markup(escape=html.escape, bold=lambda text: f"<b>{text}</b>", limit=100)
TEXTS = st.text(st.sampled_from("<>&\"' abc😀\n") | st.characters(exclude_categories=("Cs", "Cc")), max_size=400)


def test_a_short_reply_is_one_page_with_everything_escaped() -> None:
    reply = Reply(title="a < b", lines=["<script>", "x & y"])
    assert pages(reply, HTML) == ["<b>a &lt; b</b>\n&lt;script&gt;\nx &amp; y"]


def test_lines_go_to_the_next_page_whole() -> None:
    assert pages(Reply(lines=["a" * 60, "b" * 50, "c" * 30]), HTML) == ["a" * 60, "b" * 50 + "\n" + "c" * 30]


def test_a_long_line_is_broken_between_words_and_a_long_word_where_it_must_be() -> None:
    words = " ".join(["word"] * 30)  # 149 characters; 60 fit a part beside the word about what is left out
    made = pages(Reply(lines=[words]), HTML)
    assert all(set(re.split(r"\s", page)) == {"word"} for page in made)
    made = pages(Reply(lines=["<a> " * 30]), HTML)
    assert len(made) > 1 and all(set(page.split()) == {"&lt;a&gt;"} for page in made)
    assert pages(Reply(lines=["x" * 130]), HTML) == ["x" * 60, "x" * 60 + "\n" + "x" * 10]


def test_what_is_left_out_is_counted() -> None:
    made = pages(Reply(lines=["z" * 60] * 9), HTML, most=3)
    assert len(made) == 3
    assert made[-1] == "z" * 60 + "\n… and 6 more lines"  # 9 lines, one on each of 3 pages


def test_an_empty_reply_is_no_empty_page() -> None:
    assert pages(Reply(), HTML) == ["…"]
    assert pages(Reply(lines=["", " "]), HTML) == ["…"]


def test_length_counts_as_telegram_does() -> None:
    assert length("a😀") == 3  # the face is two UTF-16 units


@given(title=TEXTS, lines=st.lists(TEXTS, max_size=8))
def test_no_page_is_too_long_and_no_entity_broken(title: str, lines: list[str]) -> None:
    for page in pages(Reply(title=title, lines=lines), HTML):
        assert 0 < length(page) <= HTML.limit
        assert page.count("<b>") == page.count("</b>")
        plain = page.replace("<b>", "").replace("</b>", "")
        assert "<" not in plain and ">" not in plain
        assert all(re.match(r"&(amp|lt|gt|quot|#x27);", plain[at:]) for at, c in enumerate(plain) if c == "&")


def test_a_message_of_the_bot_has_its_sign_its_numbers_and_where_to_ask() -> None:
    reply = message_reply(Message(level="problem", text="stop hit", seq=42, fields={"net": "-1.5", "exit": "99"}))
    assert (reply.title, list(reply.lines)) == ("⛔ stop hit", ["net -1.5, exit 99", "/why_42"])
