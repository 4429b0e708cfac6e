"""Health mends what it can: a tentacle that was taken off is tried again by a button, and its problem is gone."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, expect

from loligo.model.command import GenerationActivated
from loligo.model.timeframe import ns_from_iso
from tests.browser.conftest import running_bot
from tests.browser.visits import browse, sign_in
from tests.fakes.hanging_tentacles import trade_with_them, write_hanging
from tests.scenario.test_health import CLOCK, QUICK, mend

SETTLED_MS = 60_000.0
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
            expect(page.locator("#failures")).to_contain_text("OSError: no way out", timeout=SETTLED_MS)
            prepared.folder.wait_until(lambda status: status["time"] > "2017-12-20")
            page.get_by_role("button", name="Try it again now: strategy by_clock").click()
            expect(page.locator("#toasts")).to_contain_text("strategy by_clock is tried again now")
            expect(problem).to_have_count(0, timeout=SETTLED_MS)
            assert prepared.folder.asked("status")["answer"]["quarantined"] == {}
    slots = [
        [slot.tentacle for slot in one.input.slots]
        for one in prepared.folder.records()
        if isinstance(one.input, GenerationActivated)
    ]
    assert ["strategy/by_clock" in one for one in slots][:3] == [True, False, True]
