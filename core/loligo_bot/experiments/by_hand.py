"""What people and automations did to the arms of an experiment by hand: pauses, pauses of a limit that they ended,
cancelled orders, closed positions, answers to entries that waited for a person's consent.

What must hold: what reaches several arms by one command is the same for all of them; the kill switch and whatever is
about everything ("*") is no difference between arms at all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from loligo.model.timeframe import DAY_NS, SECOND_NS, iso
from loligo_store.days import Row
from loligo_store.rows import ProjectionReader

EVERYTHING = "*"
PAUSES, ANSWERS = ("pause", "resume"), ("consent", "deny")
REACHES = ("cancel", "close", *ANSWERS)


class ByHand:
    """What was done to one arm. `commands` are those carried out, oldest first; `owners` tells whose an order or a
    question was, by its id."""

    def __init__(
        self, commands: Sequence[Row], arm: str, account: str, owners: Mapping[str, str] | None = None
    ) -> None:
        self._names = (arm, f"account:{account}")
        self._touches: defaultdict[int, list[str]] = defaultdict(list)
        self._spans = self._pauses([row for row in commands if row["kind"] in PAUSES])
        for row in commands:
            target = row["target"] if row["kind"] == "close" else (owners or {}).get(row["target"], "")
            if row["kind"] in REACHES and target in self._names:
                self._touch(row)

    def _touch(self, row: Row) -> None:
        self._touches[(row["ts"] - 1) // DAY_NS].append(f"{row['kind']} {row['seq']} by {row['by']}")

    def _pauses(self, commands: Sequence[Row]) -> list[tuple[int, int, str]]:
        """Return when it was kept from entering, and by whom. Who ends a pause that no person made lifts that of a
        limit, which is a touch."""
        spans, pause = [], None
        for row in commands:
            if row["target"] not in (*self._names, EVERYTHING):
                continue
            if row["kind"] == "pause" and pause is None:
                pause = row
            elif row["kind"] == "resume" and pause is not None:
                spans.append((pause["ts"], row["ts"], pause["by"]))
                pause = None
            elif row["kind"] == "resume" and row["target"] in self._names:
                self._touch(row)
        return spans if pause is None else [*spans, (pause["ts"], 2**63, pause["by"])]

    def paused_s(self, day: int) -> float:
        """Return for how long of a day it was kept from entering."""
        begin, end = day * DAY_NS, (day + 1) * DAY_NS
        return sum(max(0, min(end, until) - max(begin, since)) for since, until, _ in self._spans) / SECOND_NS

    def paused_by(self, day: int) -> str:
        """Return who kept it from entering on a day, and since when; "" when nobody did."""
        begin, end = day * DAY_NS, (day + 1) * DAY_NS
        found = [f"paused at {iso(since)} by {by}" for since, until, by in self._spans if since < end and until > begin]
        return "; ".join(found)

    def touches(self, day: int) -> str:
        """Return the commands that decided over an order, a position or a limit's pause of it, as an arm's day names
        them."""
        return ", ".join(self._touches[day]) if day in self._touches else ""


NOBODY: Mapping[str, ByHand] = {}


def by_hand_of(
    rows: ProjectionReader, accounts: Mapping[str, str], tester: str = "", since_ns: int = 0
) -> dict[str, ByHand]:
    """Return what was done to each arm; `accounts` has the account of each. What the test itself does since it began,
    by the name of `tester`, is no act by hand: a challenger that broke a limit takes no new positions. What one of that
    name did before this one began keeps an arm from entering as anybody's pause does."""
    told = rows.rows("commands", where={"kind": (*PAUSES, *REACHES), "is_done": True})
    commands = [row for row in told if not tester or row["by"] != tester or row["ts"] < since_ns]
    cancelled = tuple(row["target"] for row in commands if row["kind"] == "cancel")
    answered = tuple(int(row["target"]) for row in commands if row["kind"] in ANSWERS)  # seqs of the questions
    orders = rows.rows("orders", where={"id": cancelled}) if cancelled else []
    questions = rows.rows("refusals", where={"seq": answered}) if answered else []
    owners = {row["id"]: row["desk"] for row in orders} | {str(row["seq"]): row["desk"] for row in questions}
    return {arm: ByHand(commands, arm, account, owners) for arm, account in accounts.items()}
