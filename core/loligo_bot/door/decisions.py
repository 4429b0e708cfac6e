"""Verbs on what was decided and what was not: decisions, why_nothing, evaluations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from pydantic import Field

from loligo.model.timeframe import DAY_NS, iso, ns_from_iso
from loligo.ports.door import Answer
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Offer, reading
from loligo_bot.door.pages import Desk, Listing, OfInstrument, Paged, Pages, Part, Span, brief, page, shaped
from loligo_bot.explain import reason_text
from loligo_store.projections import Row

SCANNED = 5_000  # signals that one page looks through for those of a result
OF_ONE_INPUT = 10_000  # events of one input at most, among which what came of a signal is looked for

Result = Literal["ordered", "refused", "declined", "asked", "nothing"]
_ASKED = "consent_asked"


class DecisionRow(Part):
    """A decision of a strategy, and what came of it; the declined ones of a day are one row for each reason."""

    seq: int
    time: str
    desk: str
    instrument: str
    result: Result
    direction: str = Field(description='long, short or flat; "" of what was declined')
    confidence: float | None
    code: str = Field(description="the strategy's reason, or that of whoever declined")
    numbers: list[float] = Field(description="behind the reason")
    by: str = Field(description="who refused (rule) or declined (strategy or mode)")
    why_not: str = Field(description="reason of a refusal")
    order_id: str
    count: int = Field(description="so often on that day; the seq is of the first one")


class DecisionsAsked(Listing):
    """Which decisions."""

    result: Result | None = Field(
        default=None, description="ordered, refused, declined, asked (a person, for consent) or nothing"
    )


class Decisions(Paged):
    """Decisions, newest first."""

    decisions: list[DecisionRow]

    def lines(self) -> Sequence[str]:
        return [_decision_line(one) for one in self.decisions] or ["no decisions"]


def _decision_line(one: DecisionRow) -> str:
    head = f"{brief(one.time)} {one.seq} {one.desk} {one.instrument}"
    if one.result == "declined":
        return f"{head}: {one.by} declined {one.count} times: {one.code}"
    came = {"ordered": f"order {one.order_id}", "refused": f"refused by {one.by}: {one.why_not}"}
    came["asked"] = "a person was asked for consent"
    return f"{head}: {one.direction} {one.confidence or 0:.2f}, {one.code}; {came.get(one.result, 'no order followed')}"


def decisions(inside: Inside, given: DecisionsAsked) -> Decisions:
    """A page holds at most what `SCANNED` signals have of a result; `next_before` leads on all the same."""
    found: list[DecisionRow] = []
    signals, next_before = _signals(inside, given) if given.result != "declined" else ([], None)
    found += [row for row in signals if given.result in (None, row.result)]
    if given.result in (None, "declined"):
        rows, older = page(inside, "declined", given)
        found += [_declined(row) for row in rows]
        next_before = next_before or older
    found.sort(key=lambda one: -one.seq)
    shown = found[: given.limit]  # of both kinds a whole page was read, so what is newest is all there
    return Decisions(decisions=shown, next_before=shown[-1].seq if len(found) > len(shown) else next_before)


def _declined(row: Row) -> DecisionRow:
    more: dict[str, Any] = {
        "result": "declined",
        "direction": "",
        "confidence": None,
        "numbers": [],
        "why_not": "",
        "order_id": "",
    }
    return shaped(DecisionRow, row, **more, seq=row["first_seq"])


def _signals(inside: Inside, given: DecisionsAsked) -> tuple[list[DecisionRow], int | None]:
    """Return signals with what came of them; with a result enough of them that a page may be full."""
    limit = given.limit if given.result is None else SCANNED
    rows, next_before = page(inside, "decisions", given.model_copy(update={"limit": limit}))
    if not rows:
        return [], None
    between: dict[str, Any] = {"above": {"seq": rows[-1]["seq"]}, "below": {"seq": rows[0]["seq"] + OF_ONE_INPUT}}
    refused = _first(inside.rows.rows("refusals", desk=given.desk, **between), "ts", "seq")
    between = {name: {"first_seq": bound["seq"]} for name, bound in between.items()}
    chosen = inside.rows.rows("orders", desk=given.desk, where={"role": ("entry", "exit")}, **between)
    ordered = _first(chosen, "created_at_ns", "first_seq")
    return [_signal(row, refused, ordered) for row in rows], next_before


_Place = tuple[str, str, int]


def _first(rows: Iterable[Row], at: str, seq: str) -> dict[_Place, Row]:
    """Return by desk, instrument and instant what came first: a strategy decides once per instant."""
    found: dict[_Place, Row] = {}
    for row in rows:
        found.setdefault((row["desk"], row["instrument"], row[at]), row | {"at_seq": row[seq]})
    return found


def _signal(row: Row, refused: dict[_Place, Row], ordered: dict[_Place, Row]) -> DecisionRow:
    place = row["desk"], row["instrument"], row["ts"]
    order, refusal = (found.get(place) for found in (ordered, refused))
    order = order if order and order["at_seq"] > row["seq"] else None
    refusal = refusal if refusal and refusal["at_seq"] > row["seq"] and order is None else None
    return shaped(
        DecisionRow,
        row,
        result="ordered" if order else _result(refusal),
        confidence=row["strength"],
        by=f"{refusal['rule']} ({refusal['tier']})" if refusal else "",
        why_not=reason_text(refusal["code"], refusal["numbers"]) if refusal else "",
        order_id=order["id"] if order else "",
        count=1,
    )


def _result(refusal: Row | None) -> Result:
    return "nothing" if refusal is None else "asked" if refusal["code"] == _ASKED else "refused"


class NothingAsked(Span):
    """Of what and when."""

    desk: Desk = None
    instrument: OfInstrument = None


class Reason(Part):
    """How often one reason kept a desk from trading."""

    desk: str
    instrument: str
    what: Literal["refused", "declined"]
    by: str
    code: str
    count: int
    newest_seq: int
    newest: str = Field(description="when it last did")


class WhyNothing(Answer):
    """Why there were no more orders: what strategies and modes declined and rules refused, the most frequent first."""

    reasons: list[Reason]

    def lines(self) -> Sequence[str]:
        return [
            f"{one.count} times {one.what} by {one.by}: {one.code}; {one.desk} {one.instrument}, {brief(one.newest)}"
            for one in self.reasons
        ] or ["nothing was declined or refused"]


def why_nothing(inside: Inside, given: NothingAsked) -> WhyNothing:
    """Declined decisions are counted by whole days (UTC)."""
    above, below = given.bounds()
    where = {"instrument": given.instrument} if given.instrument else {}
    days_above = {"day": ns_from_iso(given.since) // DAY_NS - 1} if given.since else {}
    days_below = {"day": -(-ns_from_iso(given.until) // DAY_NS)} if given.until else {}
    found: dict[tuple[str, str, str, str, str], list[Row]] = {}
    for row in inside.rows.rows("declined", desk=given.desk, where=where, above=days_above, below=days_below):
        found.setdefault((row["desk"], row["instrument"], "declined", row["by"], row["code"]), []).append(row)
    for row in inside.rows.rows("refusals", desk=given.desk, where=where, above=above, below=below):
        if row["code"] == _ASKED:
            continue  # what came of it is another row, or an order
        key = (row["desk"], row["instrument"], "refused", row["rule"], row["code"])
        found.setdefault(key, []).append(row | {"count": 1})
    reasons = [_reason(key, rows) for key, rows in found.items()]
    return WhyNothing(reasons=sorted(reasons, key=lambda one: -one.count))


def _reason(key: tuple[str, str, str, str, str], rows: Sequence[Row]) -> Reason:
    terms = dict(zip(("desk", "instrument", "what", "by", "code"), key, strict=True))
    newest = max(rows, key=lambda row: row["seq"])
    count = sum(row["count"] for row in rows)
    return Reason.model_validate({**terms, "count": count, "newest_seq": newest["seq"], "newest": iso(newest["ts"])})


class EvaluationsAsked(Pages):
    """Which evaluations."""

    instrument: OfInstrument = None
    timeframe: str | None = Field(default=None, description="only of candles of this timeframe, such as 1h")
    evaluator: str | None = Field(default=None, description='only this one: "rsi", or its whole label')


class Opinion(Part):
    """What one evaluator said."""

    seq: int
    evaluator: str = Field(description="its label: name, instrument, timeframe")
    value: float = Field(description="-1 strongly bearish to +1 strongly bullish")
    code: str


class EvaluationRow(Part):
    """What was said of one input."""

    seq: int
    time: str
    at_ms: int
    instrument: str
    timeframe: str
    evaluations: list[Opinion]


class Evaluations(Paged):
    """Opinions, newest first."""

    rows: list[EvaluationRow]

    def lines(self) -> Sequence[str]:
        return [
            f"{brief(row.time)} {one.evaluator}: {one.value:+.3f} {one.code}"
            for row in self.rows
            for one in row.evaluations
        ] or ["no evaluations"]


def evaluations(inside: Inside, given: EvaluationsAsked) -> Evaluations:
    rows, next_before = page(inside, "evaluations", given, instrument=given.instrument, timeframe=given.timeframe)
    told = [_evaluation(row, given.evaluator) for row in rows]
    return Evaluations(rows=[row for row in told if row.evaluations], next_before=next_before)


def _evaluation(row: Row, evaluator: str | None) -> EvaluationRow:
    fields = ("seq", "evaluator", "value", "code")
    said_ = [Opinion(**dict(zip(fields, one, strict=True))) for one in row["evaluations"]]
    wanted = [
        one for one in said_ if evaluator in (None, one.evaluator, one.evaluator.partition(" ")[0].partition("#")[0])
    ]
    return shaped(EvaluationRow, row, evaluations=wanted, at_ms=row["ts"] // 1_000_000)


OFFERS: tuple[Offer, ...] = (
    reading("decisions", "what strategies decided and what came of it", DecisionsAsked, Decisions, decisions),
    reading(
        "why_nothing", "why there were no orders: what was declined and refused", NothingAsked, WhyNothing, why_nothing
    ),
    reading("evaluations", "what evaluators said", EvaluationsAsked, Evaluations, evaluations),
)
