"""How long the limits of an arm, or those of its account, kept it from entering, day by day.

Pauses that a person made are told elsewhere (`by_hand`). What must hold: the same events make the same days, whether
they come from the read model or from a run that is watched.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

import msgspec

from loligo.model.events import Resumed, RiskActed
from loligo.model.risk import ActionKind, RiskAction
from loligo.model.timeframe import DAY_NS, SECOND_NS, iso
from loligo_bot.explain import reason_text
from loligo_store.days import Row

KINDS = ("risk_acted", "resumed")  # of incidents
BY_A_PERSON = "operator"  # the code of such a pause
_FOR_EVER = 2**63
_Span = tuple[int, int, str]  # since, until, why


@dataclass(slots=True)
class Halted:
    """The pauses of all desks and accounts ("account:NAME")."""

    _spans: defaultdict[str, list[_Span]] = field(default_factory=lambda: defaultdict(list))
    _open: dict[str, tuple[int, str]] = field(default_factory=dict)

    def add(self, event: RiskActed | Resumed) -> None:
        if isinstance(event, Resumed):
            if event.scope in self._open:
                since, why = self._open.pop(event.scope)
                self._spans[event.scope].append((since, event.ts, why))
        elif event.action.kind is not ActionKind.TIGHTEN and event.action.code != BY_A_PERSON:
            why = reason_text(event.action.code, event.action.numbers)
            self._open.setdefault(event.scope, (event.ts, f"{event.rule}: {why}, since {iso(event.ts)}"))

    def on(self, scopes: Collection[str], day: int) -> tuple[float, str]:
        """Return for how many seconds of a day any of these was paused, and by what first; "" for not at all."""
        begin, end = day * DAY_NS, (day + 1) * DAY_NS
        known = [span for scope in scopes for span in self._spans.get(scope, ())]
        known += [(since, _FOR_EVER, why) for scope in scopes for since, why in [self._open.get(scope, (end, ""))]]
        held_ns, reached = 0, begin
        found = sorted(span for span in known if span[0] < end and span[1] > begin)
        for since, until, _ in found:
            held_ns += max(0, min(until, end) - max(since, reached))
            reached = max(reached, min(until, end))
        return held_ns / SECOND_NS, found[0][2] if found else ""


def halted_of(incidents: Iterable[Row]) -> Halted:
    """Return the pauses that the read model knows, oldest first."""
    found = Halted()
    for row in incidents:
        kind: type[RiskActed | Resumed] = RiskActed if row["kind"] == KINDS[0] else Resumed
        fields = dict(row["fields"])
        if kind is RiskActed:
            fields["action"] = msgspec.convert(fields["action"], RiskAction)
        found.add(kind(row["seq"], row["ts"], row["cause"], row["desk"], **fields))
    return found
