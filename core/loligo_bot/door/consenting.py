"""Verbs on entries that wait for a person's yes: what waits, yes, no. A desk with `consent_s` asks for each entry."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from pydantic import Field

from loligo.model.command import CommandKind
from loligo.model.timeframe import SECOND_NS, iso
from loligo.ports.door import Answer, Role
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Arguments, Asked, Offer, changing, looking
from loligo_bot.door.operating import Done, command_of
from loligo_bot.door.pages import Part


class Question(Part):
    """An entry that waits."""

    id: str = Field(description="by which it is answered")
    desk: str
    instrument: str
    side: str
    quantity: Decimal
    price: Decimal | None = Field(description="the limit, quote units; null: at the market")
    stop: Decimal | None
    target: Decimal | None
    code: str = Field(description="the reason behind it")
    until: str = Field(description="when the question lapses")
    left_s: float = Field(description="seconds until then, in the time of the data")


class Consents(Answer):
    """Entries that wait for consent, the most urgent first."""

    waiting: list[Question]

    def lines(self) -> Sequence[str]:
        return [
            f"{one.id}: {one.side} {one.quantity} {one.instrument} of {one.desk}, {one.left_s:.0f} s left"
            for one in self.waiting
        ] or ["nothing waits for consent"]


class Which(Arguments):
    """Which entry."""

    id: str = Field(min_length=1, max_length=40, description="of the question; see `consents`")


async def consents(inside: Inside, _asked: Asked, _given: Arguments) -> Consents:
    now_ns, waiting = inside.engine.now_ns, list(inside.engine.risk.consent.waiting.values())
    return Consents(
        waiting=[
            Question(
                id=str(one.seq),
                desk=one.desk,
                instrument=one.request.instrument,
                side=one.request.side,
                quantity=one.request.quantity,
                price=one.request.limit_price,
                stop=one.request.stop_loss_price,
                target=one.request.take_profit_price,
                code=one.request.code,
                until=iso(one.until_ns),
                left_s=max(0.0, (one.until_ns - now_ns) / SECOND_NS),
            )
            for one in sorted(waiting, key=lambda one: one.until_ns)
        ]
    )


async def give(inside: Inside, asked: Asked, given: Which) -> Done:
    return await command_of(inside, asked, CommandKind.CONSENT, given.id)


async def deny(inside: Inside, asked: Asked, given: Which) -> Done:
    return await command_of(inside, asked, CommandKind.DENY, given.id)


OFFERS: tuple[Offer, ...] = (
    looking("consents", "entries that wait for a person's yes", Arguments, Consents, consents),
    changing(
        "consent.give", "let an entry go to its venue, if risk still lets it through", Role.TRADE, Which, Done, give
    ),
    changing("consent.deny", "refuse an entry that waits for consent", Role.TRADE, Which, Done, deny),
)
