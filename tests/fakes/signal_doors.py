"""A door to no bot that takes signals and tells results, to whom a busy engine can be played."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from loligo.api import Actor, Answer, BadArguments, LoligoError, Role, Verb
from loligo_bot.door.money import AccountEquity, OpenPosition, Portfolio, Positions
from loligo_bot.door.offer import Arguments
from loligo_bot.door.signals import Publication, Published
from loligo_bot.door.track_record import MonthResult, RecordAsked, RecordPoint, TrackRecord
from tests.fakes.doors import FakeDoor

DAY_MS = 86_400_000
ANSWERS: Mapping[str, tuple[type[Any], type[Answer]]] = {
    "track_record": (RecordAsked, TrackRecord),
    "portfolio": (Arguments, Portfolio),
    "positions": (Arguments, Positions),
}


class SignalDoor(FakeDoor):
    """`told` is what was published, in order; while `is_free` is not set the engine does not answer.

    As in the bot, what has a key is published once, and publishing goes on when whoever asked has gone.
    """

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[Actor, Publication]] = []
        self._firsts: dict[tuple[str, str], asyncio.Task[Answer]] = {}
        self.is_free = asyncio.Event()
        self.is_free.set()
        self.asked_to_publish = 0
        more = {
            "signal.publish": Verb(
                name="signal.publish",
                summary="publish",
                role=Role.TRADE,
                arguments=Publication,
                answer=Published,
                changes=True,
            )
        }
        for name, (arguments, answer) in ANSWERS.items():
            more[name] = Verb(name=name, summary=name, role=Role.VIEW, arguments=arguments, answer=answer)
        self.verbs = {**self.verbs, **more}

    async def ask(self, actor: Actor, verb: str, arguments: Mapping[str, Any], *, key: str = "") -> Answer:
        if verb in ANSWERS:
            self.asked.append((actor, verb, dict(arguments)))
            return {"track_record": record, "portfolio": portfolio, "positions": positions}[verb]()
        if verb != "signal.publish":
            return await super().ask(actor, verb, arguments, key=key)
        assert actor.role >= Role.TRADE
        self.asked_to_publish += 1
        given, place = Publication.model_validate(dict(arguments)), (actor.name, key)
        first = self._firsts.get(place) if key else None
        if first is None:
            first = self._firsts[place] = asyncio.create_task(self._publish(actor, given), name="publish")
        try:
            return await asyncio.shield(first)
        except LoligoError:
            self._firsts.pop(place, None)  # an error is no answer
            raise

    async def _publish(self, actor: Actor, given: Publication) -> Answer:
        await self.is_free.wait()
        if given.instrument == "nowhere":
            raise BadArguments('instrument "nowhere": expected one of coinbase:BTC/USD', {})
        self.told.append((actor, given))
        return Published(
            seq=100 + len(self.told),
            time="2020-01-01T00:00:00Z",
            source=given.source,
            kind=given.kind,
            instrument=given.instrument or "",
            value=given.value,
            is_new=True,
        )


def record() -> TrackRecord:
    """120,000 of 100,000: +20 %, of which +10 % came in each of two months, less a little."""
    points = [RecordPoint(at_ms=day * DAY_MS, result=day / 300, drawdown=0.02) for day in range(61)]
    return TrackRecord(
        mode="paper",
        since="2019-07-01T00:00:00Z",
        until="2019-08-30T00:00:00Z",
        result=0.2,
        drawdown=0.0731,
        drawdown_now=0.0123,
        months=[MonthResult(month="2019-07", result=0.1), MonthResult(month="2019-08", result=0.2 / 2.2)],
        trades=42,
        win_share=0.5,
        fees=0.0345,
        points=points,
    )


def portfolio() -> Portfolio:
    account = AccountEquity(account="paper", currency="USD", equity=123_456.78, peak=None, day_start=None)
    return Portfolio(time="2019-08-30T00:00:00Z", accounts=[account], desks=[])


def positions() -> Positions:
    values: dict[str, Any] = {"quantity": "7.25", "average_entry": "200", "realised": "0", "fees": "0", "funding": "0"}
    held = OpenPosition(
        desk="secret-sauce",
        account="paper",
        instrument="coinbase:BTC/USD",
        mark=210.0,
        value=1522.5,
        open_result=72.5,
        opened_at="",
        time="",
        **values,
    )
    return Positions(time="2019-08-30T00:00:00Z", positions=[held])
