"""What one arm of an A/B test did at one moment, in words: its order, or what came in between, and why.

In: the events of one instant and the orders as they stand now. What evaluators said is for `experiment_opinions`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from loligo.model import events as ev
from loligo.model.market import Side
from loligo.model.order import OPEN_STATES
from loligo.model.risk import Outcome
from loligo_bot.door.experiment_apart import CLOSED_BY, PLACED_AS
from loligo_bot.door.pages import plain
from loligo_bot.explain import figures, reason_text
from loligo_store.projections import Row

WAITS, NOT_ASKED = "waits", "was not asked"
_WANTED = {"long": "wanted to buy", "short": "wanted to sell short", "flat": "wanted out"}
_LEFT = {
    "stop": "was stopped out",
    "target": "took its profit",
    "trail": "was stopped out by its trailing stop",
    "flatten": "was closed by risk",
    "liquidation": "was liquidated",
}
_GATE = "kernel"  # the rule name of what the gate itself holds


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What one side did. `decided` is its strategy's answer, None where it was not asked."""

    seq: int  # whose story `why` tells; 0: there is none
    decided: ev.SignalRaised | ev.DecisionDeclined | None
    order: str  # buy or sell, "" where there was none
    quantity: Decimal | None
    did: str
    why: str

    @property
    def wish(self) -> str:
        if self.decided is None:
            return NOT_ASKED
        return str(self.decided.signal.direction) if isinstance(self.decided, ev.SignalRaised) else WAITS


def done_by(desk: str, instrument: str, events: Sequence[Any], orders: Mapping[str, Row]) -> Done:
    """Return what a desk did in an instrument. `orders` are rows by id."""
    own = [event for event in events if event.desk == desk and _place(event) in (instrument, None)]
    decided = next((event for event in own if _is_decision(event)), None)
    closed = next((e for e in own if isinstance(e, ev.TradeClosed) and e.trade.exit_role in CLOSED_BY), None)
    placed = [e for e in own if isinstance(e, ev.OrderSubmitted | ev.OrderHeld) and str(e.order.role) in PLACED_AS]
    parts: list[tuple[str, str]] = []
    seq, order, quantity = decided.seq if decided is not None else 0, "", None
    if closed is not None:
        trade, seq = closed.trade, closed.seq
        order, quantity = str(Side.SELL if trade.side is Side.BUY else Side.BUY), trade.quantity
        parts.append((f"{_LEFT[trade.exit_role]} at {figures([float(trade.exit_price)])[0]}", f"net {trade.net:.2f}"))
    if placed:
        first = placed[0]
        seq, order, quantity = first.seq, str(first.order.side), first.order.quantity
        parts.append(_ordered(first, orders.get(first.order.id), len({e.order.id for e in placed}), decided, own))
    elif closed is None or any(isinstance(event, ev.Refused) for event in own):
        seq, did, why = _without_order(decided, own)
        parts.append((did, why))
    return Done(
        seq=seq,
        decided=decided,
        order=order,
        quantity=quantity,
        did=" and ".join(did for did, _ in parts),
        why="; ".join(why for _, why in parts if why),
    )


def _place(event: Any) -> str | None:
    """Return the instrument that an event is about, None where it names none."""
    inner = next((part for name in ("order", "request", "trade") if (part := getattr(event, name, None))), event)
    found: str | None = getattr(inner, "instrument", None)
    return found


def _is_decision(event: Any) -> bool:
    return isinstance(event, ev.SignalRaised) or (isinstance(event, ev.DecisionDeclined) and event.by == "strategy")


# An order


def _ordered(event: Any, row: Row | None, count: int, decided: Any, own: Sequence[Any]) -> tuple[str, str]:
    cut, why = _cut(event, own)
    more = f" and {count - 1} more order{'s' if count > 2 else ''}" if count > 1 else ""
    reasons = [_reason(event.order.code, decided), *why]
    return f"{_came_of(event.order, row)}{cut}{more}", "; ".join(filter(None, reasons))


def _came_of(order: Any, row: Row | None) -> str:
    """Return in words what became of an order so far."""
    is_buy, is_short = order.side is Side.BUY, order.side is Side.SELL and str(order.role) == "entry"
    did = "bought" if is_buy else "sold short" if is_short else "sold"
    row = row or {"filled": Decimal(0), "quantity": order.quantity, "state": "submitted", "reason": ""}
    filled, wanted = row["filled"], row["quantity"]
    if filled >= wanted:
        return f"{did} {plain(wanted)}"
    if filled:
        return f"{did} {plain(filled)} of {plain(wanted)}"
    to_do = "to buy" if is_buy else "to sell short" if is_short else "to sell"
    ended = f"nothing filled ({row['state']})"
    return f"ordered {to_do} {plain(wanted)}, {'not filled yet' if row['state'] in OPEN_STATES else ended}"


def _cut(event: Any, own: Sequence[Any]) -> tuple[str, list[str]]:
    """Return in words that risk made an order smaller, and the rules that did."""
    approved = next((e for e in own if isinstance(e, ev.Approved) and e.seq == event.cause), None)
    if approved is None or approved.reduced_from is None:
        return "", []
    rules = [e for e in own if isinstance(e, ev.RiskChecked) and e.cause == approved.cause]
    reduced = [_of_rule(e) for e in rules if e.outcome is Outcome.REDUCED]
    return f", cut from {plain(approved.reduced_from)}", reduced


def _reason(code: str, decided: Any) -> str:
    """Return why there is an order: its own reason, with the strategy's numbers where that is the same."""
    if isinstance(decided, ev.SignalRaised) and decided.signal.code == code:
        return reason_text(code, decided.signal.numbers)
    return reason_text(code)


# No order


def _without_order(decided: Any, own: Sequence[Any]) -> tuple[int, str, str]:
    """Return the seq of what came in between, what a side did and why."""
    seq, wanted, why = 0, "", ""
    if isinstance(decided, ev.SignalRaised):
        seq, why = decided.seq, reason_text(decided.signal.code, decided.signal.numbers)
        wanted = f"{_WANTED[str(decided.signal.direction)]} and "
    for stop, did, reason in _stops(own, seq):
        return stop.seq, f"{wanted}{did}", reason or why
    if wanted:
        return seq, f"{wanted}did nothing", why
    if decided is None:
        return 0, NOT_ASKED, ""
    return decided.seq, "waited", reason_text(decided.declined.code, decided.declined.numbers)


def _stops(own: Sequence[Any], signal: int) -> Iterator[tuple[Any, str, str]]:
    """Yield what kept a wish from becoming an order, what that is called, and why; `signal` is the seq of the wish."""
    for event in own:
        if isinstance(event, ev.Refused):
            yield event, "was refused", _of_rule(event)
        elif isinstance(event, ev.ConsentAsked):
            yield event, "asked a person", ""
    for event in own:
        if isinstance(event, ev.CancelRequested) and event.cause == signal:
            yield event, "cancelled an order", ""
    declined = [e for e in own if isinstance(e, ev.DecisionDeclined) and e.by == "mode"]
    if declined:
        reasons = dict.fromkeys(reason_text(e.declined.code, e.declined.numbers) for e in declined)
        yield declined[-1], "did nothing", "; ".join(reasons)


def _of_rule(event: Any) -> str:
    """Return the reason of a rule; its name, too, where the reason has another one."""
    rule, reason = event.rule.replace("_", " "), reason_text(event.code, event.numbers)
    return reason if event.rule in (event.code, _GATE) else f"{rule}: {reason}"
