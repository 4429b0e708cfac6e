"""The read models' contract: what each projection says of a short story, and that it is said exactly once."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine, delete, event, update

from loligo.errors import JournalCorrupt, JournalError
from loligo.model.command import (
    GenerationActivated,
    ProbationEnded,
    ShadowStarted,
    ShadowStopped,
    SlotVersion,
    SwapEnded,
    SwapResult,
    TimeAdvanced,
)
from loligo.model.evaluation import Declined, Direction, Signal
from loligo.model.events import (
    Consequence,
    DecisionDeclined,
    OrderReported,
    OrderSubmitted,
    Record,
    SignalRaised,
    SwapStep,
    SwapStepped,
)
from loligo.model.order import Amended, Canceled, Expired, Liquidated, Order, Rejected, Triggered
from loligo.model.portfolio import ClosedTrade, Position
from loligo_store.database import open_engine, writing
from loligo_store.journal import Journal
from loligo_store.projections import PROJECTIONS
from loligo_store.projector import Projector
from loligo_store.schema import journal_block, orders, positions, projection_cursor, trades
from tests.fakes.records import BTC, HOUR, START, numbered, quiet_records, story

DAY = 24 * HOUR


def projected(engine: Engine, records: list[Record]) -> Projector:
    journal = Journal(engine)
    for record in records:
        journal.append(record)
    journal.commit()
    projector = Projector(engine)
    assert projector.catch_up() == len(records)
    return projector


def everything(projector: Projector) -> dict[str, list[dict[str, Any]]]:
    return {name: projector.rows(name) for name in PROJECTIONS}


def order_after(engine: Engine, *reports: Any) -> dict[str, Any]:
    """Return the row of the story's order after `reports`, each an hour after the one before."""
    submitted = next(e for record in story() for e in record.events if isinstance(e, OrderSubmitted))
    events: list[Consequence] = [submitted]
    events += [OrderReported(0, report.ts, 0, "alpha", report) for report in reports]
    return projected(engine, numbered([(TimeAdvanced(START), events)])).rows("orders")[-1]


def test_an_order_shows_its_terms_its_state_and_what_is_filled(engine: Engine) -> None:
    (row,) = projected(engine, story()).rows("orders")
    assert (row["id"], row["desk"], row["side"], row["kind"], row["role"]) == (
        "alpha-1",
        "alpha",
        "buy",
        "limit",
        "entry",
    )
    assert (row["quantity"], row["limit_price"], row["trigger_price"]) == (Decimal("0.30"), Decimal("7193.30"), None)
    assert (row["state"], row["filled"]) == ("filled", Decimal("0.30"))  # 0.10 + 0.20; a cancel came too late
    assert (row["is_post_only"], row["created_at_ns"], row["reason"]) == (False, START + 3 * HOUR, "")


@pytest.mark.parametrize(
    ("report", "state", "reason"),
    [
        (Triggered("alpha-1", START, 7100.0), "triggered", ""),
        (Canceled("alpha-1", START, "oco"), "canceled", "oco"),
        (Expired("alpha-1", START), "expired", ""),
        (Rejected("alpha-1", START, "minimum_notional"), "rejected", "minimum_notional"),
        (Rejected("alpha-1", START, "unknown", (), "amend"), "submitted", ""),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, msgspec.Struct) else None,
)
def test_an_order_follows_its_reports(engine: Engine, report: Any, state: str, reason: str) -> None:
    row = order_after(engine, report)
    assert (row["state"], row["reason"]) == (state, reason)


def test_an_amended_order_has_its_new_terms(engine: Engine) -> None:
    row = order_after(engine, Amended("alpha-1", START, Decimal("0.5"), Decimal("7000"), None))
    assert (row["quantity"], row["limit_price"], row["trigger_price"]) == (Decimal("0.5"), Decimal("7000"), None)


