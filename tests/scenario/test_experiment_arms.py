"""What the arms of an A/B test did otherwise, asked of a running bot and held against its journal: arms that differ in
trading mode, strategy, evaluators, limits, timeframe, or the version of one tentacle alone."""

from __future__ import annotations

import copy
import signal
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pyarrow.parquet as pq
import pytest

from loligo.model.events import (
    DecisionDeclined,
    Evaluated,
    OrderReported,
    OrderSubmitted,
    Record,
    Refused,
    SignalRaised,
    TradeClosed,
)
from loligo.model.order import Filled
from loligo.model.timeframe import iso
from loligo.registry.content import CONTENT_FOLDER, ContentStore
from loligo.registry.tree import hash12, read_tree, tree_hash
from loligo_bot.door import experiment_apart
from loligo_bot.door.experiment_apart import Moment, Span, moments_apart
from loligo_bot.door.pages import LARGEST
from loligo_store.reader import JournalReader
from loligo_store.rows import ProjectionReader
from tests.scenario.bots import ROOT, BotFolder, ended
from tests.scenario.canary import VOTE
from tests.scenario.test_experiments import experiment
from tests.scenario.test_swap_running import edit_registry

NAME, CONTROL = "arms", "trend"
RSI = {"tentacle": "rsi", "settings": {"mode": "momentum", "period": 28}}
HOURLY = ROOT / "tentacles/feeds/replay/market/coinbase/BTC_USD-1h.parquet"
HOUR_MS = 3_600_000
SURER = 0.8  # what the other version of the strategy wants at least, whatever it is set to


def surer_vote() -> dict[str, bytes]:
    """Return another version of the strategy that all arms but two run."""
    files = read_tree(ROOT / VOTE)
    old, new = b"= settings.entry_threshold, ", b"= max(settings.entry_threshold, %.1f), " % SURER
    assert old in files["logic.py"]
    return files | {"logic.py": files["logic.py"].replace(old, new)}


OTHER = surer_vote()
PINNED = f"weighted_vote@{hash12(tree_hash(OTHER))}"
ARMS: dict[str, dict[str, Any]] = {
    "averaging": {"mode": {"tentacle": "dca", "settings": {"interval_s": 259_200}}},
    "dipping": {"strategy": {"tentacle": "dip_buyer"}},
    "single": {"evaluators": [RSI]},
    "smaller": {"limits": {"max_position_share": 0.05}},
    "stricter": {"limits": {"min_confidence": 0.9}},
    "tighter": {"limits": {"stop_loss": 0.005}},
    "another": {"strategy": {"tentacle": PINNED}},
    "slower": {"timeframe": "4h"},
}
UNTIL = "2017-08-20"
AN_HOUR_A_SECOND = "3600"
PROTECTION = ("stop", "target", "trail")


def arms(config: dict[str, Any]) -> None:
    """Give a folder a desk like trend for each arm, with what it differs in, and one test of all."""
    control = config["desks"].pop("trend")
    config["accounts"] = {name: {"deposits": {"USD": 50_000}} for name in (CONTROL, *ARMS)}
    config["desks"] = {CONTROL: {**control, "account": CONTROL}}
    for name, changes in ARMS.items():
        config["desks"][name] = {**copy.deepcopy(control), "account": name, **changes}
    config["experiments"] = {NAME: {"control": CONTROL, "challengers": list(ARMS)}}
    longer = {"file": "4h.csv", "instrument": "coinbase:BTC/USD", "kind": "candles", "timeframe": "4h"}
    config["feeds"][0]["settings"]["sources"].append(longer)


def write_four_hours(bot: BotFolder) -> None:
    """Give a folder the candles of four hours that those of one hour make."""
    hours = {int(row["timestamp"]): row for row in pq.read_table(HOURLY).to_pylist()}
    lines = ["timestamp,open,high,low,close,volume"]
    for begin in sorted(hours):
        four = [hours[one] for one in range(begin, begin + 4 * HOUR_MS, HOUR_MS) if one in hours]
        if begin % (4 * HOUR_MS) == 0 and len(four) == 4:
            high, low = max(one["high"] for one in four), min(one["low"] for one in four)
            volume = sum(one["volume"] for one in four)
            lines.append(f"{begin},{four[0]['open']},{high},{low},{four[-1]['close']},{volume}")
    (bot.home / "data").mkdir(exist_ok=True)
    (bot.home / "data" / "4h.csv").write_text("\n".join(lines))


