"""The verb risk.hits: what limits did, newest first: entries that a rule refused or made smaller, desks and accounts
that were paused, tightened or closed, who let them go on, and the kill switch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from pydantic import Field

from loligo.model.risk import ActionKind, KillLevel, Outcome, RiskAction
from loligo.model.timeframe import iso
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Offer, reading
from loligo_bot.door.pages import Desk, Paged, Pages, Part, brief, page
from loligo_bot.explain import reason_text
from loligo_store.projections import Row

What = Literal["refused", "reduced", "paused", "tightened", "flattened", "resumed", "kill switch"]
_ACTED: dict[ActionKind, What] = {
    ActionKind.PAUSE: "paused",
    ActionKind.TIGHTEN: "tightened",
    ActionKind.FLATTEN: "flattened",
}
_INCIDENTS = ("risk_acted", "resumed", "kill_switch")  # as the journal names them
_QUESTION = "consent"  # a person was asked: no limit
_PERSON = "operator"  # the code of a pause that a person wanted; its command says who
LOOKED_AT = 500  # rows of each sort for one page


class LimitHit(Part):
    """One thing that a limit, or a person at the controls, did; the same again and again is one row."""

    seq: int = Field(description="of the newest")
    time: str
    count: int = Field(description="so often in a row")
    first_seq: int
    scope: str = Field(description='a desk, "account:NAME", or "*" for everything')
    instrument: str = Field(description='"" for all of the scope')
    what: What
    by: str = Field(description="the rule, or who it was")
    text: str = Field(description="why, with the numbers behind it")


class LimitHits(Paged):
    """What limits did, newest first."""

    hits: list[LimitHit]

    def lines(self) -> Sequence[str]:
        told = [
            f"{brief(one.time)} {one.scope} {one.instrument} {one.what} by {one.by}: {one.text}" for one in self.hits
        ]
        return told or ["no limit was hit yet"]


class HitsAsked(Pages):
    """Which of them."""

    desk: Desk = None


def hits(inside: Inside, given: HitsAsked) -> LimitHits:
    whole = given.model_copy(update={"limit": LOOKED_AT})
    wanted = {"desk": given.desk}
    refused, _ = page(inside, "refusals", whole, **wanted)
    reduced, _ = page(inside, "checks", whole, outcome=Outcome.REDUCED.value, **wanted)
    acted, _ = page(inside, "incidents", whole, kind=_INCIDENTS, **wanted)
    found = [_refused(row) for row in refused if row["rule"] != _QUESTION]
    found += [
        _hit(row, row["desk"], "reduced", row["rule"], reason_text(row["code"], row["numbers"])) for row in reduced
    ]
    found += [_acted(row) for row in acted]
    found.sort(key=lambda one: -one.seq)
    folded = _folded(found[:LOOKED_AT])  # of each sort so many were read, so what is newest is all there
    shown = folded[: given.limit]
    is_more = len(folded) > len(shown) or max(map(len, (refused, reduced, acted))) >= LOOKED_AT
    return LimitHits(hits=shown, next_before=shown[-1].first_seq if shown and is_more else None)


def _folded(found: Sequence[LimitHit]) -> list[LimitHit]:
    """Return the same in a row as one; newest first, as they come."""
    rows: list[LimitHit] = []
    for one in found:
        if rows and _same(rows[-1]) == _same(one):
            rows[-1] = rows[-1].model_copy(update={"count": rows[-1].count + 1, "first_seq": one.seq})
        else:
            rows.append(one)
    return rows


def _same(one: LimitHit) -> tuple[str, ...]:
    return one.scope, one.instrument, one.what, one.by, one.text


def _hit(row: Row, scope: str, what: What, by: str, text: str, instrument: str = "") -> LimitHit:
    return LimitHit(
        seq=row["seq"],
        time=iso(row["ts"]),
        count=1,
        first_seq=row["seq"],
        scope=scope,
        instrument=instrument,
        what=what,
        by=by,
        text=text,
    )


def _refused(row: Row) -> LimitHit:
    return _hit(
        row, row["desk"], "refused", row["rule"], reason_text(row["code"], row["numbers"]), instrument=row["instrument"]
    )


def _acted(row: Row) -> LimitHit:
    fields: dict[str, Any] = row["fields"]
    if row["kind"] == "kill_switch":
        return _hit(row, "*", "kill switch", fields["by"], KillLevel(fields["level"]).name.lower().replace("_", " "))
    if row["kind"] == "resumed":
        return _hit(row, fields["scope"], "resumed", fields["by"], "entries are let through again")
    action = msgspec.convert(fields["action"], RiskAction)
    until = f", until {iso(action.until_ns)[:16].replace('T', ' ')}" if action.until_ns else ""
    text = f"{reason_text(action.code, action.numbers)}{until}"
    by = _PERSON if action.code == _PERSON else fields["rule"]
    return _hit(row, fields["scope"], _ACTED[action.kind], by, text, instrument=action.instrument)


OFFERS: tuple[Offer, ...] = (
    reading("risk.hits", "what limits did: refused, made smaller, paused, closed", HitsAsked, LimitHits, hits),
)