def test_an_order_that_a_venue_made_to_liquidate_is_listed(engine: Engine) -> None:
    submitted = next(e for record in story() for e in record.events if isinstance(e, OrderSubmitted))
    forced = msgspec.structs.replace(submitted.order, id="liquidation-1")
    assert order_after(engine, Liquidated(forced, START, 6000.0))["id"] == "liquidation-1"


def test_a_report_of_a_foreign_order_leaves_no_order(engine: Engine) -> None:
    report = OrderReported(0, START, 0, "", Canceled("not-ours", START, "venue"))
    assert projected(engine, numbered([(TimeAdvanced(START), [report])])).rows("orders") == []


def test_fills_carry_the_instrument_side_and_role_of_their_order(engine: Engine) -> None:
    first, second = projected(engine, story()).rows("fills")
    assert [row["fill_id"] for row in (first, second)] == ["f1", "f2"]
    assert (first["price"], first["quantity"], first["fee"]) == (
        Decimal("7193.30"),
        Decimal("0.10"),
        Decimal("0.719330"),
    )
    assert (first["instrument"], first["side"], first["role"], first["account"]) == (BTC, "buy", "entry", "paper")
    assert (first["is_maker"], first["code"], first["ts"]) == (True, "through", START + 4 * HOUR)


def test_books_show_positions_trades_ledger_and_equity(engine: Engine) -> None:
    projector = projected(engine, story())
    (position,) = projector.rows("positions")
    assert (position["instrument"], position["quantity"], position["ts"]) == (BTC, Decimal("0"), START + 5 * HOUR)
    (trade,) = projector.rows("trades")
    assert (trade["gross"], trade["net"], trade["exit_role"]) == (Decimal("-43.16"), Decimal("-47.46"), "stop")
    assert (trade["side"], trade["opened_at_ns"], trade["entry_order_id"]) == ("buy", START + 4 * HOUR, "alpha-1")
    lines = [(row["line"], row["book"], row["asset"], row["amount"]) for row in projector.rows("ledger")]
    assert lines == [(0, "alpha", "BTC", Decimal("0.10")), (1, "market", "BTC", Decimal("-0.10"))]
    (equity,) = projector.rows("equity")
    assert (equity["equity"], equity["drawdown"], equity["exposure"]) == (10_000.5, 0.01, 0.2)


def test_decisions_checks_and_refusals_show_their_numbers(engine: Engine) -> None:
    projector = projected(engine, story())
    (signal,) = projector.rows("decisions")
    assert (signal["direction"], signal["strength"], signal["numbers"]) == ("long", 0.8, [0.8, 0.7])
    assert (signal["stop_price"], signal["target_price"], signal["board"]) == (7050.0, None, [0, 4])
    outcomes = [(row["rule"], row["tier"], row["outcome"], row["numbers"]) for row in projector.rows("checks")]
    assert outcomes == [
        ("max_position", "position", "refused", [0.831, 0.8]),
        ("max_position", "position", "passed", [0.5, 0.8]),
    ]
    (refusal,) = projector.rows("refusals")
    assert (refusal["instrument"], refusal["code"], refusal["numbers"]) == (BTC, "exposure", [0.831, 0.8])


def test_incidents_and_commands_say_who_and_what(engine: Engine) -> None:
    projector = projected(engine, story())
    told = [(row["kind"], row["fields"]) for row in projector.rows("incidents")]
    assert [kind for kind, _ in told] == ["risk_acted", "kill_switch", "tentacle_failed", "resumed"]
    assert told[1][1] == {"level": 3, "by": "ann"}
    assert told[2][1]["error"] == "ValueError: \x00 found"  # PostgreSQL text holds NUL as an escape only
    assert told[3][1] == {"scope": "alpha", "by": "time"}
    (command,) = projector.rows("commands")
    assert (command["command_id"], command["kind"], command["level"]) == ("c1", "panic", 3)
    assert (command["by"], command["is_done"], command["message"]) == ("ann", True, "")


