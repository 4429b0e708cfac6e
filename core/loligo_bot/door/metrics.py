"""The verb `metrics`: every number that those who watch the bot draw and judge, as families of samples.

Names and units are those of Prometheus: base units, `_total` for what only grows. The numbers are those that lie in
memory at this moment: whoever asks makes nobody read a journal or a file, and the engine does not wait.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator

import loligo
from loligo.model.order import Order
from loligo.model.timeframe import SECOND_NS
from loligo_bot.door.families import Family, Metrics, counts, described, gauges, histogram, single
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Arguments, Asked, Offer, looking
from loligo_bot.door.pages import known_number
from loligo_bot.door.state import mode_of
from loligo_bot.experiment_config import experiments_of
from loligo_bot.history import is_code

LOOKS = 5
_TENTACLE = ("kind", "name")
_PAIR = ("experiment", "challenger")


async def metrics(inside: Inside, _asked: Asked, _given: Arguments) -> Metrics:
    return Metrics(families=[family for part in _PARTS for family in part(inside)])


def _engine(inside: Inside) -> Iterator[Family]:
    meter, engine, thread = inside.meter, inside.engine, inside.thread
    what = {"name": inside.config.bot.name, "mode": mode_of(inside), "version": loligo.__version__}
    generation, data_s = inside.session.generation, engine.now_ns / SECOND_NS
    yield described("loligo_info", "What runs; always 1.", what)
    yield single("loligo_start_timestamp_seconds", "When this run of the bot began.", meter.began_s)
    yield single("loligo_engine_up", "1 while the engine's thread lives, 0 when it has ended.", thread.is_alive)
    yield single("loligo_engine_hung", "1 while a tentacle's call does not return.", thread.hang is not None)
    yield single("loligo_engine_data_timestamp_seconds", "Time of the newest input, of the data.", data_s)
    yield single("loligo_engine_generation", "Number of what runs.", generation.number if generation else 0)
    yield single("loligo_engine_inbox_inputs", "Inputs that wait for the engine.", len(thread.inbox))
    yield single("loligo_engine_inbox_capacity_inputs", "Inputs that may wait before feeds do.", thread.inbox.size)
    told = "Durable inputs, each of them a record, by feed and kind."
    yield counts("loligo_engine_inputs_total", told, ("feed", "kind"), meter.inputs)
    by_kind = {(kind,): count for kind, count in meter.events.items()}
    yield counts("loligo_engine_events_total", "Durable events that followed from inputs.", ("kind",), by_kind)
    told = "How long an input took from decision to journal; inputs that are taken together share their time."
    yield histogram("loligo_engine_step_seconds", told, thread.step_times)
    told = "Quotes that a newer one replaced before the engine saw them."
    yield single("loligo_engine_conflated_quotes_total", told, thread.inbox.conflated, "counter")


def _journal(inside: Inside) -> Iterator[Family]:
    groups, lag_s = inside.committer.lag
    durable = inside.meter.durable_seq
    ahead = max(inside.engine.next_seq - durable, 0) if durable else 0
    yield histogram("loligo_journal_commit_seconds", "How long commits took.", inside.committer.times)
    yield single("loligo_journal_waiting_groups", "Groups of records on their way to the disk.", groups)
    yield single("loligo_journal_lag_seconds", "How long the oldest of those groups has waited.", lag_s)
    yield single("loligo_journal_lag_events", "Events that are decided and not known to be durable.", ahead)


def _feeds(inside: Inside) -> Iterator[Family]:
    edges = inside.edges.status()
    states = {place.partition("/")[2]: how["state"] for place, how in edges.items() if place.startswith("feeds/")}
    newest, now_s = dict(inside.meter.feeds), time.time()
    running = {name: float(state == "running") for name, state in states.items()}
    yield gauges("loligo_feed_up", "1 while it runs, 0 when it has ended or fails.", "feed", running)
    failing = {name: float(state == "failing") for name, state in states.items()}
    yield gauges("loligo_feed_failing", "1 while it fails and is tried again.", "feed", failing)
    data = {name: ts / SECOND_NS for name, (ts, _) in newest.items()}
    yield gauges("loligo_feed_data_timestamp_seconds", "Time of its newest input, of the data.", "feed", data)
    age = {name: max(now_s - at_s, 0.0) for name, (_, at_s) in newest.items()}
    yield gauges("loligo_feed_age_seconds", "For how long nothing of it became durable.", "feed", age)
    late = {(name,): float(count) for name, count in dict(inside.thread.late).items()}
    told = "Inputs of a live feed that came after newer ones, and happened then."
    yield counts("loligo_feed_late_inputs_total", told, ("feed",), late)


def _venues(inside: Inside) -> Iterator[Family]:
    meter, venue_of = inside.meter, {name: desk.venue for name, desk in inside.config.desks.items()}
    is_inside = {name: float(name in inside.engine.venues) for name in inside.config.venues}
    yield gauges("loligo_venue_simulated", "1 for a venue inside of the engine.", "venue", is_inside)
    submitted = {(venue_of.get(desk, ""), desk, role): count for (desk, role), count in meter.submitted.items()}
    labels = ("venue", "desk", "role")
    yield counts("loligo_orders_submitted_total", "Orders that went to a venue.", labels, submitted)
    said = {(venue, desk, "rejected"): 0 for desk, venue in venue_of.items()}
    said |= {(venue_of.get(desk, ""), desk, report): count for (desk, report), count in meter.reports.items()}
    told = "What venues said of orders: accepted, filled (each part of it), canceled, rejected and so on."
    yield counts("loligo_order_reports_total", told, ("venue", "desk", "status"), said)
    states = Counter({(venue, desk, "accepted"): 0 for desk, venue in venue_of.items()})
    for plan in inside.reconciler.running.plan.desks:
        for seat in plan.seats:
            orders = _open_orders(inside, (plan.name, seat.instrument.id))
            states.update((venue_of.get(plan.name, ""), plan.name, order.state.value) for order in orders)
    yield counts("loligo_orders_open", "Orders at work.", ("venue", "desk", "status"), states, "gauge")


def _open_orders(inside: Inside, seat: tuple[str, str]) -> list[Order]:
    """Return a seat's open orders. The engine may change them in that very moment: then one looks again."""
    for _ in range(LOOKS):
        try:
            return inside.engine.execution.open_orders(seat)
        except RuntimeError:  # a dictionary that grows while it is read
            continue
    return []


