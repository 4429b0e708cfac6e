"""What happened at a price and an instant, as a chart marks it: fills with what they came to, orders that came to
nothing, entries that were refused. From the read models, the newest first to be kept where there are too many."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import Field

from loligo.model.order import OrderRole
from loligo.model.timeframe import iso
from loligo_bot.door.inside import Inside
from loligo_bot.door.pages import Part, brief, plain
from loligo_bot.explain import reason_text
from loligo_store.projections import Row

MOST = 300  # of each kind
MS_NS = 1_000_000
_NOTHING = ("canceled", "expired", "rejected")  # how orders end without a fill


class Mark(Part):
    """One thing that happened; `seq` is where `why` tells the story of it."""

    at_ms: int
    seq: int
    kind: str = Field(description="a fill: entry, exit, stop, target, ...; or canceled, expired, rejected, refused")
    side: str = Field(description='buy, sell, or "" where it is not known')
    desk: str
    price: float | None
    quantity: str = Field(description='base units; "" of a refusal')
    net: float | None = Field(description="what the round trip came to that ended here, in quote units")
    is_fill: bool
    text: str

    def line(self) -> str:
        return f"{brief(iso(self.at_ms * MS_NS))} {self.desk}: {self.text}; /why_{self.seq}"


def marks_between(inside: Inside, instrument: str, from_ns: int, to_ns: int) -> tuple[list[Mark], bool]:
    """Return what happened after one instant and up to another, oldest first, and whether there was too much."""
    span: dict[str, Any] = {"above": {"ts": from_ns}, "below": {"ts": to_ns + 1}, "limit": MOST}
    of = {"instrument": instrument}
    fills = inside.rows.rows("fills", where=of, **span)
    ended = inside.rows.rows(
        "orders", where={**of, "state": _NOTHING, "role": (OrderRole.ENTRY, OrderRole.EXIT)}, **span
    )
    refused = inside.rows.rows("refusals", where=of, **span)
    results = _results(fills, inside.rows.rows("trades", where=of, **span))
    found = [*(_filled(row, results.get(row["seq"])) for row in fills), *map(_ended, ended), *map(_refused, refused)]
    is_full = any(len(rows) == MOST for rows in (fills, ended, refused))
    return sorted(found, key=lambda one: (one.at_ms, one.seq)), is_full


def _results(fills: Iterable[Row], trades: Iterable[Row]) -> dict[int, float]:
    """Return by the seq of a fill what the round trip came to that it ended: that is told right after it."""
    last: dict[str, Row] = {}
    found: dict[int, float] = {}
    for row in sorted([*fills, *trades], key=lambda one: int(one["seq"])):
        if "fill_id" in row:
            last[row["desk"]] = row
        elif (fill := last.get(row["desk"])) is not None and fill["ts"] == row["ts"]:
            found[fill["seq"]] = float(row["net"])
    return found


def _filled(row: Row, net: float | None) -> Mark:
    return _mark(row, row["role"] or "fill", net=net, is_fill=True, text=_fill_text(row, net))


def _fill_text(row: Row, net: float | None) -> str:
    what = f"{row['role'] or 'fill'} {row['side'] or ''}".strip()
    came = f", net {net:+,.2f}" if net is not None else ""
    return f"{what} {plain(row['quantity'])} at {plain(row['price'])}{came}"


def _ended(row: Row) -> Mark:
    price = row["limit_price"] if row["limit_price"] is not None else row["trigger_price"]
    at = f" at {plain(price)}" if price is not None else ""
    text = f"{row['role']} {row['side']} {plain(row['quantity'])}{at} {row['state']}: {row['reason']}".rstrip(": ")
    return _mark({**row, "price": price}, row["state"], text=text)


def _refused(row: Row) -> Mark:
    text = f"entry refused by {row['rule']}: {reason_text(row['code'], row['numbers'])}"
    return _mark({**row, "side": "", "price": None, "quantity": None}, "refused", text=text)


def _mark(row: Row, kind: str, *, text: str, net: float | None = None, is_fill: bool = False) -> Mark:
    return Mark(
        at_ms=row["ts"] // MS_NS,
        seq=row["seq"],
        kind=kind,
        side=row["side"] or "",
        desk=row["desk"],
        price=None if row["price"] is None else float(row["price"]),
        quantity=plain(row["quantity"]),
        net=net,
        is_fill=is_fill,
        text=text,
    )
