"""How a person's browser comes to a page, and what is noted on the way."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, Page, Request

from loligo_web.server import FIRST_LINK_FILE

PASSWORD = "a rather long sentence"
PAUSE_S = 0.02
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
LIMIT_MS = 15_000.0


LOOKS: dict[str, dict[str, Any]] = {
    "light": {"scheme": "light", "phone": False},
    "dark": {"scheme": "dark", "phone": False},
    "phone light": {"scheme": "light", "phone": True},
    "phone dark": {"scheme": "dark", "phone": True},
}
# Of all that a person does, where a test does not say in which: `make verify-looks` does everything in each of them.
LOOK = LOOKS[os.environ.get("LOLIGO_LOOK", "light")]


@dataclass(kw_only=True)
class Bot:
    home: Path
    address: str
    cookies: Any = None  # of its owner

    @property
    def link(self) -> Path:
        return self.home / FIRST_LINK_FILE


@dataclass(frozen=True)
class Watched:
    """A page, and all that was said against it."""

    page: Page
    bot: Bot
    faults: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def open(self, path: str) -> Page:
        self.page.goto(self.bot.address + path)
        return self.page

    def watch(self) -> None:
        self.page.set_default_timeout(LIMIT_MS)
        self.page.on("console", lambda message: self._said(message.type, message.text))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request))

    def _said(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.faults.append(text)

    def expect_fault(self, text: str) -> None:
        """Take back one that the test caused."""
        found = next(fault for fault in self.faults if text in fault)
        self.faults.remove(found)


@contextmanager
def browse(
    browser: Browser,
    bot: Bot,
    *,
    scheme: Literal["light", "dark"] = LOOK["scheme"],
    phone: bool = LOOK["phone"],
    owner: bool = True,
) -> Iterator[Watched]:
    """Open a window of its own; the console must be clean at its end."""
    context = browser.new_context(
        viewport=PHONE if phone else WIDE,  # type: ignore[arg-type]
        color_scheme=scheme,
        storage_state=bot.cookies if owner else None,
        reduced_motion="reduce",
    )
    try:
        watched = Watched(context.new_page(), bot)
        watched.watch()
        yield watched
        assert watched.faults == [], watched.faults
    finally:
        context.close()


def from_menu(page: Page, role: Literal["link", "button"], name: str) -> None:
    """Press what stands in the menu; on a phone most of it is behind "More"."""
    if LOOK["phone"]:
        page.get_by_role("link", name="More").click()
        page.wait_for_url("**/more")
    page.get_by_role(role, name=name).click()


def sign_in(browser: Browser, bot: Bot) -> None:
    """Become the owner by the first link."""
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(LIMIT_MS)
    page.goto(bot.link.read_text().strip())
    page.get_by_label("Name").fill("anna")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("The same again").fill(PASSWORD)
    page.get_by_role("button", name="Open my bot").click()
    page.wait_for_url(f"{bot.address}/")
    bot.cookies = context.storage_state()
    context.close()
