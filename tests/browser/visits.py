"""How a person's browser comes to a page, and what is noted on the way."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, Page, Request

from loligo_web.server import FIRST_LINK_FILE
from tests.scenario.bots import LIMIT_S

PASSWORD = "a rather long sentence"
PAUSE_S = 0.02
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
LIMIT_MS = LIMIT_S * 1000  # for anything: a test that fails ends by it, and none passes later


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
    viewer: Any = None  # cookies of somebody who may only look
    made: dict[str, str] = field(default_factory=dict)  # where to find what was made, by what it is called in a path

    @property
    def link(self) -> Path:
        return self.home / FIRST_LINK_FILE


@dataclass(frozen=True, kw_only=True)
class Visit:
    """A page as somebody meets it. What stands in braces in its path is in `made` of a bot that was used."""

    path: str
    who: Literal["owner", "viewer", "nobody"] = "owner"
    status: int = 200
    does: str = ""  # what is done there, in a word or two
    act: Callable[[Page], object] | None = None

    def __str__(self) -> str:
        return f"{self.path} {self.does}".strip()

    @contextmanager
    def made(self, browser: Browser, bot: Bot, look: dict[str, Any]) -> Iterator[Watched]:
        """Open the page in a window of its own, and do there what is to be done."""
        cookies = {"owner": bot.cookies, "viewer": bot.viewer, "nobody": None}[self.who]
        with browse(browser, bot, cookies=cookies, owner=False, **look) as watched:
            page = watched.open(self.path.format(**bot.made))
            if self.act is not None:
                self.act(page)
            if self.status != 200:
                watched.expect_fault(f"status of {self.status}")
            yield watched


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
        """Take back one that the test caused, once it is told."""
        until = time.monotonic() + LIMIT_S
        while not (found := [fault for fault in self.faults if text in fault]):
            assert time.monotonic() < until, f"{text!r} is not among {self.faults}"
            self.page.wait_for_timeout(20)
        self.faults.remove(found[0])

    def let_pass(self, text: str) -> None:
        """Take back those that the test may have caused."""
        self.faults[:] = [fault for fault in self.faults if text not in fault]


@contextmanager
def browse(
    browser: Browser,
    bot: Bot,
    *,
    scheme: Literal["light", "dark"] = LOOK["scheme"],
    phone: bool = LOOK["phone"],
    owner: bool = True,
    cookies: Any = None,  # of somebody else
) -> Iterator[Watched]:
    """Open a window of its own; the console must be clean at its end."""
    context = browser.new_context(
        viewport=PHONE if phone else WIDE,  # type: ignore[arg-type]
        color_scheme=scheme,
        storage_state=bot.cookies if owner else cookies,
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


def sign_out(who: Watched) -> None:
    """Sign out, and go to the sign-in that is for everybody: a part of the page may have been refused meanwhile, and
    have led to that of the page."""
    from_menu(who.page, "button", "Sign out")
    who.page.wait_for_url(re.compile("/sign-in"))
    who.open("/sign-in")
    who.let_pass("401")


def take_away(page: Page, name: str) -> None:
    """Press what takes something away, and say in its dialog that it shall."""
    page.get_by_role("button", name=name).click()
    page.get_by_role("dialog").locator(".danger").click()


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
