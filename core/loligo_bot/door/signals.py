"""The verb signal.publish: what somebody outside says of a market, as an input of the engine that evaluators read.

It enters between two inputs at the engine's own time, that of its newest input: never before it, in a replay never in
the future of the data. What must hold: an instrument that the bot does not know is refused; a signal with a key is
published once, in this run and, as far as the journal's newest pages of its source tell, by those before.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from loligo.errors import BadArguments, LoligoError, NotFound
from loligo.model.market import ExternalSignal
from loligo.model.timeframe import iso
from loligo.ports.door import Answer, Role
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Arguments, Asked, Offer, changing
from loligo_bot.door.once import OTHER_ARGUMENTS
from loligo_bot.door.series import instrument_of, instruments

VALUES = {
    **dict.fromkeys(("buy", "long", "bullish"), 1.0),
    **dict.fromkeys(("sell", "short", "bearish"), -1.0),
    **dict.fromkeys(("flat", "close", "exit", "neutral"), 0.0),
}
LONGEST_TTL_S = 30 * 86_400.0
_DELAYED = re.compile(r"_DLY?$", re.IGNORECASE)  # how TradingView marks a venue whose data come late
Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class Publication(Arguments):
    """What is said, by whom, of what."""

    source: Word = Field(description="who says it; evaluators choose by this name")
    kind: Word = Field(
        default="signal", description=f"what sort of thing is said; {', '.join(VALUES)} have a value of their own"
    )
    instrument: str | None = Field(
        default=None, max_length=100, description='such as "coinbase:BTC/USD", "btc" or "COINBASE:BTCUSD"; none: of all'
    )
    value: float | None = Field(default=None, ge=-1, le=1, description="-1 strongly bearish to +1 strongly bullish")
    text: str = Field(default="", max_length=2_000, description="in words; some evaluators read them")
    ttl_s: float | None = Field(
        default=None, gt=0, le=LONGEST_TTL_S, description="seconds of the data's time for which it is good"
    )
    among: list[str] = Field(default=[], max_length=200, description="refuse other instruments than these; none: any")

    @field_validator("text")
    @classmethod
    def _is_text(cls, text: str) -> str:
        return "".join(one if one.isprintable() else " " for one in text).strip()

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.value is None and not self.text and self.kind.lower() not in VALUES:
            raise ValueError(f"says nothing: give a value, a text, or a kind of {', '.join(VALUES)}")
        return self


class Published(Answer):
    """What the engine was told. `why` of the seq tells what followed."""

    seq: int
    time: str = Field(description="in the engine's time")
    source: str
    kind: str
    instrument: str = Field(description='"": the whole market')
    value: float | None
    is_new: bool = Field(description="false: an earlier run was told already")

    def lines(self) -> Sequence[str]:
        value = "" if self.value is None else f" {self.value:+g}"
        return [f"{self.source}: {self.kind}{value} of {self.instrument or 'the market'} is event {self.seq}"]


async def publish(inside: Inside, asked: Asked, given: Publication) -> Published:
    ident = asked.id or f"{os.getpid()}-{inside.engine.next_seq}-{next(inside.numbers)}"
    signal = _signal(inside, given, ident)
    if asked.id and not inside.thread.is_publishing(ident):
        known = await asyncio.to_thread(lambda: inside.journal().published(signal.source, ident))
        if known is not None:
            return _told(*_same(known, signal), is_new=False)
    try:
        seq = await inside.thread.publish(signal, inside.command_timeout_s)
    except TimeoutError as exc:
        hang = inside.thread.hang
        why = f"; {hang.tentacle} hangs since {hang.since} in {hang.place}" if hang else ""
        raise LoligoError(f"the engine did not answer within {inside.command_timeout_s:g} s{why}") from exc
    _, stored = await asyncio.to_thread(lambda: inside.journal().find(seq))
    return _told(seq, stored if isinstance(stored, ExternalSignal) else signal, is_new=True)


def _signal(inside: Inside, given: Publication, ident: str) -> ExternalSignal:
    if given.source in inside.config.venues:
        said = f'source "{given.source}" is the name of a venue; choose another one'
        raise BadArguments(said, {"source": said})
    value = given.value if given.value is not None else VALUES.get(given.kind.lower())
    meant = given.instrument or (given.among[0] if len(given.among) == 1 else "")
    instrument = known_instrument(inside, meant) if meant else ""
    if given.among and instrument not in {known_instrument(inside, one) for one in given.among}:
        said = f'instrument "{instrument or "of all"}": expected one of {", ".join(given.among)}'
        raise BadArguments(said, {"instrument": said})
    return ExternalSignal(given.source, 0, given.kind, instrument, given.text, value, given.ttl_s or 0.0, ident)


def known_instrument(inside: Inside, text: str) -> str:
    """Return what is meant, in the bot's names or as others write: COINBASE:BTCUSD. BadArguments: nothing known."""
    venue, colon, symbol = text.rpartition(":")
    plain = _plain(f"{_DELAYED.sub('', venue)}{colon}{symbol}")
    found = [name for name in instruments(inside) if plain in (_plain(name), _plain(name.partition(":")[2]))]
    if len(found) == 1:
        return found[0]
    try:
        return instrument_of(inside, text)
    except NotFound as exc:
        raise BadArguments(str(exc), {"instrument": str(exc)}) from exc


def _plain(name: str) -> str:
    return re.sub(r"[/_\s-]", "", name).lower()


def _same(known: tuple[int, ExternalSignal], signal: ExternalSignal) -> tuple[int, ExternalSignal]:
    """Return what an earlier run was told. BadArguments when that was something else."""
    before = known[1]
    if (before.topic, before.instrument, before.text, before.score, before.ttl_s) != (
        signal.topic,
        signal.instrument,
        signal.text,
        signal.score,
        signal.ttl_s,
    ):
        raise BadArguments(OTHER_ARGUMENTS, {"key": OTHER_ARGUMENTS})
    return known


def _told(seq: int, said: ExternalSignal, *, is_new: bool) -> Published:
    return Published(
        seq=seq,
        time=iso(said.ts),
        source=said.source,
        kind=said.topic,
        instrument=said.instrument,
        value=said.score,
        is_new=is_new,
    )


OFFERS: tuple[Offer, ...] = (
    changing(
        "signal.publish",
        "tell evaluators what somebody outside says of a market, as an input of the journal",
        Role.TRADE,
        Publication,
        Published,
        publish,
    ),
)