def _tentacles(inside: Inside) -> Iterator[Family]:
    generation, failures, health = inside.session.generation, inside.meter.failures, inside.health
    running = {_named(one.tentacle, "/") for one in generation.slots if is_code(one.tentacle)} if generation else set()
    off = {_named(slot, " ") for slot in health.off.quarantined}
    known = sorted(running | off)
    works = {one: float(one in running) for one in known}
    yield counts("loligo_tentacle_running", "1 for what runs.", _TENTACLE, works, "gauge")
    is_off = {one: float(one in off) for one in known}
    yield counts("loligo_tentacle_quarantined", "1 while it is taken off for its failures.", _TENTACLE, is_off, "gauge")
    failed: Counter[tuple[str]] = Counter({(name,): 0 for _, name in known})
    for (name, _), count in dict(failures).items():
        failed[name,] += count
    yield counts("loligo_tentacle_failures_total", "Calls that raised.", ("name",), failed)
    share = {_named(slot, " "): cost.ms_per_s / 1000 for slot, cost in dict(health.cpu.costs).items()}
    told = "Share of the engine's time, over the last window of looks."
    yield counts("loligo_tentacle_cpu_ratio", told, _TENTACLE, share, "gauge")
    over = {one: float(" ".join(one) in health.cpu.excesses) for one in known}
    yield counts("loligo_tentacle_over_budget", "1 while it takes more time than it may.", _TENTACLE, over, "gauge")
    leaking = len(inside.reconciler.leaks.holders)
    yield single("loligo_tentacles_leaking", "Earlier versions that something still holds.", leaking)
    yield single("loligo_safe_mode", "1 while tentacles of others are left out.", bool(health.off.safe_mode))


def _named(slot: str, between: str) -> tuple[str, str]:
    kind, _, name = slot.partition(between)
    return kind, name


def _swaps(inside: Inside) -> Iterator[Family]:
    meter = inside.meter
    results = {(result,): count for result, count in meter.swaps.items()}
    yield counts("loligo_swaps_total", "Exchanges of tentacles or settings, by how they ended.", ("result",), results)
    told = "Places at which the version before was put back."
    yield single("loligo_swap_rollbacks_total", told, meter.rollbacks, "counter")
    yield single("loligo_swapping", "1 while something is exchanged.", inside.reconciler.attempt is not None)
    yield histogram("loligo_swap_seconds", "How long exchanges took, from the wish to its end.", meter.swap_times)


def _edges(inside: Inside) -> Iterator[Family]:
    boxes = {place: how for place, how in inside.edges.status().items() if "waiting" in how}
    works = {place: float(how["state"] == "running") for place, how in boxes.items()}
    yield gauges("loligo_edge_up", "1 while an interface, notifier or automation works.", "place", works)
    waiting = {place: float(how["waiting"]) for place, how in boxes.items()}
    yield gauges("loligo_edge_waiting_messages", "Messages that it has not been told yet.", "place", waiting)
    dropped = {(place,): how["dropped"] for place, how in boxes.items()}
    yield counts(
        "loligo_edge_dropped_messages_total", "Messages that its mailbox had no room for.", ("place",), dropped
    )
    lost = {(place,): how["undelivered"] for place, how in boxes.items()}
    yield counts("loligo_edge_undelivered_messages_total", "Messages that it failed to take.", ("place",), lost)


