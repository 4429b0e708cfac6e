"""Requests and views of every size, for risk rules: mostly ordinary, some at or over a limit, always the same."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from random import Random
from typing import Any

from loligo.api import DAY_NS, Candle, ClosedTrade, OrderKind, OrderRequest, Side
from loligo_testing import tape
from loligo_testing.views import FilledRiskView

_on_tick = tape.BTC.price


def rule_calls(count: int) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yield requests and views, mostly ordinary, some at or over a limit."""
    random = Random(11)
    for number, each in enumerate(tape.walk(count, seed=11)):
        view = _risk_view(random, each)
        yield "check", (_request(random, each.close), view)
        yield "watch", (view,)
        if number % 7 == 3:
            yield "on_trade_closed", (_closed(random, each), view)


def _risk_view(random: Random, each: Candle) -> FilledRiskView:
    equity = random.uniform(5_000.0, 15_000.0)
    position = Decimal(random.choice((0, 0, 0, 1, 5))) * Decimal("1.5")
    return FilledRiskView(
        ts=each.ts,
        price=each.close,
        equity=equity,
        position=position,
        average_entry=each.close * random.uniform(0.95, 1.05) if position else 0.0,
        pending_entries=Decimal(random.choice((0, 0, 1))),
        available=Decimal(round(equity * random.uniform(0.0, 1.0), 2)).quantize(Decimal("0.01")),
        open_positions=random.choice((0, 1, 2, 3)),
        trades_today=random.randrange(0, 25),
        consecutive_losses=random.randrange(0, 5),
        left_instrument_at_ns=random.choice((0, each.ts - DAY_NS, each.ts - 60_000_000_000)),
        account_equity=equity * 10.0,
        account_day_start_equity=equity * random.uniform(9.5, 10.8),
        account_peak_equity=equity * random.uniform(10.0, 12.5),
        account_exposure=equity * random.uniform(0.0, 12.0),
        orders_last_minute=random.randrange(0, 150),
        stops=random.randrange(0, 6),
        net=random.uniform(-900.0, 300.0),
    )


def _request(random: Random, price: float) -> OrderRequest:
    is_limit = random.random() < 0.4
    limit = _on_tick(price * random.uniform(0.9, 1.0)) if is_limit else None
    stop = _on_tick(price * random.uniform(0.85, 0.99)) if random.random() < 0.9 else None
    return OrderRequest(
        instrument=tape.BTC.id,
        side=Side.BUY,
        quantity=Decimal(random.randrange(1, 40)) / 4,
        kind=OrderKind.LIMIT if is_limit else OrderKind.MARKET,
        limit_price=limit,
        stop_loss_price=stop,
        is_whole_position_stop=random.random() < 0.2,
        strength=round(random.uniform(0.3, 1.0), 3),
        leverage=Decimal(random.choice((1, 1, 1, 3))),
    )


def _closed(random: Random, each: Candle) -> ClosedTrade:
    net = Decimal(random.randrange(-50, 50))
    price = _on_tick(each.close)
    return ClosedTrade(
        desk="test",
        account="paper",
        instrument=tape.BTC.id,
        side=Side.BUY,
        quantity=Decimal(1),
        entry_price=price,
        exit_price=price + net,
        opened_at_ns=each.opened_at_ns,
        closed_at_ns=each.ts,
        gross=net,
        fees=Decimal(0),
        funding=Decimal(0),
        net=net,
        exit_role=random.choice(("stop", "target", "exit")),
        entry_order_id="test-1",
    )
