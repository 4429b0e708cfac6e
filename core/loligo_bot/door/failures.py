"""Verbs for whoever looks for what is wrong: failures, what tentacles raised in groups, and diagnostics, one file with
all that somebody who helps needs to see, without secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from pydantic import Field

from loligo.errors import LoligoError
from loligo.log import masked
from loligo.model.timeframe import iso
from loligo.ports.door import Answer
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Arguments, Asked, Offer, looking, reading
from loligo_bot.door.pages import Desk, Part, ReportFile, Span, brief
from loligo_store.projections import Row

LOOKED_AT = 5_000  # failures, the newest
MOST_GROUPS = 100
ASKED: dict[str, dict[str, Any]] = {  # of the door, for the file
    "version": {},
    "status": {},
    "health": {},
    "failures": {},
    "tentacle.list": {},
    "risk": {},
    "locks": {},
    "desks": {},
    "jobs": {"limit": 50},
    "config.show": {},
    "config.history": {},
    "metrics": {},
    "logs": {"limit": 500},
}


class FailureGroup(Part):
    """The same failure, however often it came."""

    tentacle: str = Field(description="its label, or kind and name")
    call: str
    error: str = Field(description="type and text of the newest")
    desk: str
    count: int
    is_interrupted: bool = Field(description="the call did not return, and was ended from outside")
    first: str = Field(description="in the time of the data")
    newest: str
    newest_seq: int


class Failures(Answer):
    """What tentacles raised, by tentacle, call and error; the newest first."""

    groups: list[FailureGroup]

    def lines(self) -> Sequence[str]:
        told = [
            f"{brief(one.newest)} {one.count} times: {one.tentacle} in {one.call}: {one.error}" for one in self.groups
        ]
        return told or ["no tentacle has failed"]


class FailuresAsked(Span):
    """Of what and when."""

    desk: Desk = None


def failures(inside: Inside, given: FailuresAsked) -> Failures:
    above, below = given.bounds()
    where = {"kind": "tentacle_failed"}
    rows = inside.rows.rows("incidents", desk=given.desk, where=where, above=above, below=below, limit=LOOKED_AT)
    groups: dict[tuple[str, str, str, str], list[Row]] = {}
    for row in rows:
        told = row["fields"]
        groups.setdefault((told["tentacle"], told["call"], _sort(told["error"]), row["desk"]), []).append(row)
    found = sorted(map(_group, groups.values()), key=lambda one: -one.newest_seq)
    return Failures(groups=found[:MOST_GROUPS])


def _sort(error: str) -> str:
    """Return an error without its numbers, which differ from time to time."""
    return re.sub(r"[\d.]+", "#", error)


def _group(rows: Sequence[Row]) -> FailureGroup:
    first, newest = rows[0], rows[-1]
    told = {name: newest["fields"][name] for name in ("tentacle", "call", "error", "is_interrupted")}
    times = {"first": iso(first["ts"]), "newest": iso(newest["ts"]), "newest_seq": newest["seq"]}
    return FailureGroup(desk=newest["desk"], count=len(rows), **told, **times)


async def diagnostics(inside: Inside, asked: Asked, _given: Arguments) -> ReportFile:
    """It holds no more than who asks may see; what cannot be told now stands there with its reason."""
    door = inside.door
    assert door is not None
    told: dict[str, Any] = {}
    for verb, arguments in ASKED.items():
        try:
            told[verb] = (await door.ask(asked.actor, verb, arguments)).model_dump(mode="json")
        except LoligoError as exc:
            told[verb] = {"error": str(exc)}
    content = json.dumps(masked(told), indent=1)
    return ReportFile(name="loligo-diagnostics.json", media_type="application/json", content=content)


OFFERS: tuple[Offer, ...] = (
    reading("failures", "what tentacles raised, the same ones counted", FailuresAsked, Failures, failures),
    looking(
        "diagnostics",
        "one file for whoever helps: state, health, settings and log, without secrets",
        Arguments,
        ReportFile,
        diagnostics,
    ),
)
