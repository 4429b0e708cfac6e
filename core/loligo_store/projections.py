"""The read models: for each, the pure functions that turn records into rows.

Two kinds. A *log* has one row per event (or per record), only ever added. A *fold* has one row per key, made of the
row so far and the next event. Both depend on nothing but the journal, so that a rebuild gives identical rows.

High volume is kept small, and the journal answers for the rest (`JournalReader.find`):
- evaluations: one row per record, a list of (event seq, evaluator, value, code); numbers are in the journal;
- declined: one row per UTC day, desk, instrument, author and code, with its count and the seqs of the first and the
  last, from which `find` gives the numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from operator import attrgetter
from typing import Any

import msgspec
from sqlalchemy import Select, Table, select

from loligo.model import events, order
from loligo.model.command import GenerationActivated, Noted, OperatorCommand, ShadowStarted, SwapEnded
from loligo.model.events import Record, SwapStep
from loligo.model.money import exact
from loligo.model.order import OrderState
from loligo.model.risk import Tier
from loligo.model.timeframe import DAY_NS, SECOND_NS
from loligo_store import schema
from loligo_store.days import OF_DAY, day_key, fold_day
from loligo_store.schema import json_text

Row = dict[str, Any]
LogRow = Iterable[Any]  # in the order of the table's columns, as the driver takes it
Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Projection:
    """One read model. `of` says by type of event, the record itself included, which rows a log gets from it or which
    key a fold has for it; `fold(row so far, event, record)` returns the row after it. `view` is what readers see where
    that is more than the table."""

    table: Table
    of: Mapping[type, Callable[[Any], Any]]
    fold: Callable[[Row | None, Any, Record], Row | None] | None = None
    view: Select[Any] | None = None


_AS_STORED: dict[type, Callable[[Any], str]] = {Decimal: str, tuple: json_text}
_astuple, _asdict = msgspec.structs.astuple, msgspec.structs.asdict


def _stored(values: Iterable[Any]) -> list[Any]:
    return [write(value) if (write := _AS_STORED.get(type(value))) else value for value in values]


def _readable(text: str) -> str:
    """Free text without NUL, which PostgreSQL cannot hold."""
    return text.replace("\x00", "\ufffd")


def _row_of(table: Table, kind: type[events.Event], inner: str = "") -> Callable[[Any], list[LogRow]]:
    """Return what makes the row of an event: each column is its field of that name, or else that of its `inner`."""
    own = kind.__struct_fields__
    fields = attrgetter(*[one.name if one.name in own else f"{inner}.{one.name}" for one in table.c])
    return lambda event: [_stored(fields(event))]


_fill = _row_of(schema.fills, events.OrderReported, "report")


def _fills(event: events.OrderReported) -> Iterable[LogRow]:
    return _fill(event) if isinstance(event.report, order.Filled) else ()


def _ledger(event: events.LedgerPosted) -> Iterable[LogRow]:
    booking = event.ts, event.cause, event.desk, event.kind, event.ref
    for line, posting in enumerate(event.postings):
        yield event.seq, line, *booking, *_stored(_astuple(posting))


_refusal = _row_of(schema.refusals, events.Refused)


def _asked(event: events.ConsentAsked) -> list[LogRow]:
    """An entry that waits for a person is not let through at that moment."""
    told = "consent", Tier.STRATEGY, "consent_asked", ((event.until_ns - event.ts) / SECOND_NS,)
    return _refusal(events.Refused(event.seq, event.ts, event.cause, event.desk, event.request.instrument, *told))


def _evaluations(record: Record) -> Iterable[LogRow]:
    given = [
        (event.seq, event.evaluator, event.evaluation.value, event.evaluation.code)
        for event in record.events
        if type(event) is events.Evaluated
    ]
    if given:
        item = record.input
        place = getattr(item, "instrument", ""), getattr(item, "timeframe", "")
        yield record.seq, item.ts, *place, json_text(given)


def _incidents(event: Any) -> Iterable[LogRow]:
    """Its name in the journal and its own fields, by name."""
    fields = {name: getattr(event, name) for name in event.__struct_fields__[4:]}
    yield *_astuple(event)[:4], event.__struct_config__.tag, json_text(fields)


def _notes(record: Record) -> Iterable[LogRow]:
    if type(item := record.input) is Noted:
        facts = {_readable(name): _readable(text) for name, text in item.facts.items()}
        told = (_readable(text) for text in (item.kind, item.subject, item.by, item.text))
        yield record.seq, item.ts, *told, json_text(facts)


def _order_key(event: events.OrderReported) -> Key:
    report = event.report
    return (report.order.id if isinstance(report, order.Liquidated) else report.order_id,)


def _fold_order(row: Row | None, event: Any, _record: Record) -> Row | None:
    """An order as its venue last described it. Reports of orders that the bot did not submit leave no row."""
    seen = {"seq": event.seq, "ts": event.ts}
    if isinstance(event, events.OrderSubmitted | events.OrderHeld):
        reason = f"waits for {event.other}" if isinstance(event, events.OrderHeld) else ""
        first = event.seq if row is None else row["first_seq"]  # when it was made, though it waited
        return _asdict(event.order) | seen | {"first_seq": first, "state": OrderState.SUBMITTED, "reason": reason}
    report = event.report
    if isinstance(report, order.Liquidated):
        return _asdict(report.order) | seen | {"first_seq": event.seq, "state": OrderState.ACCEPTED, "reason": ""}
    return None if row is None else row | seen | _order_change(row, report)


def _order_change(row: Row, report: order.VenueReport) -> Row:
    match report:
        case order.VenueFailed():
            return {}  # of the venue's code, not of the order
        case order.Filled():
            with exact():
                filled = row["filled"] + report.quantity
            is_whole = filled >= row["quantity"]
            return {"filled": filled, "state": OrderState.FILLED if is_whole else OrderState.PARTIALLY_FILLED}
        case order.Amended():
            return {name: getattr(report, name) for name in ("quantity", "limit_price", "trigger_price")}
        case order.Rejected(of="cancel" | "amend"):
            return {}  # the order stands
    state = OrderState(str(report.__struct_config__.tag))  # the other reports are named after the state they lead to
    return {"state": state, "reason": getattr(report, "code", "")}


def _fold_position(_row: Row | None, event: events.PositionChanged, _record: Record) -> Row:
    return _asdict(event.position) | {"seq": event.seq, "ts": event.ts}


def _declined_key(event: events.DecisionDeclined) -> Key:
    return event.ts // DAY_NS, event.desk, event.instrument, event.by, event.declined.code


def _fold_declined(row: Row | None, event: events.DecisionDeclined, _record: Record) -> Row:
    if row is None:
        key = zip(("day", "desk", "instrument", "by", "code"), _declined_key(event), strict=True)
        row = {**dict(key), "count": 0, "first_seq": event.seq}
    return row | {"count": row["count"] + 1, "seq": event.seq, "ts": event.ts}


def _fold_command(row: Row | None, event: Any, record: Record) -> Row | None:
    if isinstance(event, OperatorCommand):
        seen = {"first_seq": record.seq, "seq": record.seq, "is_done": None, "message": ""}
        return _asdict(event) | {"by": _readable(event.by)} | seen
    answer = {"is_done": event.is_done, "message": _readable(event.message), "seq": event.seq, "ts": event.ts}
    return None if row is None else row | answer


def _fold_swap(_row: Row | None, event: SwapEnded, record: Record) -> Row:
    told = {name: _readable(getattr(event, name)) for name in ("by", "why", "text")}
    lines = {name: [_readable(line) for line in getattr(event, name)] for name in ("changed", "steps")}
    return _asdict(event) | told | lines | {"seq": record.seq}


def _fold_generation(row: Row | None, event: Any, record: Record) -> Row | None:
    """How far a generation came: shadow, probation, good, refused or rolled_back. What never had to be compared is good
    at once, such as that of a start; a number that comes again begins anew."""
    seen = {"seq": record.seq, "ts": event.ts}
    if isinstance(event, events.SwapStepped):
        phase = _PHASES.get(event.step)
        if row is None or phase is None or (event.step is SwapStep.STOPPED and row["phase"] != "shadow"):
            return row
        return row | seen | {"phase": phase, "text": _readable(event.text)}
    if isinstance(event, GenerationActivated) and row is not None and row["phase"] == "shadow":
        return row  # the step that follows says so
    phase = "shadow" if isinstance(event, ShadowStarted) else "good"
    first = {"first_seq": record.seq, "first_ts": event.ts}  # in the row, for retention cuts the record
    return {"number": event.number, "phase": phase, "slots": _plain(event.slots), "text": "", **first, **seen}


_plain = msgspec.to_builtins
_PHASES = {
    SwapStep.REFUSED: "refused",
    SwapStep.ACTIVATED: "probation",
    SwapStep.ROLLED_BACK: "rolled_back",
    SwapStep.SETTLED: "good",
    SwapStep.STOPPED: "refused",
}
_ORDER = schema.orders.c
_fill_view = select(schema.fills, _ORDER.account, _ORDER.instrument, _ORDER.side, _ORDER.role).select_from(
    schema.fills.outerjoin(schema.orders, schema.fills.c.order_id == _ORDER.id)
)
_incident_kinds = (events.TentacleFailed, events.RiskActed, events.Resumed, events.KillSwitchSet)
_Of = Mapping[type, Callable[[Any], Any]]
_by_order: _Of = {
    **dict.fromkeys((events.OrderHeld, events.OrderSubmitted), lambda event: (event.order.id,)),
    events.OrderReported: _order_key,
}
_by_instrument: _Of = {events.PositionChanged: lambda event: (event.position.desk, event.position.instrument)}
_by_command: _Of = dict.fromkeys((OperatorCommand, events.CommandHandled), lambda event: (event.command_id,))
_by_number: _Of = dict.fromkeys((ShadowStarted, GenerationActivated, events.SwapStepped), lambda event: (event.number,))


PROJECTIONS: Mapping[str, Projection] = {
    projection.table.name: projection
    for projection in (
        Projection(schema.orders, _by_order, _fold_order),
        Projection(schema.fills, {events.OrderReported: _fills}, view=_fill_view),
        Projection(schema.positions, _by_instrument, _fold_position),
        Projection(schema.trades, {events.TradeClosed: _row_of(schema.trades, events.TradeClosed, "trade")}),
        Projection(schema.equity, {events.EquityMarked: _row_of(schema.equity, events.EquityMarked)}),
        Projection(schema.evaluations, {Record: _evaluations}),
        Projection(schema.decisions, {events.SignalRaised: _row_of(schema.decisions, events.SignalRaised, "signal")}),
        Projection(schema.declined, {events.DecisionDeclined: _declined_key}, _fold_declined),
        Projection(schema.refusals, {events.Refused: _refusal, events.ConsentAsked: _asked}),
        Projection(schema.checks, {events.RiskChecked: _row_of(schema.checks, events.RiskChecked)}),
        Projection(schema.ledger, {events.LedgerPosted: _ledger}),
        Projection(schema.incidents, dict.fromkeys(_incident_kinds, _incidents)),
        Projection(schema.commands, _by_command, _fold_command),
        Projection(schema.swaps, {SwapEnded: lambda event: (event.number, event.ts)}, _fold_swap),
        Projection(schema.generations, _by_number, _fold_generation),
        Projection(schema.notes, {Record: _notes}),
        Projection(schema.desk_days, dict.fromkeys(OF_DAY, day_key), fold_day),
    )
}
