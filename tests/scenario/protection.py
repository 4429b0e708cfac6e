"""Reads from the journal alone what each desk holds and which stops protect it, record by record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from loligo.model.events import Event, OrderReported, OrderSubmitted, PositionChanged, Record
from loligo.model.order import Amended, Canceled, Expired, Filled, Order, OrderRole, Rejected

Place = tuple[str, str]  # desk, instrument


def unprotected(records: Sequence[Record]) -> Iterator[tuple[int, Place, Decimal, Decimal]]:
    """Yield (seq, place, position, covered) for every record at whose end stops cover less than the position."""
    held: dict[Place, Decimal] = {}
    stops: dict[str, tuple[Place, Decimal]] = {}  # order id -> where, and what is left of it
    for record in records:
        for event in record.events:
            _take(event, held, stops)
        for place, position in held.items():
            covered = sum((rest for where, rest in stops.values() if where == place), Decimal(0))
            if covered < abs(position):
                yield record.seq, place, position, covered


def _take(event: Event, held: dict[Place, Decimal], stops: dict[str, tuple[Place, Decimal]]) -> None:
    if isinstance(event, PositionChanged):
        held[event.position.desk, event.position.instrument] = event.position.quantity
    elif isinstance(event, OrderSubmitted) and event.order.role is OrderRole.STOP:
        stops[event.order.id] = (_place(event.order), event.order.remaining)
    elif isinstance(event, OrderReported):
        report = event.report
        if isinstance(report, Filled) and report.order_id in stops:
            place, rest = stops[report.order_id]
            stops[report.order_id] = (place, rest - report.quantity)
        elif isinstance(report, Amended) and report.order_id in stops:
            stops[report.order_id] = (stops[report.order_id][0], report.quantity)
        elif isinstance(report, Canceled | Expired) or (isinstance(report, Rejected) and report.of == "order"):
            stops.pop(report.order_id, None)


def _place(order: Order) -> Place:
    return order.desk, order.instrument
