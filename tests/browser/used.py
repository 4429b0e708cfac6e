"""A bot that people have used: of all that has a page of its own there is one."""

from __future__ import annotations

import copy
import re
import time
from collections.abc import Mapping
from typing import Any

from playwright.sync_api import Browser, BrowserContext

from tests.browser.visits import LIMIT_MS, PASSWORD, Bot
from tests.scenario.bots import LIMIT_S, BotFolder, done_job

SPAN = {"since": "2018-01-01", "until": "2018-03-01"}  # of what is tested over the past
RSI = "desks.trend.evaluators.rsi.settings.period"
DECIDED = ("ordered", "declined")
EAGER = {
    "limits": {"min_confidence": 0.5},
    "strategy": {"tentacle": "weighted_vote", "settings": {"entry_threshold": 0.5}},
}
CSRF = re.compile('name="csrf" content="([^"]+)"')
LINK = re.compile(r'http://[^\s"<]+/(?:join|investor|hooks/tv)/([\w-]+)')


def more_desks(config: dict[str, Any]) -> None:
    """Give the bot two more desks like trend on accounts of their own, and a test with one of them from the start."""
    for name in ("paper_b", "paper_c"):
        config["accounts"][name] = {"deposits": {"USD": 50_000}}
    config["desks"]["trend_c"] = {**copy.deepcopy(config["desks"]["trend"]), "account": "paper_c"}
    config["desks"]["trend_b"] = {**copy.deepcopy(config["desks"]["trend"]), "account": "paper_b", **EAGER}
    config["experiments"] = {"eager": {"control": "trend", "challengers": ["trend_b"], "days": 180}}


def use(browser: Browser, bot: Bot, span: Mapping[str, str] = SPAN) -> None:
    """Use a bot with more desks; `bot.made` says by name where to find what was made, `bot.viewer` may only look."""
    folder = BotFolder(bot.home)
    folder.asked("tentacle.switch", name="trading_mode/dca", on=False)
    settings = {"trigger": "price", "relation": "below", "level": 9, "instrument": "coinbase:BTC/USD"}
    folder.asked(
        "automation.add", "rule", name="guard", tentacle="rule", settings={**settings, "actions": [{"do": "notify"}]}
    )
    bot.made |= _backtests(folder, span) | _jobs(folder, span)
    folder.asked("tentacle.switch", name="trading_mode/dca", on=True)
    folder.asked("report.write", "report", period="month")
    bot.made["report"] = folder.asked("reports")["answer"]["reports"][0]["name"]
    bot.made |= {result: _decided(folder, result) for result in DECIDED}
    _let_in(browser, bot)


def _backtests(folder: BotFolder, span: Mapping[str, str]) -> dict[str, str]:
    """Have two run that differ in a setting."""
    numbers = {
        name: folder.asked("backtest.start", name, note=f"RSI {period}", overrides={RSI: period}, **span)["answer"][
            "number"
        ]
        for name, period in (("backtest", 10), ("backtest_2", 20))
    }
    return {name: str(number) for name, number in numbers.items()}


def _jobs(folder: BotFolder, span: Mapping[str, str]) -> dict[str, str]:
    """Have a test over the past, a reality check and a replay done, after all that waits before them."""
    arms = {"control": "trend", "changes": {"strategy.settings.entry_threshold": 0.9}}
    asked: dict[str, dict[str, Any]] = {"historic": {**arms, **span}, "reality": {"desk": "trend"}, "replay": {}}
    return {kind: str(done_job(folder, kind, **given)["number"]) for kind, given in asked.items()}


def _decided(folder: BotFolder, result: str) -> str:
    """Return the seq of a decision that ended so, once there is one."""
    until = time.monotonic() + LIMIT_S
    while not (found := folder.asked("decisions", result=result, limit=1)["answer"]["decisions"]):
        assert time.monotonic() < until, f"nothing was {result}"
        time.sleep(0.1)
    return str(found[0]["seq"])


def _let_in(browser: Browser, bot: Bot) -> None:
    """Share a view, let an alert come in, invite two, and let one of them join."""
    owner = browser.new_context(storage_state=bot.cookies)
    shows = {"shows": "positions", "days": "30"}
    bot.made["shared"] = _made(owner, bot, "/access/shares/make", {"name": "aunt", **shows})
    hook = {"kind": "tradingview", "name": "alerts", "source": "tradingview"}
    bot.made["hook"] = _made(owner, bot, "/access/hooks/make", hook)
    said = {"instrument": "coinbase:BTC/USD", "action": "buy"}
    owner.request.post(f"{bot.address}/hooks/tv/{bot.made['hook']}", data=said, timeout=LIMIT_MS)
    bot.made["invited"] = _made(owner, bot, "/access/invite", {"role": "trade"})
    invited = _made(owner, bot, "/access/invite", {"role": "view"})
    owner.close()
    guest = browser.new_context()
    form: dict[str, Any] = {"name": "bert", "password": PASSWORD, "repeated": PASSWORD}
    guest.request.post(f"{bot.address}/join/{invited}", form=form, headers={"Origin": bot.address}, timeout=LIMIT_MS)
    bot.viewer = guest.storage_state()
    guest.close()


def _made(owner: BrowserContext, bot: Bot, path: str, form: dict[str, Any]) -> str:
    """Send a form as the page does; return the secret of the link that is shown for it."""
    csrf = CSRF.search(owner.request.get(f"{bot.address}/access", timeout=LIMIT_MS).text())
    assert csrf is not None
    headers = {"Origin": bot.address, "X-CSRF-Token": csrf[1]}
    shown = owner.request.post(bot.address + path, form=form, headers=headers, timeout=LIMIT_MS).text()
    link = LINK.search(shown)
    assert link is not None, shown
    return link[1]