_SLOTS = (SlotVersion("evaluator/rsi", "h1:aa", ""),)


def step(number: int, step: SwapStep, text: str = "") -> SwapStepped:
    return SwapStepped(0, START, 0, "", number, "", step, text)


@pytest.mark.parametrize(
    ("said", "phase"),
    [
        ([(GenerationActivated(START, 1, _SLOTS), [])], "good"),  # of a start
        ([(ShadowStarted(START, 1, _SLOTS), [step(1, SwapStep.REFUSED)])], "refused"),
        ([(ShadowStarted(START, 1, _SLOTS), [step(1, SwapStep.SHADOWING)])], "shadow"),
        (
            [(ShadowStarted(START, 1, _SLOTS), []), (ShadowStopped(START, 1, ""), [step(1, SwapStep.STOPPED)])],
            "refused",
        ),
        (
            [
                (ShadowStarted(START, 1, _SLOTS), [step(1, SwapStep.SHADOWING)]),
                (GenerationActivated(START, 1, _SLOTS), [step(1, SwapStep.ACTIVATED)]),
            ],
            "probation",
        ),
        (
            [
                (ShadowStarted(START, 1, _SLOTS), [step(1, SwapStep.SHADOWING)]),
                (GenerationActivated(START, 1, _SLOTS), [step(1, SwapStep.ACTIVATED)]),
                (ProbationEnded(START, 1), [step(1, SwapStep.SETTLED)]),
            ],
            "good",
        ),
        (
            [
                (ShadowStarted(START, 1, _SLOTS), [step(1, SwapStep.SHADOWING)]),
                (GenerationActivated(START, 1, _SLOTS), [step(1, SwapStep.ACTIVATED)]),
                (TimeAdvanced(START), [step(1, SwapStep.ROLLED_BACK, "boom")]),
                (GenerationActivated(START, 2, _SLOTS), [step(1, SwapStep.STOPPED)]),
            ],
            "rolled_back",
        ),
    ],
    ids=["start", "refused", "shadow", "let go", "probation", "good", "rolled back"],
)
def test_generation_shows_how_far_it_came(engine: Engine, said: Any, phase: str) -> None:
    first = projected(engine, numbered(said)).rows("generations")[0]
    assert (first["number"], first["phase"], first["slots"]) == (1, phase, [["evaluator/rsi", "h1:aa", ""]])
    assert (first["first_seq"], first["first_ts"]) == (1, START)


def test_swaps_are_told_whole_and_two_of_one_number_are_two(engine: Engine) -> None:
    terms = "ann", "a\x00b", "flat", "shadow", ("evaluator/rsi a → b",), ("shadowing",), SwapResult.REFUSED, "no", 12
    first, second = (SwapEnded(START + hour * HOUR, 2, *terms) for hour in range(2))
    rows = projected(engine, numbered([(first, []), (second, [])])).rows("swaps")
    assert [(row["number"], row["seq"], row["ts"] - START) for row in rows] == [(2, 1, 0), (2, 2, HOUR)]
    assert (rows[0]["by"], rows[0]["why"], rows[0]["when"], rows[0]["how"]) == ("ann", "a\ufffdb", "flat", "shadow")
    assert (rows[0]["changed"], rows[0]["steps"]) == (["evaluator/rsi a → b"], ["shadowing"])
    assert (rows[0]["result"], rows[0]["text"], rows[0]["took_ms"]) == ("refused", "no", 12)


def test_evaluations_of_one_record_share_a_row(engine: Engine) -> None:
    last = projected(engine, quiet_records(3)).rows("evaluations")[-1]
    assert (last["seq"], last["instrument"], last["timeframe"]) == (9, BTC, "1h")
    assert last["evaluations"] == [[10, f"rsi {BTC} 1h", 0.25, "rsi"], [11, f"macd {BTC} 1h", 0.25, "macd"]]


