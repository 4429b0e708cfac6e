"""The check called `contract`: what a kind has to hold that no other has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from decimal import Decimal
from math import nan
from typing import Any

from loligo.api import Outcome, Verdict
from loligo.errors import TENTACLE_FAULTS
from loligo.model.order import OrderRole
from loligo_testing import tape
from loligo_testing.checks.answers import NOTHING
from loligo_testing.checks.bench import Bench
from loligo_testing.checks.edges import NAME, automation, feed, notifier, venue
from loligo_testing.report import Check, failed, not_applicable, passed
from loligo_testing.subject import Subject
from loligo_testing.views import FilledRiskView


def contract(bench: Bench) -> Check:
    """Check what the kind of the tentacle has to hold beside."""
    check = _OF.get(bench.subject.kind)
    if check is None:
        return not_applicable(NAME, f"there is none for a {bench.subject.kind} beyond what the other checks ask")
    return check(bench)


def _evaluator(bench: Bench) -> Check:
    """Warm after `warmup`: from there on it must not matter where it began."""
    candles = [given[0] for name, given in bench.calls if name == "on_candle"]
    warmup = getattr(bench.subject.make(), "warmup", None)
    if not isinstance(warmup, int) or warmup < 0:
        return failed(
            NAME, f"warmup is {warmup!r}", "set warmup to the inputs until it no longer matters where it began"
        )
    if not candles or warmup >= len(candles):
        return passed(NAME, f"warmup {warmup}")
    first = next(
        (n for n, call in enumerate(bench.calls) if bench.answers[n] != NOTHING and call[0] == "on_candle"), None
    )
    if first is not None and first + 1 > warmup + 1 and warmup:
        told = f"warmup is {warmup}, its first opinion comes with candle {first + 1}"
        return failed(
            NAME, told, "declare as warmup all candles that it needs: a bot that starts feeds it just as many"
        )
    late = bench.subject.make()
    start = max(0, len(candles) // 4)
    said = [late.on_candle(candle) for candle in candles[start:]]
    whole = bench.subject.make()
    own = [whole.on_candle(candle) for candle in candles][start:]
    apart = [
        abs(a.value - b.value) for a, b in list(zip(said, own, strict=True))[warmup:] if a is not None and b is not None
    ]
    if (
        any((a is None) != (b is None) for a, b in list(zip(said, own, strict=True))[warmup:])
        or max(apart, default=0.0) > 0.05
    ):
        told = f"begun {start} candles later, {warmup} candles on it differs by {max(apart, default=nan):.3f}"
        return failed(NAME, told, "declare a longer warmup: it has not forgotten where it began")
    return passed(
        NAME, f"warmup {warmup}; begun {start} candles later its opinion is {max(apart, default=0.0):.1e} off"
    )


def _trading_mode(bench: Bench) -> Check:
    requests = bench.run.requests
    entries = [request for request in requests if request.role is OrderRole.ENTRY]
    bare = [each for each in entries if each.stop_loss_price is None and each.trailing_stop_rate is None]
    if bare:
        told = f"{len(bare)} of {len(entries)} entries carry no stop, the first {bare[0].side} {bare[0].quantity}"
        return failed(NAME, told, "give every entry a stop_loss_price: risk refuses those without")
    instrument = tape.BTC
    if instrument is not None:
        for each in requests:
            prices = (each.limit_price, each.trigger_price, each.stop_loss_price, each.take_profit_price)
            if any(price is not None and instrument.price(price) != price for price in prices):
                return failed(NAME, f"{each} has a price off the tick", "round prices by view.instrument.price")
            if instrument.quantity(each.quantity) != each.quantity:
                return failed(
                    NAME, f"quantity {each.quantity} is off the lot", "round quantities by view.instrument.quantity"
                )
    if not entries:
        return not_applicable(NAME, f"no entry among {len(requests)} requests")
    return passed(NAME, f"{len(entries)} entries, all with a stop; {len(requests)} requests on tick and lot")


# Risk rules


class _Watched:
    """A view that notes which numbers a rule reads, and gives NaN for one of them."""

    def __init__(self, view: FilledRiskView, spoilt: str = "") -> None:
        self._view, self._spoilt, self.read = view, spoilt, set[str]()

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._view, name)
        if name in _NUMBERS:
            self.read.add(name)
            return nan if name == self._spoilt else value
        return value


_NUMBERS = frozenset(each.name for each in fields(FilledRiskView) if each.type in ("float", float)) - {"net"}


def _risk_rule(bench: Bench) -> Check:
    """A rule does not let through what it cannot judge, and never more than was asked for."""
    spoilt = passes = 0
    for name, given in bench.calls:
        if name != "check":
            continue
        request, view = given
        rule, watched = bench.subject.make(), _Watched(view)
        verdict = rule.check(request, watched)
        reduced = verdict.quantity
        if verdict.outcome is Outcome.REDUCED and not (
            reduced is not None and Decimal(0) < reduced <= request.quantity
        ):
            return failed(
                NAME, f"{request.quantity} was reduced to {reduced}", "reduce to more than 0 and less than was asked"
            )
        if verdict.outcome is not Outcome.PASSED:
            continue
        passes += 1
        for number in sorted(watched.read):
            spoilt += 1
            if _passes(bench.subject, request, _Watched(view, number)):
                told = f"with view.{number} = nan it lets {request.side} {request.quantity} through"
                return failed(NAME, told, "refuse what cannot be judged: a comparison with NaN is never true")
    return passed(NAME, f"{passes} requests passed; {spoilt} times a number that it read was NaN, none of them passed")


def _passes(subject: Subject, request: Any, view: _Watched) -> bool:
    try:
        verdict: Verdict = subject.make().check(request, view)
    except TENTACLE_FAULTS:  # the gate refuses then
        return False
    return verdict.outcome is Outcome.PASSED


_OF: dict[str, Callable[[Bench], Check]] = {
    "evaluator": _evaluator,
    "trading_mode": _trading_mode,
    "risk_rule": _risk_rule,
    "feed": feed,
    "notifier": notifier,
    "automation": automation,
    "venue": venue,
}
