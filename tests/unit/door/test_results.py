"""What trades came to, in the currency of their account."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from loligo.model.timeframe import HOUR_NS, ns_from_iso
from loligo_bot.door.trading import Performance, PerformanceAsked, performance
from tests.fakes.inside import inside

AT_NS = ns_from_iso("2019-07-01")


def trade(net: str, rate: float | None, instrument: str = "kraken:BTC/EUR", fees: str = "1") -> dict[str, Any]:
    """A trade of one hour; its money is in the quote currency, `rate` is what a unit of that is worth."""
    amounts = {"net": Decimal(net), "fees": Decimal(fees), "gross": Decimal(net) + Decimal(fees), "quote_rate": rate}
    times = {"opened_at_ns": AT_NS - HOUR_NS, "closed_at_ns": AT_NS}
    return {"desk": "trend", "account": "paper", "instrument": instrument, **amounts, **times}


def told(*trades: dict[str, Any]) -> Performance:
    accounts = {"paper": SimpleNamespace(reference="USD")}
    engine = SimpleNamespace(portfolio=SimpleNamespace(accounts=accounts))
    rows = SimpleNamespace(rows=lambda *_, **__: list(trades))
    return performance(inside(bot=SimpleNamespace(engine=engine), rows=rows), PerformanceAsked())


def test_results_are_in_the_reference_currency_at_the_rate_of_each_trade() -> None:
    """30 EUR at 1.5 and -8 EUR at 1.25 are 45 - 10 = 35 USD; fees 1.5 + 1.25; won over lost 45 / 10."""
    [result] = told(trade("30", 1.5), trade("-8", 1.25)).results
    assert (result.net, result.fees, result.gross) == (35.0, 2.75, 37.75)
    assert (result.best, result.worst, result.profit_factor) == (45.0, -10.0, 4.5)
    assert (result.trades, result.wins, result.win_share, result.held_s) == (2, 1, 0.5, 3600.0)
    assert result.currency == "USD"


def test_what_a_missing_rate_makes_unknown_is_told_as_unknown() -> None:
    answer = told(trade("30", 1.5), trade("-8", None), trade("4", 1.0, "kraken:ETH/USD"))
    unknown = next(one for one in answer.results if one.of == "kraken:BTC/EUR")
    assert (unknown.net, unknown.profit_factor, unknown.trades, unknown.wins) == (None, None, 2, 1)
    assert "kraken:BTC/EUR: net unknown, 2 trades, 50% won" in answer.lines()
    assert "kraken:ETH/USD: +4.00 USD, 1 trades, 100% won" in answer.lines()


@pytest.mark.parametrize("nets", [["5"], ["5", "0"]])
def test_without_a_loss_there_is_no_profit_factor(nets: list[str]) -> None:
    [result] = told(*(trade(net, 1.0) for net in nets)).results
    assert result.profit_factor is None
