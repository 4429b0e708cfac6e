"""What is held and how much of each limit that uses: the arithmetic, on rows and marks made for it."""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from loligo.engine.plan import AccountPlan, DeskPlan
from loligo.model.risk import AccountLimits, DeskLimits
from loligo.model.timeframe import HOUR_NS, MINUTE_NS, SECOND_NS, ns_from_iso
from loligo_bot.door.inside import Inside
from loligo_bot.door.limits import LimitUse, Lock, locks, risk
from loligo_bot.door.logs import LogsAsked, logs
from loligo_bot.door.money import OfDesk, positions
from loligo_bot.door.offer import Arguments
from tests.fakes.inside import inside

NOW_NS = ns_from_iso("2019-07-01T12:00:00")
BTC, ETH = "coinbase:BTC/USD", "coinbase:ETH/USD"
LIMITS = DeskLimits(max_position_share=0.5, max_open_positions=4, max_trades_per_day=10, cooldown_s=3_600)


class Rows:
    """Tables by name; orders are chosen as the store does."""

    def __init__(self, **tables: list[dict[str, Any]]) -> None:
        self._tables = tables

    def rows(self, name: str, *, desk: str | None = None, where: Any = None, above: Any = None) -> list[dict[str, Any]]:
        rows = self._tables.get(name, [])
        rows = [row for row in rows if all(row[key] > bound for key, bound in (above or {}).items())]
        wanted = {key: value for key, value in (where or {}).items() if key != "state"}
        return [row for row in rows if all(row[key] == value for key, value in wanted.items())]


def position(instrument: str, quantity: str, entry: str) -> dict[str, Any]:
    zero = {name: Decimal() for name in ("realised", "fees", "funding")}
    held = {"quantity": Decimal(quantity), "average_entry": Decimal(entry), "opened_at_ns": NOW_NS, "ts": NOW_NS}
    return {"desk": "trend", "account": "paper", "instrument": instrument, **held, **zero}


def entry(quantity: str, limit_price: str, age_ns: int) -> dict[str, Any]:
    names = {"desk": "trend", "account": "paper", "instrument": ETH, "role": "entry"}
    amounts = {"quantity": Decimal(quantity), "filled": Decimal(), "limit_price": Decimal(limit_price)}
    return {**names, **amounts, "created_at_ns": NOW_NS - age_ns}