def _risk(inside: Inside) -> Iterator[Family]:
    meter, risk = inside.meter, inside.engine.risk
    yield single("loligo_risk_kill_level", "0 off, 1 no entries, 2 entries cancelled, 3 flat.", int(risk.kill_level))
    told = "Requests that the gate refused, by the strictest rule."
    yield counts("loligo_risk_refusals_total", told, ("desk", "rule", "tier"), meter.refusals)
    told = "What watching rules, the loss counter and the kill switch did."
    yield counts("loligo_risk_actions_total", told, ("scope", "rule", "action"), meter.acts)
    paused = {scope.name: float(bool(scope.pauses)) for scope in (*risk.accounts.values(), *risk.desks.values())}
    yield gauges("loligo_risk_paused", "1 while a desk or an account lets no entries through.", "scope", paused)


def _money(inside: Inside) -> Iterator[Family]:
    portfolio, marks = inside.engine.portfolio, dict(inside.meter.marks)
    accounts = {(name, book.reference): book for name, book in portfolio.accounts.items()}
    desks = {(name, book.account.name, book.account.reference): book for name, book in portfolio.books.items()}
    of_desk, of_account = ("desk", "account", "currency"), ("account", "currency")
    worth = {key: known_number(book.equity) for key, book in desks.items()}
    yield counts("loligo_desk_equity", "What a desk is worth, in its currency.", of_desk, worth, "gauge")
    fall = {key: _drawdown(book.equity, book.peak_equity) for key, book in desks.items()}
    yield counts("loligo_desk_drawdown_ratio", "How far it is below its peak.", of_desk, fall, "gauge")
    exposed = {key: known_number(marks[key[:2]].exposure) for key in desks if key[:2] in marks}
    yield counts("loligo_desk_exposure_ratio", "Share of its equity in the market.", of_desk, exposed, "gauge")
    held = {key: len(book.holdings) for key, book in desks.items()}
    yield counts("loligo_desk_positions", "Instruments that it holds.", of_desk, held, "gauge")
    sums = {key: known_number(book.equity) for key, book in accounts.items()}
    yield counts("loligo_account_equity", "What an account is worth, in its currency.", of_account, sums, "gauge")
    falls = {key: _drawdown(book.equity, book.peak_equity) for key, book in accounts.items()}
    yield counts("loligo_account_drawdown_ratio", "How far it is below its peak.", of_account, falls, "gauge")


def _experiments(inside: Inside) -> Iterator[Family]:
    """Tell of tests as of the last look at them, which follows each day that closes."""
    newest, wanted = inside.experiments.newest, experiments_of(inside.config)
    known = {name: newest[name] for name in wanted if name in newest}
    pairs = {(name, pair.challenger): pair for name, one in known.items() for pair in one.judgement.pairs}
    effects = {key: pair.effect for key, pair in pairs.items() if pair.effect is not None}
    ahead = {key: one.percent_per_month / 100 for key, one in effects.items()}
    told = "How far a challenger of an A/B test is ahead of its control, as a share a month; below 0: behind."
    told += " At equal risk where the test compares so."
    yield counts("loligo_ab_effect", told, _PAIR, ahead, "gauge")
    for end in ("low", "high"):
        bounds = {key: getattr(one, f"{end}_percent_per_month") for key, one in effects.items()}
        shares = {key: bound / 100 for key, bound in bounds.items() if bound is not None}
        told = f"The {end} end of its interval, which holds however often one looks."
        yield counts(f"loligo_ab_effect_{end}", told, _PAIR, shares, "gauge")
    verdicts = {(*key, pair.verdict.value): 1.0 for key, pair in pairs.items()}
    yield counts("loligo_ab_verdict", "The verdict on each pair; always 1.", (*_PAIR, "verdict"), verdicts, "gauge")
    days = {name: float(len(one.days)) for name, one in known.items()}
    yield gauges("loligo_ab_days", "Closed days of an A/B test.", "experiment", days)


def _drawdown(equity: float, peak: float) -> float | None:
    return known_number(max(1.0 - equity / peak, 0.0)) if peak else None


_PARTS: tuple[Callable[[Inside], Iterator[Family]], ...] = (
    _engine,
    _journal,
    _feeds,
    _venues,
    _tentacles,
    _swaps,
    _edges,
    _risk,
    _money,
    _experiments,
)

OFFERS: tuple[Offer, ...] = (
    looking("metrics", "every number that is watched from outside, as Prometheus has it", Arguments, Metrics, metrics),
)
