"""Verbs on the bot as a whole: status, health, version, help."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from pydantic import Field

import loligo
from loligo.api import API_VERSION
from loligo.engine.risk import Scope
from loligo.model.timeframe import iso
from loligo.ports.door import Answer
from loligo.ports.tentacles import ReplayingFeed
from loligo.registry.tree import hash12
from loligo_bot.currencies import CurrencyPortfolio
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Arguments, Asked, Offer, looking
from loligo_bot.door.pages import Part, brief, known_number
from loligo_bot.health.silence import SILENT
from loligo_bot.health.wanted import SECTIONS
from loligo_bot.history import is_code, standings


class DeskState(Part):
    """A desk at this moment."""

    equity: float | None = Field(description="in the reference currency of its account; null: a rate is not known")
    positions: dict[str, str] = Field(description="quantity by instrument, signed, in base units")
    pauses: dict[str, int] = Field(
        description="who lets no entry through, and until when, ns; 0: until a person resumes"
    )


class Status(Answer):
    """The bot at this moment."""

    name: str
    mode: str = Field(description="replay, paper or live: what its feeds and venues are")
    version: str
    pid: int
    time: str = Field(description="of the newest input, in the time of the data")
    next_seq: int
    generation: int
    waiting_inputs: int
    kill_switch: int = Field(description="0 off, 1 no entries, 2 entry orders cancelled, 3 flat")
    is_swapping: bool
    desks: dict[str, DeskState]
    swap: dict[str, Any] = Field(description="how the newest exchange of tentacles or settings ended")
    swapping: dict[str, Any] = Field(description="the exchange at work")
    edges: dict[str, Any]
    unknown_rates: dict[str, list[str]] = Field(
        description="currencies without a rate, or with none younger than max_rate_age_s, by account"
    )
    short_of_history: list[str]
    hung: dict[str, Any] = Field(description="the tentacle whose call does not return")
    leaking: dict[str, str]
    safe_mode: str = Field(description="why it is on; empty: it is off")
    quarantined: dict[str, str]

    def lines(self) -> Sequence[str]:
        urgent = [f"KILL SWITCH at {self.kill_switch}"] if self.kill_switch else []
        urgent += [f"SAFE MODE: {self.safe_mode}"] if self.safe_mode else []
        urgent += [f"{self.hung['tentacle']} hangs in {self.hung['place']}"] if self.hung else []
        urgent += [_unknown_line(account, assets) for account, assets in self.unknown_rates.items() if assets]
        head = f"{self.name} {self.mode.upper()} at {brief(self.time)}, generation {self.generation}"
        changing = [f"changing: {', '.join(self.swapping['changed'])}"] if self.swapping else []
        return [*urgent, head, *changing, *(_desk_line(name, desk) for name, desk in self.desks.items())]


def _unknown_line(account: str, assets: Sequence[str]) -> str:
    return f"account {account}: no rate for {', '.join(assets)}, or none of late; equity is unknown, no entries"


def _desk_line(name: str, desk: DeskState) -> str:
    equity = "equity unknown" if desk.equity is None else f"equity {desk.equity:,.2f}"
    held = [f"{quantity} {instrument}" for instrument, quantity in desk.positions.items()]
    return "; ".join([f"{name}: {equity}", *held, *([f"paused by {', '.join(desk.pauses)}"] if desk.pauses else [])])


async def status(inside: Inside, _asked: Asked, _given: Arguments) -> Status:
    """Return how the bot is; the engine works on meanwhile, so desks may be an input apart."""
    engine, thread, swapping = inside.engine, inside.thread, inside.reconciler.attempt
    generation = inside.session.generation
    return Status(
        name=inside.config.bot.name,
        mode=mode_of(inside),
        version=loligo.__version__,
        pid=os.getpid(),
        time=iso(engine.now_ns),
        next_seq=engine.next_seq,
        generation=generation.number if generation else 0,
        waiting_inputs=len(inside.thread.inbox),
        kill_switch=int(engine.risk.kill_level),
        is_swapping=engine.is_swapping,
        desks={name: _desk_state(inside, name, scope) for name, scope in engine.risk.desks.items()},
        swap=asdict(inside.reconciler.last) if inside.reconciler.last else {},
        swapping=swapping.status() if swapping else {},
        edges=inside.edges.status(),
        unknown_rates=_unknown(inside),
        short_of_history=inside.session.short_of_history,
        hung=thread.hang._asdict() if thread.hang else {},
        leaking=inside.reconciler.leaks.holders,
        **inside.health.status(),
    )


def _desk_state(inside: Inside, name: str, scope: Scope) -> DeskState:
    book = inside.engine.portfolio.books[name]
    held = {instrument: str(holding.quantity) for instrument, holding in dict(book.holdings).items()}
    return DeskState(equity=known_number(book.equity), positions=held, pauses=dict(scope.pauses))


def mode_of(inside: Inside) -> str:
    """Return replay, paper or live."""
    if inside.config.venues.keys() - inside.engine.venues.keys():
        return "live"
    feeds = inside.edges.feeds.by_name.values()
    return "replay" if any(isinstance(feed, ReplayingFeed) for feed in feeds) else "paper"


def tentacles_standing(inside: Inside) -> dict[str, dict[str, Any]]:
    """Return how every tentacle stands, by kind/name; reads the projections, so it belongs into a thread."""
    wanted = {slot.tentacle: hash12(slot.tree_hash) for slot in inside.reconciler.wanted if is_code(slot.tentacle)}
    return standings(inside.rows, wanted, inside.reconciler.failed)


class Problem(Part):
    """Something that a person should look at, and the command that mends it."""

    problem: str
    reason: str
    command: str
    tentacle: str = Field(description='kind and name; "" for the bot as a whole')


class TentacleHealth(Part):
    """What a tentacle fails and costs."""

    kind: str
    name: str
    version: str
    hash12: str
    source: str
    state: str = Field(description="active, disabled, quarantined, refused, ...")
    reason: str
    until: str = Field(description="of a quarantine, in the time of the data")
    used_by: list[str]
    failures: int = Field(description="since the start of the bot")
    last_failure: str
    ms_per_s: float | None = Field(description="of the engine's time; null: not measured")
    ms_per_input: float | None
    over_budget: str
    can_go_back: bool


class Health(Answer):
    """What is wrong with the bot, and how its tentacles are."""

    time: str
    safe_mode: str
    problems: list[Problem]
    tentacles: list[TentacleHealth]

    def lines(self) -> Sequence[str]:
        said = [f"{one.problem}: {one.tentacle} {one.reason}; {one.command}" for one in self.problems]
        return said or [f"all is well with {len(self.tentacles)} tentacles"]


async def health(inside: Inside, _asked: Asked, _given: Arguments) -> Health:
    leaks, attempt = inside.reconciler.leaks.holders, inside.reconciler.attempt
    found = await inside.health.answer(inside.engine.now_ns, attempt, leaks)
    problems = [*_unknown_rates(inside), *_troubled_edges(inside), *found["problems"]]
    return Health.model_validate({**found, "problems": problems})


def _unknown(inside: Inside) -> dict[str, list[str]]:
    portfolio = inside.engine.portfolio
    if not isinstance(portfolio, CurrencyPortfolio):
        return {}
    return {name: portfolio.unknown(name) for name in portfolio.accounts}


def _unknown_rates(inside: Inside) -> list[Problem]:
    return [
        Problem(problem="no rate", reason=_unknown_line(account, assets), command="loligo ask status", tentacle="")
        for account, assets in _unknown(inside).items()
        if assets
    ]


def _troubled_edges(inside: Inside) -> list[Problem]:
    """Return what feeds, notifiers, interfaces and automations fail at now; a feed may come to its end."""
    found = []
    for place, one in inside.edges.status().items():
        kind, state = SECTIONS[place.partition("/")[0]], one["state"]
        if state in ("failing", SILENT) or (state == "ended" and kind != "feed"):
            reason = one["error"] or "its run came to an end by itself"
            found.append(Problem(problem=f"{kind} {state}", reason=reason, command="loligo ask status", tentacle=place))
    return found


class Version(Answer):
    """What runs here."""

    version: str
    api: str = Field(description="version of what tentacles import")
    python: str
    system: str

    def lines(self) -> Sequence[str]:
        return [f"Loligo {self.version}, api {self.api}, Python {self.python}, {self.system}"]


async def version(_inside: Inside, _asked: Asked, _given: Arguments) -> Version:
    system = f"{platform.system()} {platform.machine()}"
    return Version(version=loligo.__version__, api=API_VERSION, python=platform.python_version(), system=system)


OFFERS: tuple[Offer, ...] = (
    looking("status", "how the bot is at this moment", Arguments, Status, status),
    looking(
        "health", "what is wrong and how to mend it, and what each tentacle fails and costs", Arguments, Health, health
    ),
    looking("version", "which version runs", Arguments, Version, version),
)
