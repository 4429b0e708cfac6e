"""What is worth telling a person, made of committed records: each kind with the fields that `loligo_notify` promises.

A message comes of one event and carries its seq, so the same records make the same messages, and one that is made again
is known. What no record tells of (starts, feeds that fail, quarantine) is made where it is known.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from loligo.model.command import Noted, OperatorCommand, SwapEnded, SwapResult
from loligo.model.events import (
    CommandHandled,
    ConsentAsked,
    KillSwitchSet,
    OrderReported,
    OrderSubmitted,
    Record,
    Refused,
    Resumed,
    RiskActed,
    TentacleFailed,
    TradeClosed,
)
from loligo.model.market import Side
from loligo.model.order import Filled, Liquidated, Order, OrderRole, VenueFailed
from loligo.model.risk import ActionKind
from loligo.model.timeframe import iso
from loligo.ports.tentacles import Message
from loligo_bot.experiment_config import VERDICT
from loligo_notify import CONSENT_LAPSED, Kind

KEPT_ORDERS = 20_000
STOPS = frozenset({OrderRole.STOP, OrderRole.TRAIL, OrderRole.LIQUIDATION})
OrderRow = Mapping[str, Any]


class Orders:
    """Instrument, side and role of the newest orders, so that a fill can be told; an older one is looked up."""

    def __init__(self, look_up: Callable[[str], OrderRow | None] = lambda order_id: None) -> None:
        self._known: OrderedDict[str, OrderRow] = OrderedDict()
        self._look_up = look_up

    def see(self, order: Order) -> None:
        self._known[order.id] = {"instrument": order.instrument, "side": order.side, "role": order.role}
        if len(self._known) > KEPT_ORDERS:
            self._known.popitem(last=False)

    def of(self, order_id: str) -> OrderRow:
        """Return what is known of an order; blocks where it has to be looked up."""
        found = self._known.get(order_id)
        if found is None:
            found = self._look_up(order_id) or {"instrument": "", "side": "", "role": ""}
            self._known[order_id] = found
        return found


def messages_of(records: Sequence[Record], orders: Orders | None = None) -> Iterator[Message]:
    """Yield one message per event that a person may want to hear of, in order."""
    orders = orders or Orders()
    for record in records:
        if type(record.input) is SwapEnded and (swapped := _swapped(record.input, record.seq)) is not None:
            yield swapped
        if type(record.input) is Noted and record.input.kind == VERDICT:
            yield _verdict(record.input, record.seq)
        for event in record.events:
            make = _MADE.get(type(event))
            if make is not None and (message := make(event, record, orders)) is not None:
                yield message


def _message(
    event: Any, kind: Kind, text: str, level: str = "info", *, desk: str | None = None, **fields: str
) -> Message:
    own = event.desk if desk is None else desk
    told = {"time": iso(event.ts), "cause": str(event.cause), **fields}
    return Message(kind=kind, level=level, text=text, seq=event.seq, desk=own, fields=told)


def _number(amount: object) -> str:
    return "" if amount is None else f"{amount:f}"


def _numbers(numbers: Sequence[float]) -> str:
    return " ".join(f"{number:g}" for number in numbers)


def _submitted(event: OrderSubmitted, _record: Record, orders: Orders) -> Message:
    order = event.order
    orders.see(order)
    at = next((_number(price) for price in (order.limit_price, order.trigger_price) if price is not None), "")
    said = f"{order.side} {_number(order.quantity)} {order.instrument}, {order.kind}{f' at {at}' if at else ''}"
    return _message(
        event,
        Kind.ORDER,
        f"{order.desk}: {said}, {order.role}",
        order=order.id,
        instrument=order.instrument,
        side=order.side,
        role=order.role,
        quantity=_number(order.quantity),
        kind_of_order=order.kind,
        limit=_number(order.limit_price),
        trigger=_number(order.trigger_price),
    )


def _reported(event: OrderReported, _record: Record, orders: Orders) -> Message | None:
    report = event.report
    if isinstance(report, Filled):
        return _filled(event, report, orders.of(report.order_id))
    if isinstance(report, Liquidated):
        orders.see(report.order)
    elif isinstance(report, VenueFailed):
        what = f"venue {report.venue}"
        text = f"{what} failed in {report.call}: {report.error}"
        return _message(event, Kind.ERROR, text, "problem", what=what, error=report.error)
    return None


def _filled(event: OrderReported, fill: Filled, order: OrderRow) -> Message:
    is_stop = order["role"] in STOPS
    done = "bought" if order["side"] == Side.BUY else "sold"
    where = f"{done} {_number(fill.quantity)} {order['instrument']} at {_number(fill.price)}"
    liquidated = order["role"] == OrderRole.LIQUIDATION
    hit = "liquidated" if liquidated else "stop hit"
    return _message(
        event,
        Kind.STOP_HIT if is_stop else Kind.FILL,
        f"{event.desk}: {hit}, {where}" if is_stop else f"{event.desk}: {where}, {order['role']}",
        "problem" if liquidated else "warning" if is_stop else "info",
        order=fill.order_id,
        instrument=order["instrument"],
        side=order["side"],
        role=order["role"],
        price=_number(fill.price),
        quantity=_number(fill.quantity),
        fee=_number(fill.fee),
        fee_asset=fill.fee_asset,
    )


def _closed(event: TradeClosed, _record: Record, _orders: Orders) -> Message:
    trade = event.trade
    return _message(
        event,
        Kind.TRADE_CLOSED,
        f"{trade.desk}: {trade.side} {trade.quantity} {trade.instrument} closed by {trade.exit_role}",
        desk=trade.desk,
        instrument=trade.instrument,
        side=trade.side,
        quantity=_number(trade.quantity),
        net=_number(trade.net),
        fees=_number(trade.fees),
        entry=_number(trade.entry_price),
        exit=_number(trade.exit_price),
        exit_role=trade.exit_role,
    )


def _refused(event: Refused, _record: Record, _orders: Orders) -> Message:
    numbers = _numbers(event.numbers)
    text = f"{event.desk}: no entry into {event.instrument}, {event.rule} says {event.code}"
    text = f"{text} ({numbers})" if numbers else text
    if event.code == CONSENT_LAPSED:
        text = f"{event.desk}: nobody agreed in time, the entry into {event.instrument} was not sent"
    return _message(
        event,
        Kind.ENTRY_REFUSED,
        text,
        "warning",
        instrument=event.instrument,
        rule=event.rule,
        code=event.code,
        numbers=numbers,
    )


def _asked(event: ConsentAsked, _record: Record, _orders: Orders) -> Message:
    request, until = event.request, iso(event.until_ns)
    at = f" at {_number(request.limit_price)}" if request.limit_price is not None else ""
    what = f"{request.side} {_number(request.quantity)} {request.instrument}, {request.kind}{at}"
    return _message(
        event,
        Kind.CONSENT_ASKED,
        f"{event.desk}: {what}, waits for your yes until {until}",
        "warning",
        question=str(event.seq),
        instrument=request.instrument,
        side=request.side,
        quantity=_number(request.quantity),
        limit=_number(request.limit_price),
        stop=_number(request.stop_loss_price),
        until=until,
    )


def _acted(event: RiskActed, _record: Record, _orders: Orders) -> Message:
    action = event.action
    text = f"{event.scope}: {event.rule} ordered {action.kind} ({action.code})"
    level = "problem" if action.kind is ActionKind.FLATTEN else "warning"
    return _message(
        event,
        Kind.PROTECTION,
        text,
        level,
        scope=event.scope,
        action=action.kind,
        by=event.rule,
        numbers=_numbers(action.numbers),
    )


def _resumed(event: Resumed, _record: Record, _orders: Orders) -> Message:
    text = f"{event.scope}: resumed by {event.by}"
    return _message(event, Kind.PROTECTION, text, scope=event.scope, action="resume", by=event.by, numbers="")


def _killed(event: KillSwitchSet, _record: Record, _orders: Orders) -> Message:
    by, level = event.by or "nobody named", int(event.level)
    text, action = f"kill switch set to {level} by {by}", f"kill switch {level}"
    weight = "problem" if level else "info"
    return _message(event, Kind.PROTECTION, text, weight, scope="*", action=action, by=by, numbers="")


def _failed(event: TentacleFailed, _record: Record, _orders: Orders) -> Message:
    text = f"{event.tentacle} failed in {event.call}: {event.error}"
    said = {"tentacle": event.tentacle, "call": event.call, "error": event.error, "failures": str(event.count)}
    return _message(event, Kind.TENTACLE_FAILED, text, "problem", **said)


def _handled(event: CommandHandled, record: Record, _orders: Orders) -> Message:
    by = record.input.by if isinstance(record.input, OperatorCommand) else ""
    said = {"command": event.command_id, "done": "yes" if event.is_done else "no", "by": by}
    return _message(event, Kind.COMMAND, event.message, "info" if event.is_done else "warning", **said)


_MADE: Mapping[type, Callable[[Any, Record, Orders], Message | None]] = {
    OrderSubmitted: _submitted,
    OrderReported: _reported,
    TradeClosed: _closed,
    ConsentAsked: _asked,
    Refused: _refused,
    RiskActed: _acted,
    Resumed: _resumed,
    KillSwitchSet: _killed,
    TentacleFailed: _failed,
    CommandHandled: _handled,
}

_SWAPS: Mapping[SwapResult, tuple[Kind, str, str]] = {  # kind, level, what is said of what was to change
    SwapResult.GOOD: (Kind.TENTACLE_SWAPPED, "info", "runs now"),
    SwapResult.ROLLED_BACK: (Kind.TENTACLE_ROLLED_BACK, "problem", "was taken back"),
    SwapResult.REFUSED: (Kind.TENTACLE_REFUSED, "warning", "was refused"),
}


def _verdict(note: Noted, seq: int) -> Message:
    told = {name: note.facts[name] for name in ("verdict", "headline", "winner", "day", "percent_per_month")}
    level = "problem" if told["verdict"] in ("stopped", "invalid") else "info"
    fields = {"time": iso(note.ts), "experiment": note.subject, **told}
    return Message(kind=Kind.VERDICT, level=level, text=f"A/B test {note.text}", seq=seq, fields=fields)


def _swapped(ended: SwapEnded, seq: int) -> Message | None:
    if ended.result not in _SWAPS:
        return None
    kind, level, said = _SWAPS[ended.result]
    changed = ", ".join(ended.changed)
    reason = "" if ended.result is SwapResult.GOOD else ended.text
    text = f"{changed or f'generation {ended.number}'} {said}" + (f": {reason}" if reason else "")
    fields = {"time": iso(ended.ts), "generation": str(ended.number), "changed": changed, "by": ended.by}
    fields |= {"result": ended.result, "reason": reason}
    return Message(kind=kind, level=level, text=text, seq=seq, fields=fields)
