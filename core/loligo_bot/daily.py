"""The daily summary: what a day of the data brought, told with the first record after a set hour.

Time is that of the journal, so a replay tells the same at the same record. What must hold: a day that is taken up
in the middle, after a restart, comes out as if it had been heard from its beginning: what was is in the read models.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from loligo.model.command import Noted, SwapEnded, SwapResult
from loligo.model.events import EquityMarked, OrderReported, Record, Refused, TradeClosed
from loligo.model.order import Filled
from loligo.model.timeframe import DAY_NS, iso
from loligo.ports.tentacles import Message
from loligo_bot.experiment_config import VERDICT
from loligo_notify import Kind
from loligo_store.days import OF_DAY, day_key
from loligo_store.rows import ProjectionReader

_SECOND_NS = 1_000_000_000
_OF_DAY = frozenset(OF_DAY)
MOST_DAYS = 400  # since an A/B test was looked at last
TOO_EARLY = "Too early"  # what nobody is told of: every test begins so


@dataclass(slots=True)
class _Day:
    """What one day has brought so far; equity by account."""

    trades: int = 0
    refusals: int = 0
    swaps: int = 0
    fees: Counter[str] = field(default_factory=Counter)
    begin: dict[str, float] = field(default_factory=dict)
    equity: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far an A/B test is that goes on, as it was looked at last."""

    since_ns: int
    arms: tuple[str, ...]  # desks
    days: tuple[int, ...]  # of UTC since 1970 that count, the one that goes on too; oldest first


def no_tests(ts: int) -> Mapping[str, Progress]:
    return {}


