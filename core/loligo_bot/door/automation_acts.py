"""Verbs that automations need and people may use, too: a word to all, entry orders taken back, jobs run once more, the
report of a period. What changes orders goes as single commands into the journal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from loligo.engine.engine import Engine
from loligo.model.command import CommandKind
from loligo.model.order import OPEN_STATES, OrderRole
from loligo.model.timeframe import DAY_NS, iso
from loligo.ports.door import Role
from loligo.ports.tentacles import Message
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Arguments, Asked, Offer, changing
from loligo_bot.door.operating import Done, Target, command_of
from loligo_bot.jobs.job import State
from loligo_notify import Kind

_OPEN = tuple(sorted(OPEN_STATES))
REPORTS = Path("reports")
MOST_ATTEMPTS = 3  # of a job that fails again and again
_DAYS = {"day": 1, "week": 7, "month": 30}


class Word(Arguments):
    """What people are told."""

    text: str = Field(min_length=1, max_length=1_000, description="what people are told")
    level: Literal["info", "warning", "problem"] = Field(default="info", description="how important it is")


async def tell(inside: Inside, asked: Asked, given: Word) -> Done:
    """Tell everybody whose rules want it; what it is about stands in the text."""
    who = asked.actor.name.removeprefix("automation:")
    fields = {"time": iso(inside.engine.now_ns), "automation": who}
    inside.notifying.say(Message(kind=Kind.AUTOMATION, level=given.level, text=f"{who}: {given.text}", fields=fields))
    return Done(is_done=True, message=f"told: {given.text}")


async def cancel_entries(inside: Inside, asked: Asked, given: Target) -> Done:
    """Take back what would open positions, each order by a command of its own; stops and targets stay."""
    ids = await inside.read(lambda: _entries(inside, given.target))
    seq, done = 0, 0
    for order in ids:
        own = replace(asked, id=f"{asked.id[:40]}-{order}" if asked.id else "")
        answer = await command_of(inside, own, CommandKind.CANCEL, order)
        seq, done = seq or answer.seq, done + answer.is_done
    return Done(is_done=True, message=f"took back {done} of {len(ids)} entry orders of {given.target}", seq=seq)


def _entries(inside: Inside, target: str) -> list[str]:
    rows = inside.rows.rows("orders", where={"role": str(OrderRole.ENTRY), "state": _OPEN})
    return [row["id"] for row in rows if target in ("*", row["desk"], f"account:{row['account']}")]


class Retried(Done):
    """Which jobs run once more."""

    numbers: list[int] = Field(default=[])


async def retry_jobs(inside: Inside, _asked: Asked, _given: Arguments) -> Retried:
    """Let every job run anew that failed or was interrupted; one that failed three times is left alone."""
    failed = [job for job in inside.jobs.list() if job.state in (State.FAILED, State.INTERRUPTED)]
    again = [job for job in failed if job.attempt < MOST_ATTEMPTS]
    for job in again:
        await inside.jobs.retry(job.number)
    left = f"; {len(failed) - len(again)} failed too often" if len(failed) > len(again) else ""
    numbers = [job.number for job in again]
    return Retried(is_done=True, message=f"{len(again)} of {len(failed)} jobs run once more{left}", numbers=numbers)


class ReportWanted(Arguments):
    """Of what time."""

    period: Literal["day", "week", "month"] = Field(
        default="day", description="up to the newest record: 1, 7 or 30 days, in the time of the data"
    )


class Written(Done):
    """Where the report lies."""

    file: str = ""


async def write_report(inside: Inside, _asked: Asked, given: ReportWanted) -> Written:
    """Write the report of a period into reports/, and tell what it comes to."""
    until_ns = inside.engine.now_ns
    file, said = await inside.read(lambda: _report(inside, given.period, until_ns))
    fields = {"time": iso(until_ns), "automation": "report"}
    text = f"{said}; {file.relative_to(inside.home)}"
    inside.notifying.say(Message(kind=Kind.AUTOMATION, level="info", text=text, fields=fields))
    return Written(is_done=True, message=text, file=str(file.relative_to(inside.home)))


def _report(inside: Inside, period: str, until_ns: int) -> tuple[Path, str]:
    from loligo_lab.period import as_html

    since = {"ts": until_ns - _DAYS[period] * DAY_NS}
    marks = inside.rows.rows("equity", desk="", above=since)
    trades = [{**row, "closed_at": iso(row["closed_at_ns"])[:16]} for row in inside.rows.rows("trades", above=since)]
    accounts = [_account(name, inside.engine, marks) for name in inside.engine.portfolio.accounts]
    first = next((one for one in accounts if one["start"] and one["end"] is not None), None)
    worth = f", {first['name']} {first['start']:,.2f} to {first['end']:,.2f} {first['currency']}" if first else ""
    said = f"The {period} to {iso(until_ns)[:16].replace('T', ' ')}: {len(trades)} trades{worth}"
    file = inside.home / REPORTS / f"{period}-{iso(until_ns)[:16].replace(':', '')}.html"
    file.parent.mkdir(exist_ok=True)
    file.write_text(as_html(f"{inside.config.bot.name}: the {period}", said, accounts, trades), encoding="utf-8")
    return file, said


def _account(name: str, engine: Engine, marks: Sequence[dict[str, Any]]) -> dict[str, Any]:
    points = [(row["ts"] / 1e6, row["equity"]) for row in marks if row["account"] == name and row["equity"]]
    currency = engine.portfolio.accounts[name].reference
    start, end = (points[0][1], points[-1][1]) if points else (None, None)
    return {"name": name, "currency": currency, "start": start, "end": end, "points": points}


OFFERS: tuple[Offer, ...] = (
    changing("automation.tell", "tell everybody something, by their rules", Role.TRADE, Word, Done, tell),
    changing(
        "cancel.entries",
        "take back orders that would open positions; stops and targets stay",
        Role.TRADE,
        Target,
        Done,
        cancel_entries,
    ),
    changing("jobs.retry", "run every job that failed once more", Role.TRADE, Arguments, Retried, retry_jobs),
    changing(
        "report.write", "write the report of a day, week or month into reports/", Role.TRADE, ReportWanted, Written,
        write_report,
    ),
)  # fmt: skip
