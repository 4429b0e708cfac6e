"""The sample interface: what it asks, and what it writes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest

from loligo.api import Actor, Answer, ClosedTrade, MakeContext, Record, Role, Side, TradeClosed, Verb
from loligo_testing import tape

from .logic import Sample, Settings

ONE = Decimal(1)


class Said(Answer):
    text: str


class FilledDoor:
    """A door with one answer, behind which a trade ends."""

    verbs: Mapping[str, Verb] = {}

    async def ask(self, actor: Actor, verb: str, arguments: Mapping[str, Any], *, key: str = "") -> Answer:
        assert actor.role is Role.VIEW
        return Said(text=verb)

    async def follow(self, since_seq: int | None = None) -> AsyncIterator[Sequence[Record]]:
        yield [ended("trend"), ended("dips")]


def ended(desk: str) -> Record:
    trade = ClosedTrade(
        desk=desk,
        account="paper",
        instrument="sim:BTC/USD",
        side=Side.BUY,
        quantity=ONE,
        entry_price=ONE,
        exit_price=ONE,
        opened_at_ns=0,
        closed_at_ns=0,
        gross=ONE,
        fees=ONE,
        funding=ONE,
        net=Decimal("-1.5"),
        exit_role="stop",
        entry_order_id="1",
    )
    return Record(1, tape.candle(0, 100.0), [TradeClosed(2, 0, 1, desk, trade)])


def written(settings: Settings, capsys: pytest.CaptureFixture[str]) -> list[str]:
    asyncio.run(Sample(settings, MakeContext(door=FilledDoor())).run())
    return capsys.readouterr().err.splitlines()


def test_it_says_how_the_bot_is_and_then_each_trade_that_ends(capsys: pytest.CaptureFixture[str]) -> None:
    first, *trades = written(Settings(), capsys)
    assert first == "text: status"
    assert trades == [f"1970-01-01T00:00:00Z {desk}: buy 1 sim:BTC/USD, -1.5" for desk in ("trend", "dips")]


def test_it_leaves_out_other_desks_than_the_one_that_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(written(Settings(desk="dips"), capsys)) == 2
