"""The closed trades of an A/B test as plain data: what figures of trades are computed from, and their files list.

Amounts are in quote units, exact; `quote_rate` is what one was worth in the reference currency when the trade closed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from math import nan
from typing import Any

import msgspec

from loligo.api import DataError, iso
from loligo_lab.csv_table import csv_table
from loligo_lab.experiment import Figure, figures_of_trades

COLUMNS = (
    *("arm", "instrument", "side", "opened_at", "closed_at", "quantity", "entry_price", "exit_price"),
    *("gross", "fees", "funding", "net", "quote_rate", "reason"),
)
_TEXTS = ("arm", "instrument", "side", "reason")


class ArmTrade(msgspec.Struct, frozen=True, kw_only=True):
    """A round trip of an arm, closed on a day of the test; `net = gross - fees - funding`."""

    arm: str
    instrument: str
    side: str  # of the entry: buy or sell
    opened_at_ns: int
    closed_at_ns: int
    quantity: Decimal
    entry_price: Decimal
    exit_price: Decimal
    gross: Decimal
    fees: Decimal
    funding: Decimal
    net: Decimal
    quote_rate: float | None  # None: not known
    reason: str  # what closed it: stop, target, trail, exit, flatten, liquidation

    @property
    def worth(self) -> float:
        """Return what it brought after fees, in the reference currency; NaN where the rate is not known."""
        return nan if self.quote_rate is None else float(self.net) * self.quote_rate


def arm_trade(arm: str, closed: Mapping[str, Any]) -> ArmTrade:
    """Return a closed trade, given by the names of `ClosedTrade`, as one of an arm."""
    rate = closed["quote_rate"]
    same = {name: closed[name] for name in ArmTrade.__struct_fields__ if name in closed}
    known = None if rate is None or rate != rate else rate
    return ArmTrade(
        **{**same, "arm": arm, "side": str(closed["side"]), "quote_rate": known, "reason": closed["exit_role"]}
    )


def figures_by_trades(trades: Sequence[ArmTrade]) -> list[Figure]:
    """Return the figures that come of the trades of every arm; of each arm they stand in the order in which they
    closed."""
    nets: dict[str, list[float]] = {}
    for one in trades:
        nets.setdefault(one.arm, []).append(one.worth)
    return [figure for arm, own in nets.items() for figure in figures_of_trades(arm, own)]


def trades_in(told: Mapping[str, Any]) -> list[ArmTrade]:
    """Return the trades of a document. DataError when they are none."""
    try:
        return msgspec.convert(told.get("trades", []), list[ArmTrade])
    except msgspec.ValidationError as exc:
        raise DataError(f"not an exported experiment: {exc}") from exc


def trades_csv(told: Mapping[str, Any]) -> str:
    """Return a row for each closed trade, as they closed, arm by arm."""
    rows = (_row(one) for one in trades_in(told))
    return csv_table(COLUMNS, rows, _TEXTS)


def _row(one: ArmTrade) -> list[Any]:
    times = {"opened_at": iso(one.opened_at_ns), "closed_at": iso(one.closed_at_ns)}
    return [times[name] if name in times else _plain(getattr(one, name)) for name in COLUMNS]


def _plain(value: Any) -> Any:
    return f"{value:f}" if isinstance(value, Decimal) else value