def scope(name: str) -> SimpleNamespace:
    left = {BTC: NOW_NS - HOUR_NS // 2, ETH: NOW_NS - 2 * HOUR_NS}
    closed = deque([(NOW_NS - HOUR_NS, BTC, "stop", -1.0), (NOW_NS - HOUR_NS, BTC, "target", 1.0)])
    return SimpleNamespace(name=name, pauses={}, trades_today=4, consecutive_losses=0, left_at_ns=left, closed=closed)


def behind(rows: Rows, equity: float = 1_000.0) -> Inside:
    """One desk worth so much in an account that began the day with 1,000 and was worth 1,250 once."""
    account = SimpleNamespace(equity=equity, day_start_equity=1_000.0, peak_equity=1_250.0, reference="USD")
    marks = {BTC: 110.0, ETH: 10.0}
    portfolio = SimpleNamespace(
        marks=marks, books={"trend": SimpleNamespace(equity=equity)}, accounts={"paper": account}
    )
    stage = SimpleNamespace(kill_level=0, desks={"trend": scope("trend")}, accounts={"paper": scope("account:paper")})
    engine = SimpleNamespace(portfolio=portfolio, risk=stage, now_ns=NOW_NS)
    desk = DeskPlan(
        name="trend", account="paper", timeframe="1h", capital=Decimal(1_000), limits=LIMITS, seats=(), rules=()
    )
    plan = SimpleNamespace(
        desks=(desk,),
        accounts=(AccountPlan(name="paper", reference="USD", deposits={}, limits=AccountLimits(), rules=()),),
    )
    running = SimpleNamespace(plan=plan)
    return inside(bot=SimpleNamespace(engine=engine), rows=rows, reconciler=SimpleNamespace(running=running))


def use(within: Inside, name: str) -> LimitUse:
    return next(one for one in risk(within, Arguments()).limits if one.name == name)


def test_a_position_is_valued_at_the_mark_and_its_result_counts_from_the_average_entry() -> None:
    rows = Rows(positions=[position(BTC, "2", "100"), position(ETH, "-3", "12"), position("x:A/B", "1", "5")])
    long, short, unknown = positions(behind(rows), OfDesk()).positions
    assert (long.value, long.open_result) == (220.0, 20.0)  # 2 at 110, bought at 100
    assert (short.value, short.open_result) == (-30.0, 6.0)  # 3 sold at 12, now 10
    assert (unknown.mark, unknown.value, unknown.open_result) == (None, None, None)


def test_use_of_the_limits_of_a_desk() -> None:
    """2 BTC at 110 are 220 and 3 ETH short 30, of an equity of 1,000; there is an entry order for ETH, too."""
    rows = Rows(positions=[position(BTC, "2", "100"), position(ETH, "-3", "12")], orders=[entry("5", "9", HOUR_NS)])
    within = behind(rows)
    largest = use(within, "max_position_share")
    assert (largest.limit, largest.used, largest.share) == (0.5, 0.22, 0.44)
    assert use(within, "max_leverage").used == 0.25
    assert (use(within, "max_open_positions").used, use(within, "max_open_positions").share) == (2.0, 0.5)
    assert use(within, "max_trades_per_day").share == 0.4
    assert use(within, "stop_guard_count").used == 1.0  # a target is no stop
    assert use(within, "stop_loss").used is None


def test_use_of_the_limits_of_an_account() -> None:
    """900 of 1,000 at the start of the day and of 1,250 once; 220 held and 5 ETH at 9 wanted make 265."""
    rows = Rows(
        positions=[position(BTC, "2", "100")], orders=[entry("5", "9", SECOND_NS), entry("0", "9", 2 * MINUTE_NS)]
    )
    within = behind(rows, equity=900.0)
    assert round(use(within, "max_daily_loss").used or 0.0, 9) == 0.1
    assert round(use(within, "max_drawdown").used or 0.0, 9) == 0.28
    assert round(use(within, "max_exposure").used or 0.0, 9) == round(265 / 900, 9)
    assert use(within, "max_orders_per_minute").used == 1.0


def test_a_gain_uses_nothing_of_a_limit_on_losses_and_an_unknown_equity_is_told_as_unknown() -> None:
    assert use(behind(Rows(), equity=1_100.0), "max_daily_loss").used == 0.0
    within = behind(Rows(positions=[position(BTC, "2", "100")]), equity=float("nan"))
    assert [use(within, name).used for name in ("max_daily_loss", "max_drawdown", "max_leverage")] == [None] * 3


def test_locks_are_the_kill_switch_pauses_and_instruments_just_left() -> None:
    """BTC was left half an hour ago and cools down for an hour; ETH was left two hours ago."""
    within = behind(Rows())
    stage = within.engine.risk
    stage.kill_level = 2  # type: ignore[assignment]
    stage.desks["trend"].pauses = {"operator chat:7": 0, "daily_loss": NOW_NS + HOUR_NS}
    assert locks(within, Arguments()).locks == [
        Lock(scope="*", instrument="", by="kill switch at 2", until=""),
        Lock(scope="trend", instrument="", by="operator chat:7", until=""),
        Lock(scope="trend", instrument="", by="daily_loss", until="2019-07-01T13:00:00Z"),
        Lock(scope="trend", instrument=BTC, by="cooldown", until="2019-07-01T12:30:00Z"),
    ]


def test_logs_are_the_newest_lines_with_a_text_in_them(tmp_path: Path) -> None:
    config = SimpleNamespace(log=SimpleNamespace(file="my.log"))
    reconciler = SimpleNamespace(running=SimpleNamespace(config=config))
    within = inside(bot=SimpleNamespace(home=tmp_path), reconciler=reconciler)
    assert logs(within, LogsAsked()).file == ""
    lines = [f"line {number} {'odd' if number % 2 else 'even'}" for number in range(300_000)]  # 5 MB
    (tmp_path / "my.log").write_text("\n".join(lines))
    assert logs(within, LogsAsked(limit=2)).log == lines[-2:]
    assert logs(within, LogsAsked(limit=2, contains="even")).log == [lines[-4], lines[-2]]
    assert set(logs(within, LogsAsked(limit=2_000, contains="line")).log) <= set(lines)
