"""Why something happened: one walk up the causes of an event, what was looked at on the way, and what came of it.

candle → evaluations → decision → request → risk checks → approval or refusal → order → fills → trade
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec

from loligo.errors import JournalError
from loligo.model import events as ev
from loligo.model.market import Candle, ExternalSignal
from loligo.model.timeframe import SECOND_NS, iso
from loligo_bot.looked_at import DeskEvaluators, looked_at
from loligo_store.reader import JournalReader
from loligo_store.rows import ProjectionReader

LONGEST_SEQ = 18  # digits: more do not fit into the databases' integer
MOST_HEARD = 50  # signals from outside, to find the newest one behind an opinion
LONGEST_TEXT = 120  # of a signal from outside
ROUNDED_FROM = 999.5  # three digits of such a number are no longer those before its point
PAUSED = "paused"  # code of a refusal whose number is when the pause ends
SHARES = frozenset({  # codes of risk rules whose two numbers are shares: what was found, and the limit
    "daily_loss", "drawdown", "exposure", "position_size", "price_collar", "stop", "stop_too_far",
    "whole_position_loss", "whole_position_stop",
})  # fmt: skip
STRATEGY = "strategy"  # who declined, where it was no trading mode
Step = dict[str, Any]  # seq, at, step, text, event


class Then(Protocol):
    """The settings and the code that ran at a seq of the journal."""

    def evaluators(self, desk: str, seq: int) -> DeskEvaluators: ...
    def number_names(self, evaluator: str, seq: int) -> Sequence[str]: ...


def explain(ident: str, journal: JournalReader, rows: ProjectionReader, then: Then) -> dict[str, Any]:
    """Return the story of a seq, an order, a fill or a command. JournalError if the journal has no such thing."""
    is_seq = ident.isdecimal() and len(ident) <= LONGEST_SEQ
    seq = int(ident) if is_seq else rows.seq_of(ident)
    if seq is None:
        raise JournalError(f'"{ident}" is no seq, order, fill or command of this journal; see `loligo journal show`')
    told = dict(_causes(journal, seq)) | _at_once(journal, seq)
    for link, event in list(told.items()):
        told |= _beside(journal, rows, link, event)
        if isinstance(event, ev.DecisionDeclined) and event.by == STRATEGY:
            record, _event = journal.find(link)
            desk = then.evaluators(event.desk, link)
            told |= {one.seq: one for one in looked_at(event, record.events, desk, rows, journal)}
    told |= _sent_later(journal, rows, [event for event in told.values() if isinstance(event, ev.OrderHeld)])
    for order_id in dict.fromkeys(
        event.order.id for event in list(told.values()) if isinstance(event, ev.OrderSubmitted)
    ):
        told |= _after(journal, rows, order_id)
    steps = [_step(number, event, then) for number, event in sorted(told.items())]
    return {"ok": True, "id": ident, "seq": seq, "steps": steps}


def _sent_later(journal: JournalReader, rows: ProjectionReader, held: Sequence[ev.OrderHeld]) -> dict[int, Any]:
    """Return how orders that waited went to their venues: on the way back from the newest that is known of each."""
    found: dict[int, Any] = {}
    for row in (row for event in held for row in rows.rows("orders", where={"id": event.order.id})):
        way = _causes(journal, row["seq"])
        found |= {
            seq: event for seq, event in way if isinstance(event, ev.OrderSubmitted) and event.order.id == row["id"]
        }
    return found


def _causes(journal: JournalReader, seq: int) -> list[tuple[int, Any]]:
    """Return the event and what led to it, back to the input, newest first."""
    chain: list[tuple[int, Any]] = []
    while True:
        record, event = journal.find(seq)
        chain.append((seq, event))
        if seq == record.seq:
            return chain
        seq = event.cause  # type: ignore[union-attr]


def _at_once(journal: JournalReader, seq: int) -> dict[int, Any]:
    """Return what came of an input at once, and that of the input of an opinion; of anything else nothing."""
    record, event = journal.find(seq)
    if seq != record.seq and not isinstance(event, ev.Evaluated):
        return {}
    return {one.seq: one for one in record.events if not isinstance(one, _BOOKED)}


def _beside(journal: JournalReader, rows: ProjectionReader, seq: int, event: Any) -> dict[int, Any]:
    """Return what belongs to a link of the chain: the board of a decision, the checks and the end of a request."""
    found: dict[int, Any] = {}
    if isinstance(event, ev.SignalRaised):
        for number in filter(None, event.board):
            found[number] = journal.find(number)[1]
            found |= _heard(journal, rows, number)
    if isinstance(event, ev.OrderRequested | ev.SignalRaised):
        record, _event = journal.find(seq)
        roots = {seq}
        for other in record.events:
            if other.cause in roots and isinstance(other, _DECIDED):
                roots.add(other.seq)
                found[other.seq] = other
    return found


def _heard(journal: JournalReader, rows: ProjectionReader, seq: int) -> dict[int, Any]:
    """Return the signal from outside behind an opinion, and what was made of it when it came, if there is one."""
    record, opinion = journal.find(seq)
    if isinstance(record.input, ExternalSignal):
        return {record.seq: record.input}
    if not isinstance(opinion, ev.Evaluated) or not isinstance(record.input, Candle):
        return {}
    of = {"instrument": (record.input.instrument, ""), "timeframe": ""}
    for row in reversed(rows.rows("evaluations", where=of, below={"seq": record.seq}, limit=MOST_HEARD)):
        for number, label, _value, _code in row["evaluations"]:
            if label == opinion.evaluator:
                said, first = journal.find(number)
                return {said.seq: said.input, number: first} if isinstance(said.input, ExternalSignal) else {}
    return {}


_DECIDED = (
    ev.OrderRequested,
    ev.RiskChecked,
    ev.Approved,
    ev.ConsentAsked,
    ev.Refused,
    ev.OrderHeld,
    ev.OrderSubmitted,
    ev.DecisionDeclined,
)


_BOOKED = (ev.LedgerPosted, ev.PositionChanged, ev.EquityMarked, ev.TimerSet)


def _after(journal: JournalReader, rows: ProjectionReader, order_id: str) -> dict[int, Any]:
    """Return the fills of an order, the protective orders it got, their fills, and the trade it became."""
    found: dict[int, Any] = {}
    children = rows.rows("orders", where={"parent_id": order_id})
    for child in children:
        found[child["first_seq"]] = journal.find(child["first_seq"])[1]
    for name in (order_id, *(child["id"] for child in children)):
        for fill in rows.rows("fills", where={"order_id": name}):
            found[fill["seq"]] = journal.find(fill["seq"])[1]
    for trade in rows.rows("trades", where={"entry_order_id": order_id}):
        found[trade["seq"]] = journal.find(trade["seq"])[1]
    return found


def _step(seq: int, event: Any, then: Then) -> Step:
    if isinstance(event, ev.Evaluated):
        name, text = _opinion(event, then.number_names(event.evaluator, seq))
    else:
        name, text = described(event)
    return {"seq": seq, "at": iso(event.ts), "step": name, "text": text, "event": msgspec.to_builtins(event)}


def described(event: Any) -> tuple[str, str]:
    """Return the name of an event and its content in words."""
    kind = type(event)
    if kind in _WORDS:
        return _WORDS[kind](event)
    name = str(event.__struct_config__.tag or kind.__name__)
    shown = {key: getattr(event, key) for key in event.__struct_fields__ if key not in ("seq", "ts", "cause", "desk")}
    return name, ", ".join(f"{key} {_short(value)}" for key, value in shown.items())


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def reason_text(code: str, numbers: Sequence[float] = (), names: Sequence[str] = ()) -> str:
    """Return a reason as people say it. Two numbers without names are what was found and what was wanted; that of a
    pause is the instant at which it ends."""
    if names and numbers:
        return f"{code.replace('_', ' ')}: {named_figures(numbers, names)}"
    if code == PAUSED and len(numbers) == 1:
        return f"paused until {_minute(int(numbers[0])) if numbers[0] else 'a person resumes'}"
    if code in SHARES and len(numbers) == 2:
        found, wanted = _percents(*numbers)
        sign = "=" if found == wanted else ">" if numbers[0] > numbers[1] else "<"
        return f"{code.replace('_', ' ')} {found} {sign} {wanted}"
    joined = " against " if len(numbers) == 2 else ", "
    return f"{code.replace('_', ' ')} {joined.join(figures(numbers))}".strip()


def _minute(at_s: int) -> str:
    """Return an instant as the first minute that has come by then: what ends there has ended."""
    return iso(-(-at_s // 60) * 60 * SECOND_NS)[:16].replace("T", " ")


def _percents(*shares: float) -> list[str]:
    """Return shares as percent, with more digits where two that differ look alike."""
    shown = [f"{share * 100:.3g} %" for share in shares]
    return shown if len({*shown}) == len({*shares}) else [f"{share * 100:.7g} %" for share in shares]


def named_figures(numbers: Sequence[float], names: Sequence[str]) -> str:
    """Return numbers with the names that an evaluator's manifest gives them (`[draw]`); one beyond the named is what
    the last of them is held against."""
    shown = figures(numbers)
    named = ", ".join(f"{name} {number}" for name, number in zip(names, shown, strict=False))
    return " against ".join(filter(None, (named, ", ".join(shown[len(names) :]))))


def figures(numbers: Sequence[float]) -> list[str]:
    """Return numbers with three digits or all before the point, and with more where two that differ look alike."""
    shown = [f"{number:.3g}" if abs(number) < ROUNDED_FROM else f"{number:,.0f}" for number in numbers]
    return shown if len({*shown}) == len({*numbers}) else [f"{number:,.7g}" for number in numbers]


def _request(request: Any) -> str:
    price = request.limit_price or request.trigger_price
    parts = [f"{request.role} {request.side} {request.quantity} {request.instrument} {request.kind}"]
    parts += [f"at {price}"] if price is not None else []
    parts += [f"stop {request.stop_loss_price}"] if getattr(request, "stop_loss_price", None) is not None else []
    parts += [f"target {request.take_profit_price}"] if getattr(request, "take_profit_price", None) is not None else []
    return ", ".join(parts) + (f"; {request.code}" if request.code else "")


def _candle(candle: Candle) -> tuple[str, str]:
    prices = f"open {candle.open:g}, high {candle.high:g}, low {candle.low:g}, close {candle.close:g}"
    return "candle", f"{candle.instrument} {candle.timeframe}: {prices}, volume {candle.volume:g}"


def _external(said: ExternalSignal) -> tuple[str, str]:
    score = "" if said.score is None else f" {said.score:+.3g}"
    good = f", good for {said.ttl_s:g} s" if said.ttl_s else ""
    text = f": {said.text[:LONGEST_TEXT]}" if said.text else ""
    return "outside signal", f"{said.source} says {said.topic}{score} of {said.instrument or 'the market'}{good}{text}"


def _opinion(event: ev.Evaluated, names: Sequence[str] = ()) -> tuple[str, str]:
    said = event.evaluation
    return "evaluation", f"{event.evaluator}: {said.value:+.3f}; {reason_text(said.code, said.numbers, names)}"


def _signal(event: ev.SignalRaised) -> tuple[str, str]:
    signal = event.signal
    why = reason_text(signal.code, signal.numbers)
    return "decision", f"{event.desk}: {signal.direction} {event.instrument}, confidence {signal.strength:.3g}; {why}"


def _declined(event: ev.DecisionDeclined) -> tuple[str, str]:
    why = reason_text(event.declined.code, event.declined.numbers)
    return "declined", f"{event.desk}: {event.by} does not act; {why}"


def _reported(event: ev.OrderReported) -> tuple[str, str]:
    report: Any = event.report
    name = str(report.__struct_config__.tag)
    if name == "filled":
        by = f"; {report.code}" if report.code else ""
        return (
            "fill",
            f"{report.order_id}: {report.quantity} at {report.price}, fee {report.fee} {report.fee_asset}{by}",
        )
    return name, f"{getattr(report, 'order_id', '')} {getattr(report, 'code', '')}".strip()


def _booking(event: ev.LedgerPosted) -> tuple[str, str]:
    lines = [f"{one.amount:+f} {one.asset} to {one.book} of {one.account}" for one in event.postings]
    return "booked", f"{event.kind} {event.ref}: {', '.join(lines)}"


def _trade(event: ev.TradeClosed) -> tuple[str, str]:
    trade = event.trade
    prices = f"{trade.entry_price:f} to {trade.exit_price:f}"
    return (
        "trade",
        f"{trade.side} {trade.quantity} {trade.instrument}, {prices}, closed by {trade.exit_role}, net {trade.net}",
    )


_WORDS: dict[type, Callable[[Any], tuple[str, str]]] = {
    Candle: _candle,
    ExternalSignal: _external,
    ev.Evaluated: _opinion,
    ev.SignalRaised: _signal,
    ev.DecisionDeclined: _declined,
    ev.OrderRequested: lambda e: ("request", f"{e.desk}: {_request(e.request)}"),
    ev.RiskChecked: lambda e: ("check", f"{e.rule} ({e.tier}) {e.outcome}: {reason_text(e.code, e.numbers)}"),
    ev.Approved: lambda e: (
        "approved",
        _request(e.request) + (f"; reduced from {e.reduced_from}" if e.reduced_from is not None else ""),
    ),
    ev.ConsentAsked: lambda e: ("asked", f"a person, until {iso(e.until_ns)}: {_request(e.request)}"),
    ev.Refused: lambda e: ("refused", f"{e.rule} ({e.tier}): {reason_text(e.code, e.numbers)}"),
    ev.OrderHeld: lambda e: (
        "waits",
        f"{e.order.id} would trade with {e.other} of its own account: {_request(e.order)}",
    ),
    ev.OrderSubmitted: lambda e: ("order", f"{e.order.id}: {_request(e.order)}"),
    ev.OrderReported: _reported,
    ev.LedgerPosted: _booking,
    ev.TradeClosed: _trade,
}