def keep_another_version(bot: BotFolder) -> None:
    """Let the registry have the other version beside its own, as an experiment with a version does."""
    ContentStore(bot.home / CONTENT_FOLDER).put(OTHER)

    def beside(entries: list[dict[str, Any]]) -> None:
        (entry,) = (one for one in entries if (one["kind"], one["name"]) == ("strategy", "weighted_vote"))
        pinned = {"name": PINNED, "tree_hash": tree_hash(OTHER), "path": None, "source": "local", "pin": True}
        entries.append(entry | pinned)

    edit_registry(bot, beside)


@dataclass(frozen=True, slots=True)
class Told:
    """What a running bot told of each arm, with and without orders, and its journal."""

    ordered: dict[str, dict[str, Any]]
    every: dict[str, dict[str, Any]]
    on_paper: dict[str, Any]  # by the command line
    shown: dict[str, Any]  # the test
    bot: BotFolder
    records: dict[int, Record]
    events: dict[str, list[Any]]  # by instant

    def side(self, row: dict[str, Any], desk: str, *kinds: Any) -> list[Any]:
        """Return the events of a desk at the moment of a row."""
        return [one for one in self.events[row["time"]] if one.desk == desk and isinstance(one, kinds)]


@pytest.fixture(scope="module")
def told(template: BotFolder, tmp_path_factory: pytest.TempPathFactory) -> Told:
    bot = template.copy(tmp_path_factory.mktemp("arms") / "bot").edit(arms)
    write_four_hours(bot)
    keep_another_version(bot)
    asked: dict[str, Any] = {"name": NAME, "until": UNTIL, "limit": 60}
    assert bot.call("run", "--headless", "--until", UNTIL).code == 0
    with bot.running("run", "--headless", "--speed", AN_HOUR_A_SECOND) as process:
        bot.wait_until(lambda status: status["next_seq"] > 200)
        shown = experiment(bot, lambda one: one["day"] > 40, name=NAME)
        ordered, every = (
            {arm: bot.asked("experiment.differences", **asked, challenger=arm, ordered=is_ordered) for arm in ARMS}
            for is_ordered in (True, False)
        )
        on_paper = bot.call("ab", "differences", NAME, "--challenger", "stricter", "--limit", "3").data
        process.send_signal(signal.SIGTERM)
        assert ended(process).code == 0
    records = bot.records()
    events: dict[str, list[Any]] = {}
    for record in records:
        events.setdefault(iso(record.input.ts), []).extend(record.events)
    return Told(ordered, every, on_paper, shown, bot, {one.seq: one for one in records}, events)


