"""Verbs on what holds the bot back: desks, risk, locks.

Limits are those of the plan that runs. Their use is worked out from the journal's rows and the engine's newest marks
and counters; the engine goes on meanwhile, so figures may be an input apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from decimal import Decimal
from typing import Any

from pydantic import Field

from loligo.engine.plan import AccountPlan, DeskPlan
from loligo.model.order import OPEN_STATES, OrderRole
from loligo.model.timeframe import MINUTE_NS, SECOND_NS, iso
from loligo.ports.door import Answer
from loligo_bot.currencies import CurrencyPortfolio
from loligo_bot.door.inside import Inside
from loligo_bot.door.money import OfDesk, OpenPosition, positions
from loligo_bot.door.offer import Arguments, Offer, reading
from loligo_bot.door.pages import Part, brief, known_number

_OPEN = tuple(sorted(OPEN_STATES))
_STOPS = ("stop", "trail", "liquidation")  # how a trade was closed that the stop guard counts


class DeskRow(Part):
    """A desk: what works there, and how it stands."""

    name: str
    venue: str
    account: str
    instruments: list[str]
    timeframe: str = Field(description="whose candle makes the strategy decide")
    evaluators: list[str]
    strategy: str
    mode: str
    capital: Decimal
    currency: str
    equity: float | None
    positions: int
    trades: int
    trades_today: int = Field(description="entries approved since 00:00 UTC")
    is_paused: bool
    is_orphan: bool = Field(description="strategy or mode is off: no entries, protection stays")


class Desks(Answer):
    """Every desk."""

    desks: list[DeskRow]

    def lines(self) -> Sequence[str]:
        return [_desk_line(one) for one in self.desks]


def _desk_line(one: DeskRow) -> str:
    equity = "equity unknown" if one.equity is None else f"equity {one.equity:,.2f} {one.currency}"
    words = ["paused"] * one.is_paused + ["without strategy or mode"] * one.is_orphan
    counts = f"{one.positions} positions, {one.trades} trades"
    return "; ".join([f"{one.name}: {one.strategy} on {', '.join(one.instruments)}", equity, counts, *words])


def desks(inside: Inside, _given: Arguments) -> Desks:
    held = positions(inside, OfDesk()).positions
    return Desks(desks=[_desk(inside, plan, held) for plan in _plans(inside)])


def _plans(inside: Inside) -> list[DeskPlan]:
    return sorted(inside.reconciler.running.plan.desks, key=lambda plan: plan.name)


def _desk(inside: Inside, plan: DeskPlan, held: Sequence[OpenPosition]) -> DeskRow:
    name, config, risk = plan.name, inside.config.desks[plan.name], inside.engine.risk
    book, scope = inside.engine.portfolio.books[name], risk.desks[name]
    return DeskRow(
        name=name,
        venue=config.venue,
        account=plan.account,
        instruments=[seat.instrument.id for seat in plan.seats],
        timeframe=plan.timeframe,
        evaluators=[one.tentacle for one in config.evaluators],
        strategy=config.strategy.tentacle,
        mode=config.mode.tentacle,
        capital=plan.capital,
        currency=book.account.reference,
        equity=known_number(book.equity),
        positions=sum(one.desk == name for one in held),
        trades=inside.rows.count("trades", desk=name),
        trades_today=scope.trades_today,
        is_paused=bool(scope.pauses or risk.accounts[plan.account].pauses or risk.kill_level),
        is_orphan=any(seat.make_strategy is None or seat.make_mode is None for seat in plan.seats),
    )


class LimitUse(Part):
    """One limit and how much of it is used. Shares and rates are fractions, times seconds."""

    scope: str = Field(description='a desk, or "account:NAME"')
    name: str
    limit: float | None = Field(description="null: none")
    used: float | None = Field(description="null: it is a term of each order, or is not known")
    share: float | None = Field(description="used over limit")


class Lock(Part):
    """Something that lets no entry through."""

    scope: str = Field(description='a desk, "account:NAME", or "*" for everything')
    instrument: str = Field(description='"" for all of the scope')
    by: str = Field(description="a rule, a person, or the kill switch")
    until: str = Field(description='in the time of the data; "" until a person resumes')


class Locks(Answer):
    """What lets no entries through now: kill switch, pauses, and instruments that a desk has just left."""

    locks: list[Lock]

    def lines(self) -> Sequence[str]:
        return [_lock_line(one) for one in self.locks] or ["nothing is locked"]


def _lock_line(one: Lock) -> str:
    until = f"until {brief(one.until)}" if one.until else "until a person resumes"
    return f"{' '.join(filter(None, (one.scope, one.instrument)))}: {one.by} {until}"


def locks(inside: Inside, _given: Arguments) -> Locks:
    return Locks(locks=_locks(inside))


def _locks(inside: Inside) -> list[Lock]:
    risk, now_ns = inside.engine.risk, inside.engine.now_ns
    level = int(risk.kill_level)
    found = [Lock(scope="*", instrument="", by=f"kill switch at {level}", until="")] if level else []
    for scope in (*risk.accounts.values(), *risk.desks.values()):
        for by, until_ns in dict(scope.pauses).items():
            found.append(Lock(scope=scope.name, instrument="", by=by, until=iso(until_ns) if until_ns else ""))
    for plan in _plans(inside):
        for instrument, left_ns in dict(risk.desks[plan.name].left_at_ns).items():
            until_ns = left_ns + plan.limits.cooldown_s * SECOND_NS
            if until_ns > now_ns:
                found.append(Lock(scope=plan.name, instrument=instrument, by="cooldown", until=iso(until_ns)))
    return found


class Risk(Answer):
    """Every limit with its use, what is paused, and the kill switch."""

    time: str
    kill_switch: int = Field(description="0 off, 1 no entries, 2 entry orders cancelled, 3 flat")
    locks: list[Lock]
    limits: list[LimitUse]

    def lines(self) -> Sequence[str]:
        switch = f"KILL SWITCH at {self.kill_switch}" if self.kill_switch else "kill switch off"
        used = sorted((one for one in self.limits if one.share is not None), key=lambda one: -(one.share or 0.0))
        shown = [f"{one.scope} {one.name}: {one.used:.4g} of {one.limit:.4g} ({one.share:.0%})" for one in used]
        return [switch, *(_lock_line(one) for one in self.locks), *shown]


def risk(inside: Inside, _given: Arguments) -> Risk:
    held = positions(inside, OfDesk()).positions
    entries = inside.rows.rows("orders", where={"state": _OPEN, "role": OrderRole.ENTRY.value})
    uses = [use for plan in _plans(inside) for use in _uses_of_desk(inside, plan, held, entries)]
    for account in sorted(inside.reconciler.running.plan.accounts, key=lambda plan: plan.name):
        uses += _uses_of_account(inside, account, held, entries)
    switch = int(inside.engine.risk.kill_level)
    return Risk(time=iso(inside.engine.now_ns), kill_switch=switch, locks=_locks(inside), limits=uses)


Rows = Sequence[dict[str, Any]]


def _uses_of_desk(inside: Inside, plan: DeskPlan, held: Sequence[OpenPosition], entries: Rows) -> Iterator[LimitUse]:
    scope, equity = inside.engine.risk.desks[plan.name], inside.engine.portfolio.books[plan.name].equity
    own = [one for one in held if one.desk == plan.name]
    values = _values(inside, own)
    entered = {row["instrument"] for row in entries if row["desk"] == plan.name}
    guarded_ns = inside.engine.now_ns - plan.limits.stop_guard_window_s * SECOND_NS
    stops = [at for at, _, role, _ in tuple(scope.closed) if at >= guarded_ns and role in _STOPS]
    used = {
        "max_position_share": max(values, default=0.0) / equity if equity else None,
        "max_leverage": sum(values) / equity if equity else None,
        "max_consecutive_losses": scope.consecutive_losses,
        "max_trades_per_day": scope.trades_today,
        "max_open_positions": len(entered | {one.instrument for one in own}),
        "stop_guard_count": len(stops),
    }
    yield from _uses(plan.name, plan.limits, used)


def _uses_of_account(
    inside: Inside, plan: AccountPlan, held: Sequence[OpenPosition], entries: Rows
) -> Iterator[LimitUse]:
    book, marks = inside.engine.portfolio.accounts[plan.name], inside.engine.portfolio.marks
    values = _values(inside, [one for one in held if one.account == plan.name])
    for row in entries:
        if row["account"] == plan.name:
            price = float(row["limit_price"] or 0) or marks.get(row["instrument"], 0.0)
            left = float(row["quantity"] - row["filled"])
            values.append(left * price * _quote_rate(inside, plan.name, row["instrument"]))
    since = {"created_at_ns": inside.engine.now_ns - MINUTE_NS}
    used = {
        "max_daily_loss": 1.0 - book.equity / book.day_start_equity if book.day_start_equity else None,
        "max_drawdown": 1.0 - book.equity / book.peak_equity if book.peak_equity else None,
        "max_exposure": sum(values) / book.equity if book.equity else None,
        "max_orders_per_minute": len(inside.rows.rows("orders", where={"account": plan.name}, above=since)),
    }
    yield from _uses(f"account:{plan.name}", plan.limits, used)


def _values(inside: Inside, held: Sequence[OpenPosition]) -> list[float]:
    """Return what positions are worth, in the reference currency of their account."""
    known = [(one, abs(one.value)) for one in held if one.value is not None]
    return [value * _quote_rate(inside, one.account, one.instrument) for one, value in known]


def _quote_rate(inside: Inside, account: str, instrument: str) -> float:
    portfolio = inside.engine.portfolio
    return portfolio.quote_rate(account, instrument) if isinstance(portfolio, CurrencyPortfolio) else 1.0


def _uses(scope: str, limits: Any, used: dict[str, float | None]) -> Iterator[LimitUse]:
    for one in fields(limits):
        limit, use = getattr(limits, one.name), known_number(used.get(one.name))
        use = max(use, 0.0) if use is not None else None  # a gain is no use of a limit on losses
        share = use / limit if use is not None and limit else None
        yield LimitUse(scope=scope, name=one.name, limit=limit, used=use, share=share)


OFFERS: tuple[Offer, ...] = (
    reading("desks", "every desk: what works there and how it stands", Arguments, Desks, desks),
    reading("risk", "every limit with its use, what is paused, and the kill switch", Arguments, Risk, risk),
    reading("locks", "what lets no entries through now, and until when", Arguments, Locks, locks),
)
