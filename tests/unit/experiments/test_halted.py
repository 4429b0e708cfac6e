"""How long limits kept an arm from entering: its own and those of its account, until a time or a person ends that."""

from __future__ import annotations

import msgspec
import pytest

from loligo.model.events import Event, Resumed, RiskActed
from loligo.model.risk import ActionKind, RiskAction, Tier
from loligo.model.timeframe import HOUR_NS
from loligo_bot.experiments.halted import Halted, halted_of

ARM, ACCOUNT = ("trend", "account:paper")
DAY_S = 86_400.0


def acted(hours: int, scope: str, kind: ActionKind = ActionKind.PAUSE, code: str = "drawdown") -> RiskActed:
    action = RiskAction(kind, code, (0.16, 0.15))
    return RiskActed(1, hours * HOUR_NS, 0, "trend", scope, "drawdown", Tier.ACCOUNT, action)


def resumed(hours: int, scope: str) -> Resumed:
    return Resumed(2, hours * HOUR_NS, 0, "", scope, "time")


def read(*events: Event) -> list[Halted]:
    """Return what a run that is watched and the read model make of events."""
    seen = Halted()
    rows = []
    for event in events:
        assert isinstance(event, RiskActed | Resumed)
        seen.add(event)
        seq, ts, cause, desk = (getattr(event, name) for name in ("seq", "ts", "cause", "desk"))
        fields = {name: msgspec.to_builtins(getattr(event, name)) for name in event.__struct_fields__[4:]}
        kind = str(event.__struct_config__.tag)
        rows.append({"kind": kind, "seq": seq, "ts": ts, "cause": cause, "desk": desk, "fields": fields})
    return [seen, halted_of(rows)]


def test_a_pause_counts_on_each_day_until_it_ends_and_says_why() -> None:
    why = "drawdown: drawdown 16 % > 15 %, since 1970-01-01T06:00:00Z"
    for halted in read(acted(6, ACCOUNT), acted(7, ACCOUNT), resumed(60, ACCOUNT), resumed(61, ACCOUNT)):
        told = [halted.on((ARM, ACCOUNT), day) for day in range(4)]
        assert told == [(18 * 3600.0, why), (DAY_S, why), (12 * 3600.0, why), (0.0, "")]
        assert halted.on((ARM,), 1) == (0.0, "")


def test_one_that_nobody_ends_goes_on_and_two_at_once_count_once() -> None:
    for halted in read(acted(6, ARM), acted(12, ACCOUNT), resumed(18, ARM)):
        seconds, why = halted.on((ARM, ACCOUNT), 0)
        assert seconds == 18 * 3600 and "T06:00" in why
        assert halted.on((ARM, ACCOUNT), 3_000)[0] == DAY_S


@pytest.mark.parametrize(
    "event", [acted(6, ARM, ActionKind.TIGHTEN), acted(6, ARM, code="operator"), acted(6, "other")]
)
def test_moved_stops_pauses_by_hand_and_those_of_others_do_not_count(event: Event) -> None:
    for halted in read(event):
        assert [halted.on((ARM, ACCOUNT), day) for day in range(2)] == [(0.0, "")] * 2