def test_declined_decisions_are_counted_by_day_and_lead_to_the_last_one(engine: Engine) -> None:
    records = quiet_records(30)  # candles close at hours 0..29: 24 on the first day, 6 on the second
    projector = projected(engine, records)
    rows = projector.rows("declined", desk="alpha")
    assert [(row["day"], row["count"], row["code"]) for row in rows] == [
        (START // DAY, 24, "below_threshold"),
        (START // DAY + 1, 6, "below_threshold"),
    ]
    _, last = Journal(engine).find(rows[-1]["seq"])
    assert isinstance(last, DecisionDeclined) and last.declined == Declined("below_threshold", (0.3, 0.7))
    assert last.ts == START + 29 * HOUR


def test_rows_are_newest_last_limited_and_narrowed(engine: Engine) -> None:
    projector = projected(engine, quiet_records(10))
    hours = [(row["ts"] - START) // HOUR for row in projector.rows("evaluations", limit=3)]
    assert hours == [7, 8, 9]
    assert projector.rows("declined", desk="beta") == []


def test_rows_of_some_desks_that_one_alone_has_are_found_in_one_question(engine: Engine) -> None:
    def raised(hour: int, *said: tuple[str, Direction]) -> tuple[TimeAdvanced, list[Consequence]]:
        ts = START + hour * HOUR
        signals = [SignalRaised(0, ts, 0, desk, BTC, Signal(way, 1.0, "up"), ()) for desk, way in said]
        return TimeAdvanced(ts), [*signals]

    long, flat = Direction.LONG, Direction.FLAT
    said = [
        raised(0, ("alpha", long), ("beta", long)),
        raised(1, ("alpha", long), ("beta", flat), ("gamma", flat)),
        raised(2, ("alpha", flat), ("beta", flat)),
        raised(3, ("alpha", long)),
    ]
    projector = projected(engine, numbered(said))
    columns = ("ts", "instrument", "direction")
    bounds: dict[str, Any] = {"where": {"instrument": BTC}, "above": {"ts": START - 1}, "below": {"ts": START + DAY}}
    found = projector.alone("decisions", ("alpha", "beta"), columns, limit=10, **bounds)
    assert [((row["ts"] - START) // HOUR, row["desk"]) for row in found] == [(1, "alpha"), (1, "beta"), (3, "alpha")]
    assert projector.alone("decisions", ("alpha", "beta"), columns, limit=1, **bounds) == found[-1:]


def test_fills_can_be_narrowed_by_a_column_of_their_order(engine: Engine) -> None:
    projector = projected(engine, story())
    assert len(projector.rows("fills", desk="alpha", where={"instrument": BTC})) == 2
    assert projector.rows("fills", where={"instrument": "kraken:ETH/USD"}) == []


def test_unknown_projections_and_columns_are_named(engine: Engine) -> None:
    projector = Projector(engine)
    with pytest.raises(JournalError, match='no projection "profit": expected one of orders, fills'):
        projector.rows("profit")
    with pytest.raises(JournalError, match='projection "evaluations" has no "desk": it has seq, ts'):
        projector.rows("evaluations", desk="alpha")


def test_an_order_a_fill_and_a_command_lead_to_their_events(engine: Engine) -> None:
    projector = projected(engine, story())
    reader = Journal(engine)
    found = {ident: reader.find(projector.seq_of(ident) or 0)[1] for ident in ("alpha-1", "f2", "c1")}
    assert [type(event).__name__ for event in found.values()] == ["OrderSubmitted", "OrderReported", "OperatorCommand"]
    assert projector.seq_of("nothing") is None


def test_catching_up_twice_adds_nothing(engine: Engine) -> None:
    projector = projected(engine, story())
    before = everything(projector)
    assert projector.catch_up() == 0
    assert everything(projector) == before


def test_rebuild_gives_identical_rows(engine: Engine) -> None:
    projector = projected(engine, [*story(), *numbered([(r.input, r.events) for r in quiet_records(30)], 100)][:9])
    before = everything(projector)
    with engine.begin() as connection:
        connection.execute(update(orders).values(state="damaged"))
    assert projector.rebuild(batch_records=2) == 9
    assert everything(projector) == before


def test_two_projectors_of_one_journal_never_double_a_row(engine: Engine) -> None:
    expected = everything(projected(engine, story()))
    slow, quick = Projector(engine), Projector(engine)
    with engine.begin() as connection:
        for projection in PROJECTIONS.values():
            connection.execute(delete(projection.table))
        connection.execute(update(projection_cursor).values(next_seq=1))
    raced: list[int] = []

    def overtake(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("SELECT journal_block") and "payload" in statement and not raced:
            raced.append(0)
            raced[0] = quick.catch_up()  # while the slow one reads its first batch

    event.listen(engine, "after_cursor_execute", overtake)
    slow.catch_up(batch_records=3)
    event.remove(engine, "after_cursor_execute", overtake)
    assert raced == [9]
    assert everything(slow) == expected


_PROJECTING = """
import sys
from sqlalchemy import event
from loligo_store.database import open_engine
from loligo_store.projector import Projector
engine = open_engine(sys.argv[1])

def die(connection, cursor, statement, *_):
    if statement.startswith(sys.argv[2]):
        print("here", flush=True)
        sys.stdin.read()  # until killed, within the transaction

projector = Projector(engine)
event.listen(engine, "after_cursor_execute", die)
projector.catch_up(batch_records=5)
"""


@pytest.mark.parametrize("statement", ["UPDATE projection_cursor", "INSERT INTO fills", "INSERT INTO commands"])
def test_a_projector_killed_within_a_batch_doubles_nothing(database_url: str, statement: str) -> None:
    engine = open_engine(database_url)
    journal = Journal(engine)
    for record in story():
        journal.append(record)
    journal.commit()
    child = subprocess.Popen(
        [sys.executable, "-c", _PROJECTING, database_url, statement],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None and child.stdout.readline() == "here\n"
    child.kill()
    child.communicate(timeout=30)
    projector = Projector(engine)
    projector.catch_up()
    after = everything(projector)
    projector.rebuild()
    assert [len(after[name]) for name in ("orders", "fills", "ledger", "incidents", "commands")] == [1, 2, 2, 4, 1]
    assert everything(projector) == after
    engine.dispose()


def test_projections_ahead_of_a_journal_that_lost_its_end_are_named(engine: Engine) -> None:
    projector = projected(engine, quiet_records(2))
    with engine.begin() as connection:
        connection.execute(delete(journal_block))
    with pytest.raises(JournalCorrupt, match="projections stand at seq 9 and the journal ends at 0"):
        projector.catch_up()


@pytest.mark.parametrize(
    ("table", "kind", "own"),
    [
        (orders, Order, {"first_seq", "seq", "ts", "reason"}),
        (positions, Position, {"seq", "ts"}),
        (trades, ClosedTrade, {"seq", "ts", "cause"}),
    ],
    ids=["orders", "positions", "trades"],
)
def test_tables_have_every_field_of_the_values_they_show(table: Any, kind: Any, own: set[str]) -> None:
    assert set(table.c.keys()) == {*kind.__struct_fields__} | own


def test_only_rows_that_can_be_made_again_do_not_wait_for_the_disk(engine: Engine) -> None:
    """The connection is the same one again, so what one transaction was given must not stay for the next."""
    ask, lazy, durable = {
        "sqlite": ("PRAGMA synchronous", 1, 2),  # NORMAL, FULL
        "postgresql": ("SHOW synchronous_commit", "off", "on"),
    }[engine.dialect.name]
    found = []
    for is_remade in (False, True, False):
        with writing(engine, is_remade=is_remade) as connection:
            found.append(connection.exec_driver_sql(ask).scalar())
    assert found == [durable, lazy, durable]