def rows(answer: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = answer["answer"]["differences"]
    return found


def reason(code: str, numbers: Sequence[float]) -> str:
    """A reason as it is to be read: no number here is a thousand."""
    return f"{code.replace('_', ' ')} {' against '.join(f'{one:.3g}' for one in numbers)}".strip()


def filled(told: Told, order_id: str) -> Decimal:
    reports = (one.report for events in told.events.values() for one in events if isinstance(one, OrderReported))
    return sum((one.quantity for one in reports if isinstance(one, Filled) and one.order_id == order_id), Decimal())


def check_side(told: Told, row: dict[str, Any], desk: str, part: dict[str, Any]) -> None:
    """What is said of one side is what the journal has of it."""
    orders = [one.order for one in told.side(row, desk, OrderSubmitted) if one.order.role in ("entry", "exit")]
    closed = [one.trade for one in told.side(row, desk, TradeClosed) if one.trade.exit_role in PROTECTION]
    refused = told.side(row, desk, Refused)
    signals = [one.signal for one in told.side(row, desk, SignalRaised)]
    declined = [one for one in told.side(row, desk, DecisionDeclined) if one.by == "strategy"]
    assert part["wish"] == (signals[0].direction if signals else "waits" if declined else "was not asked")
    if orders:
        assert (part["order"], Decimal(part["quantity"])) == (orders[0].side, orders[0].quantity)
        if filled(told, orders[0].id) == orders[0].quantity:
            did = "bought" if orders[0].side == "buy" else "sold"
            assert f"{did} {orders[0].quantity.normalize():f}" in part["did"]
        else:
            assert "nothing filled" in part["did"] or " of " in part["did"]
        if signals and signals[0].code == orders[0].code:
            assert reason(signals[0].code, signals[0].numbers) in part["why"]
    elif refused:
        assert part["did"].endswith("was refused")
        if refused[0].code != "paused":
            assert reason(refused[0].code, refused[0].numbers) in part["why"]
    elif closed:
        assert part["order"] == ("sell" if closed[0].side == "buy" else "buy")
        assert f"net {closed[0].net:.2f}" in part["why"]
    elif declined:
        assert (part["did"], part["order"]) == ("waited", "")
        assert part["why"] == reason(declined[0].declined.code, declined[0].declined.numbers)
    else:
        assert part["order"] == ""


@pytest.mark.parametrize("arm", ARMS)
def test_whatever_arms_differ_in_is_told_as_the_journal_has_it(told: Told, arm: str) -> None:
    assert rows(told.ordered[arm])
    for row in (*rows(told.ordered[arm]), *rows(told.every[arm])):
        check_side(told, row, CONTROL, row["control"])
        check_side(told, row, arm, row["challenger"])
        assert row["time"] == iso(told.records[row["seq"]].input.ts)
        letter = chr(ord("B") + list(ARMS).index(arm))
        assert row["words"].startswith(f"A {row['control']['words']}; {letter} {row['challenger']['words']}")
    moments = [{row["seq"] for row in rows(answers[arm])} for answers in (told.ordered, told.every)]
    assert len(moments[0]) == len(rows(told.ordered[arm]))  # each once


def test_a_mode_that_buys_by_the_clock_is_told_beside_a_strategy_that_waits(told: Told) -> None:
    by_clock = [one for one in rows(told.ordered["averaging"]) if one["challenger"]["why"] == "dca"]
    assert any(one["control"]["did"] == "waited" for one in by_clock)
    assert all(one["challenger"]["did"].startswith(("bought 0.0", "ordered to buy 0.0")) for one in by_clock)
    by_signal = [one for one in rows(told.ordered["averaging"]) if one["control"]["did"].startswith("bought")]
    unheard = [one["challenger"] for one in by_signal if not one["challenger"]["order"]]
    assert {(one["did"], one["why"]) for one in unheard} == {("wanted to buy and did nothing", "not signal driven")}


def test_the_same_wish_refused_by_a_limit_of_one_arm_says_which_and_by_how_much(told: Told) -> None:
    row = next(one for one in rows(told.ordered["stricter"]) if one["control"]["did"].startswith("bought"))
    refused = told.side(row, "stricter", Refused)[0]
    assert row["control"]["wish"] == row["challenger"]["wish"] == "long"
    assert row["challenger"]["did"] == "wanted to buy and was refused"
    assert row["challenger"]["why"] == f"confidence {refused.numbers[0]:.3g} against 0.9"


def test_entries_of_another_size_are_told_and_other_exits_are_not(told: Told) -> None:
    sizes = [
        [Decimal(row[side]["quantity"]) for side in ("control", "challenger")] for row in rows(told.ordered["smaller"])
    ]
    assert sizes
    assert all(float(theirs / ours) == pytest.approx(0.5, abs=0.02) for ours, theirs in sizes)
    assert {row["control"]["order"] for row in rows(told.ordered["smaller"])} == {"buy"}


def test_a_position_that_protection_closed_in_one_arm_alone_is_told(told: Told) -> None:
    row = next(one for one in rows(told.ordered["tighter"]) if one["challenger"]["did"].startswith("was stopped out"))
    trade = told.side(row, "tighter", TradeClosed)[0].trade
    assert f"at {float(trade.exit_price):,.0f}" in row["challenger"]["did"]
    assert not told.side(row, CONTROL, TradeClosed)


def test_another_version_of_one_tentacle_is_told_with_what_it_wanted_more(told: Told) -> None:
    """It waits wherever the score lies between what both versions want."""
    apart = [one for one in rows(told.ordered["another"]) if one["control"]["did"].startswith("bought")]
    waited = [one["challenger"] for one in apart if one["challenger"]["did"] == "waited"]
    assert waited and all(one["why"].endswith(f" against {SURER}") for one in waited)
    assert f"another: strategy.tentacle is {PINNED}, with {CONTROL} weighted_vote" in told.shown["unlike"]
    pinned = next(one for one in told.shown["arms"] if one["name"] == "another")["code"]
    assert pinned[f"strategy/{PINNED}"] == tree_hash(OTHER)


def test_an_arm_of_another_timeframe_is_asked_at_its_own_candles_and_treated_alike(told: Told) -> None:
    asked = {row["time"] for row in rows(told.every["slower"]) if row["challenger"]["wish"] != "was not asked"}
    assert asked and all(int(time[11:13]) % 4 == 0 for time in asked)
    assert f"slower: timeframe is 4h, with {CONTROL} 1h" in told.shown["unlike"]
    pair = next(one for one in told.shown["pairs"] if one["challenger"] == "slower")
    (events,) = (check for check in pair["checks"] if check["name"] == "events")
    times = next(one for one in told.shown["arms"] if one["name"] == "slower")["events"]
    assert events["is_met"] and f"slower {times:,} times at 4h" in events["words"]


def test_every_arm_was_treated_as_its_control(told: Told) -> None:
    assert [one["verdict"] for one in told.shown["pairs"] if one["verdict"] == "invalid"] == []


def test_what_evaluators_had_told_stands_beside_it_with_their_numbers(told: Told) -> None:
    row = next(one for one in rows(told.ordered["dipping"]) if one["saw"])
    heard = {
        one.evaluator.partition("#")[0].partition(" ")[0]: one
        for one in told.events[row["time"]]
        if isinstance(one, Evaluated)
    }
    rsi = heard["rsi"].evaluation
    bound = 70 if rsi.numbers[0] > 50 else 30
    assert f"rsi {rsi.numbers[0]:.3g} against {bound} ({rsi.value:+.2f})" in row["saw"]
    assert f"both saw {' · '.join(row['saw'])}" in row["words"]
    alone = next(one for one in rows(told.ordered["single"]) if one["control"]["saw"])
    assert [words.partition(" ")[0] for words in alone["control"]["saw"]] == ["ema_cross:", "macd"]
    assert [words.partition(" ")[0] for words in alone["saw"]] == ["rsi"]


def test_a_terminal_shows_the_newest_ones_with_both_sides(told: Told) -> None:
    assert told.on_paper["arms"] == ["A trend", "F stricter"]
    assert len(told.on_paper["differences"]) == 3
    lines = told.ordered["stricter"]["lines"]
    assert len(lines) == len(rows(told.ordered["stricter"]))
    assert all("; F " in line for line in lines)


@pytest.mark.parametrize("is_ordered", [True, False])
def test_read_in_small_pieces_it_is_the_same_as_read_at_once(
    told: Told, monkeypatch: pytest.MonkeyPatch, is_ordered: bool
) -> None:
    span = Span(since_ns=0, until_ns=LARGEST, before=None, instrument=None, is_ordered=is_ordered)
    with told.bot.database() as database:
        rows, journal = ProjectionReader(database), JournalReader(database)
        whole = moments_apart(rows, (CONTROL, "stricter"), span)
        monkeypatch.setattr(experiment_apart, "SCANNED", 12)
        found, pieces, before = list[Moment](), 0, None
        while before != 0:
            piece = moments_apart(rows, (CONTROL, "stricter"), replace(span, before=before))
            before = journal.find(piece.cut)[0].next_seq if piece.cut else 0
            found, pieces = [*found, *(one for one in piece.moments if one.seqs[0] >= before)], pieces + 1
    assert whole.cut == 0
    assert pieces > 1
    assert found == whole.moments
