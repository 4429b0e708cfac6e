"""What a seat takes back after a restart for which a person changed its tentacles."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from loligo.engine.engine import Engine
from loligo.engine.plan import EnginePlan
from loligo.errors import DataError
from loligo.ports.tentacles import PlainState
from tests.fakes.desks import BTC, Bot, CandleSays, OnlySignals, desk, evaluator, opinion, plan, seat


class Remembers(OnlySignals):
    """A trading mode that knows one word."""

    def __init__(self, word: str) -> None:
        self.word = word

    def export_state(self) -> PlainState:
        return {"word": self.word}

    def restore_state(self, state: PlainState) -> None:
        self.word = state["word"]


class Newer(Remembers):
    state_version = 2


def says(name: str, value: float) -> Any:
    return evaluator(lambda: CandleSays(lambda candle: opinion(value)), name)


def planned(mode: type[Remembers], word: str, *evaluators: Any, mode_name: str = "mode") -> EnginePlan:
    return plan(desk(replace(seat(lambda: mode(word), evaluators=evaluators), mode_name=mode_name)))


def restored(before: EnginePlan, after: EnginePlan) -> Any:
    """Return the only seat of an engine with the plan `after` that takes over from one with `before`."""
    bot = Bot(before)
    bot.candle(0, 100)
    engine = Engine(after)
    engine.restore_state(msgspec.msgpack.decode(msgspec.msgpack.encode(bot.engine.export_state())))
    return engine._seats["alpha", BTC.id]


def test_opinions_go_back_to_their_own_evaluators_when_these_changed_places() -> None:
    before = planned(Remembers, "old", says("one", 0.1), says("two", 0.2))
    board = restored(before, planned(Remembers, "new", says("two", 0.2), says("three", 0.3))).board
    assert [item and item.value for item in board.evaluations] == [0.2, None]
    assert board.seqs[0] > 0
    assert board.seqs[1] == 0


def test_mode_takes_its_own_state_back_and_not_that_of_another() -> None:
    before = planned(Remembers, "old")
    assert restored(before, planned(Remembers, "new")).mode.instance.word == "old"
    assert restored(before, planned(Remembers, "new", mode_name="other")).mode.instance.word == "new"


def test_state_of_another_version_is_refused_by_name() -> None:
    with pytest.raises(DataError, match=r"mode: its state has version 1, the code reads version 2 and has no migrate"):
        restored(planned(Remembers, "old"), planned(Newer, "new"))