class Daily:
    """Hears every record in order. `currencies` are the reference currencies of the accounts, by name; `tests` gives
    the A/B tests that go on at an instant and must not block."""

    def __init__(
        self, at: str, zone: str, currencies: dict[str, str], tests: Callable[[int], Mapping[str, Progress]] = no_tests
    ) -> None:
        self.keep_to(at, zone)
        self._currencies, self._tests = currencies, tests
        self._day = _Day()
        self._until_ns = 0  # when the day ends, 0: not begun
        self._active: dict[str, deque[int]] = {}  # by desk: days of UTC on which it was asked or marked
        self._verdicts: dict[str, tuple[int, str]] = {}  # of A/B tests, as they were told last, and when

    def keep_to(self, at: str, zone: str) -> None:
        """Let days end at another hour, from the end of this one on."""
        self._at, self._zone = time.fromisoformat(at), ZoneInfo(zone)

    def begin(self, rows: ProjectionReader, seq: int, ts: int) -> None:
        """Take up the day of `ts` as it stands before the record `seq`, from the read models; blocks."""
        since_ns, self._until_ns = self._bounds(ts)
        within: dict[str, Any] = {"above": {"ts": since_ns - 1}, "below": {"seq": seq}}
        self._day = day = _Day()
        day.trades = len(rows.rows("trades", **within))
        day.refusals = len(rows.rows("refusals", **within))
        day.swaps = len(rows.rows("swaps", where={"result": SwapResult.GOOD.value}, **within))
        for fill in rows.rows("fills", **within):
            day.fees[fill["fee_asset"]] += fill["fee"]
        for row in rows.rows("notes", where={"kind": VERDICT}, below={"seq": seq}):
            self._heard(row["subject"], row["ts"], row["facts"])
        for account in self._currencies:
            where = {"desk": "", "account": account}
            known = rows.rows("equity", where=where, below={"ts": since_ns, "seq": seq}, limit=1)
            for row in (*known, *rows.rows("equity", where=where, **within)):
                if row["equity"] is not None:
                    self._mark(account, row["equity"])

    def hear(self, record: Record) -> Message | None:
        """Take in a record; return the summary of the day that has ended before it."""
        ts, told = record.input.ts, None
        if not self._until_ns:
            self._until_ns = self._bounds(ts)[1]
        elif ts >= self._until_ns:
            told = self._summary(record.seq)
            self._day = _Day(begin=dict(self._day.equity), equity=self._day.equity)
            self._until_ns = self._bounds(ts)[1]
        self._count(record)
        return told

    def _count(self, record: Record) -> None:
        day = self._day
        if type(record.input) is SwapEnded:
            day.swaps += record.input.result is SwapResult.GOOD
        elif type(record.input) is Noted and record.input.kind == VERDICT:
            self._heard(record.input.subject, record.input.ts, record.input.facts)
        for event in record.events:
            kind = type(event)
            if kind in _OF_DAY and event.desk:
                self._note_active(*day_key(event))
            if kind is EquityMarked:
                if not event.desk and event.equity == event.equity:  # type: ignore[union-attr]
                    self._mark(event.account, event.equity)  # type: ignore[union-attr]
            elif kind is OrderReported:
                if isinstance(fill := event.report, Filled):  # type: ignore[union-attr]
                    day.fees[fill.fee_asset] += fill.fee  # type: ignore[assignment]
            else:
                day.trades += kind is TradeClosed
                day.refusals += kind is Refused

    def _note_active(self, desk: str, day: int) -> None:
        days = self._active.setdefault(desk, deque(maxlen=MOST_DAYS))
        if not days or days[-1] != day:
            days.append(day)

    def _heard(self, experiment: str, ts: int, facts: Mapping[str, str]) -> None:
        self._verdicts[experiment] = ts, facts["headline"]

    def _of_tests(self) -> str:
        """Return each A/B test that goes on with its verdict and its day."""
        told = []
        for name, one in sorted(self._tests(self._until_ns).items()):
            noted_ns, headline = self._verdicts.get(name, (0, ""))
            words = headline if noted_ns >= one.since_ns else TOO_EARLY  # another one of its name may have been before
            told.append(f"{name}: {words}, day {self._closed(one)}")
        return "; ".join(told)

    def _closed(self, one: Progress) -> int:
        """Return how many days of a test are over; those that came since it was looked at were heard."""
        last = one.days[-1] if one.days else -(-one.since_ns // DAY_NS) - 1
        heard = {day for arm in one.arms for day in self._active.get(arm, ()) if day > last}
        return sum((day + 1) * DAY_NS <= self._until_ns for day in (*one.days, *heard))

    def _mark(self, account: str, equity: float) -> None:
        self._day.equity[account] = equity
        self._day.begin.setdefault(account, equity)  # of the first day: it begins with what is known first

    def _bounds(self, ts: int) -> tuple[int, int]:
        """Return begin and end of the day in which an instant lies."""
        at = datetime.fromtimestamp(ts // _SECOND_NS, self._zone)
        begin = datetime.combine(at.date(), self._at, self._zone)
        if begin.timestamp() > at.timestamp():
            begin = datetime.combine(at.date() - timedelta(days=1), self._at, self._zone)
        end = datetime.combine(begin.date() + timedelta(days=1), self._at, self._zone)
        return round(begin.timestamp()) * _SECOND_NS, round(end.timestamp()) * _SECOND_NS

    def _summary(self, seq: int) -> Message:
        day, until = self._day, iso(self._until_ns)
        currency = next((self._currencies[name] for name in sorted(day.equity) if name in self._currencies), "")
        same = [name for name in day.equity if self._currencies.get(name) == currency]
        equity = sum(Decimal(f"{day.equity[name]:.2f}") for name in same) or Decimal("0.00")
        before = sum(Decimal(f"{day.begin.get(name, day.equity[name]):.2f}") for name in same)
        fields = {
            "time": until,
            "day": f"{datetime.fromtimestamp(self._until_ns // _SECOND_NS, self._zone):%Y-%m-%d}",
            "equity": f"{equity:f}",
            "currency": currency,
            "pnl": f"{equity - before:f}",
            "trades": str(day.trades),
            "fees": _amounts(day.fees),
            "swaps": str(day.swaps),
            "refusals": str(day.refusals),
            "experiments": self._of_tests(),
        }
        text = f"The day to {fields['day']}: equity {fields['equity']} {currency}, result {fields['pnl']}"
        text += f"; {fields['experiments']}" if fields["experiments"] else ""
        return Message(kind=Kind.DAILY_SUMMARY, level="info", text=text, seq=seq, fields=fields)


def _amounts(amounts: Counter[str]) -> str:
    told: Sequence[str] = [
        f"{Decimal(amount).normalize():f} {asset}" for asset, amount in sorted(amounts.items()) if amount
    ]
    return " and ".join(told) or "nothing"
