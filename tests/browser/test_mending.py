"""Health mends what it can by buttons, and the problem is gone: a tentacle that was taken off is tried again, a version
that is refused gives way to the one before, and what cannot run without another is switched off, or that other on."""

from __future__ import annotations

import time
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from loligo.model.command import GenerationActivated
from loligo.model.timeframe import ns_from_iso
from tests.browser.conftest import running_bot
from tests.browser.visits import browse, sign_in
from tests.fakes.hanging_tentacles import trade_with_them, write_hanging
from tests.fakes.tentacle_folder import write_tentacle
from tests.scenario.bots import LIMIT_S, BotFolder
from tests.scenario.test_health import CLOCK, QUICK, mend

FROM, UNTIL = ns_from_iso("2017-12-16T00:00:00Z"), ns_from_iso("2017-12-19T00:00:00Z")
FAILING = f"if {FROM} <= board.ts < {UNTIL} and not is_long: raise OSError('no way out')\n        "


def test_what_was_taken_off_is_tried_again_by_its_button(browser: Browser, tmp_path: Path) -> None:
    prepared = running_bot(tmp_path / "bot", lambda config: None, **{**QUICK, "LOLIGO__HEALTH__BACKOFF_S": "36000000"})
    write_hanging(prepared.folder.home, "evaluator", 0)
    prepared.folder.edit(lambda config: trade_with_them(config, "2017-12-15", "2019-01-01"))
    mend(prepared.folder, CLOCK, "return Signal", FAILING + "return Signal")
    with prepared as bot:
        sign_in(browser, bot)
        prepared.folder.wait_until(lambda status: bool(status["quarantined"]))
        with browse(browser, bot) as watched:
            page = watched.open("/health")
            problem = page.locator("#trouble li").filter(has_text="strategy by_clock")
            expect(problem).to_contain_text("Quarantined")
            expect(problem).to_contain_text("no way out")
            expect(page.locator("#failures")).to_contain_text("OSError: no way out")
            prepared.folder.wait_until(lambda status: status["time"] > "2017-12-20")
            page.get_by_role("button", name="Try it again now: strategy by_clock").click()
            expect(page.locator("#toasts")).to_contain_text("strategy by_clock is tried again now")
            expect(problem).to_have_count(0)
            assert prepared.folder.asked("status")["answer"]["quarantined"] == {}
            page.on("dialog", lambda dialog: dialog.accept())
            goes_back_from_what_is_refused(page, prepared.folder)
            switches_what_lacks_another(page, prepared.folder)
    slots = [
        [slot.tentacle for slot in one.input.slots]
        for one in prepared.folder.records()
        if isinstance(one.input, GenerationActivated)
    ]
    assert ["strategy/by_clock" in one for one in slots][:3] == [True, False, True]


def goes_back_from_what_is_refused(page: Page, folder: BotFolder) -> None:
    """Save a version that cannot be loaded, and go back to the one before."""
    ran = version_of(folder, "by_clock")
    code = folder.home / CLOCK
    code.write_text(f"{code.read_text()}\nnothing_of_the_kind\n")
    assert folder.call("tentacle", "refresh").code == 1  # the bot refuses it
    problem = page.locator("#trouble li").filter(has_text="strategy by_clock")
    expect(problem).to_contain_text("nothing_of_the_kind")
    page.get_by_role("button", name="Go back to the version before: strategy by_clock").click()
    expect(problem).to_have_count(0)
    assert version_of(folder, "by_clock") == ran


def version_of(folder: BotFolder, name: str) -> str:
    """Return which version runs, once one does: what is tried again needs a moment."""
    until = time.monotonic() + LIMIT_S
    while True:
        rows = folder.asked("tentacle.list")["answer"]["tentacles"]
        (found,) = (row for row in rows if row["name"] == name)
        if found["state"] in ("active", "probation"):
            return str(found["hash12"])
        assert time.monotonic() < until, found
        time.sleep(0.1)


def switches_what_lacks_another(page: Page, folder: BotFolder) -> None:
    """Bring two that need others, of which one is off and one is nowhere."""
    write_tentacle(folder.home, "evaluator", "basis")
    write_tentacle(folder.home, "evaluator", "needy", manifest={"requires.tentacles": '{basis = ">=1"}'})
    write_tentacle(folder.home, "evaluator", "lost", manifest={"requires.tentacles": '{nowhere = ">=1"}'})
    folder.call("tentacle", "refresh")
    folder.asked("tentacle.switch", name="basis", on=False, force=True)  # refused: the other one runs, and needs it
    trouble = page.locator("#trouble li")
    for button, name, is_on in (
        ("Switch basis on: evaluator needy", "basis", True),
        ("Switch lost off: evaluator lost", "lost", False),
    ):
        page.get_by_role("button", name=button).click()
        expect(trouble.filter(has_text=button.rpartition(" ")[2])).to_have_count(0)
        assert folder.asked("tentacle.info", name=name)["answer"]["is_on"] is is_on
