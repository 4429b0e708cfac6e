"""The engine: one input in, one record out, with all its consequences in order. The same in backtest, paper and live.

    data ─► evaluation ─► strategy ─► trading ─► risk ─► execution ─► venue ─► portfolio ─► record

Always: no await, no clock, no I/O, no randomness; input order is record order; what is due before an input happens
before it. The stages do not know each other: this module carries what one says to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence, Set
from decimal import Decimal
from functools import partial
from typing import Any

from msgspec.structs import replace

from loligo.engine.consent import CONSENT
from loligo.engine.evaluation import EvaluationStage, EvaluatorSlot, Route
from loligo.engine.exchange import Exchange
from loligo.engine.execution import ExecutionStage
from loligo.engine.interruption import as_made, as_recorded
from loligo.engine.operators import Operators, seats_of
from loligo.engine.plan import DeskPlan, EnginePlan
from loligo.engine.portfolio import Book, PortfolioStage
from loligo.engine.recorder import Now, Recorder
from loligo.engine.risk import Ordered, RiskStage, Rule, Scope
from loligo.engine.schedule import Schedule
from loligo.engine.seat import Seat, SeatBoard
from loligo.engine.soundness import check_sound
from loligo.engine.strategy import bind_strategies
from loligo.engine.swap import Holder, Phase, exported, restore
from loligo.engine.trading import ModeCall, TradingStage, check_change
from loligo.engine.venues import Venue
from loligo.engine.views import SeatView
from loligo.errors import DataError, LoligoError
from loligo.model.command import (
    GenerationActivated,
    Noted,
    OperatorCommand,
    ProbationEnded,
    ShadowStarted,
    ShadowStopped,
    SlotVersion,
    SwapEnded,
    TimeAdvanced,
    VenueReports,
    WarmUp,
)
from loligo.model.events import (
    CommandHandled,
    Consequence,
    Input,
    Record,
    SwapStep,
    TentacleFailed,
    TimerFired,
    TimerSet,
)
from loligo.model.instrument import Instrument
from loligo.model.market import BookUpdate, Candle, ExternalSignal, FundingRate, InstrumentStatus, Quote, Side, Trade
from loligo.model.money import ZERO, money_from_float
from loligo.model.order import Filled, Order, OrderKind, OrderRequest, OrderRole, OrderState, VenueFailed, VenueReport
from loligo.model.risk import ActionKind
from loligo.model.timeframe import iso
from loligo.ports.tentacles import AmendIntent, CancelIntent, Intent, PlainState, TimerIntent

STATE_VERSION = 4
MAXIMUM_CALLS = 2_000  # of one trading mode within one input (a timer a minute and a daily candle need 1,440)
_BRING_FILLS = frozenset({Candle, Trade, Quote, BookUpdate, TimeAdvanced, VenueReports})
_ENTRY = OrderRole.ENTRY  # an enum's members are slow to look up
_MODE_ROLES = (_ENTRY, OrderRole.EXIT)
FUNDING_RATE_STEP = Decimal("1e-10")  # venues publish funding rates with at most ten decimals


Lane = Callable[[Candle, int, bool], None]  # with the seq of its record, and whether anything may be due


class Market:
    """All that concerns one instrument: who listens, who trades it and which venue answers."""

    def __init__(self, instrument: Instrument, venue: Venue | None) -> None:
        self.instrument = instrument
        self.venue = venue
        self.seats: list[Seat] = []
        self.seats_by_desk: dict[str, Seat] = {}
        self.seats_by_timeframe: dict[str, list[Seat]] = {}
        self.seats_by_evaluation: list[Seat] = []  # those without a timeframe
        self.slots: list[EvaluatorSlot] = []
        self.boards: dict[tuple[str, ...], SeatBoard] = {}  # by the keys of those who write to them
        self.routes: dict[str, Route] = {}  # by timeframe for candles, by kind of data for the rest
        # Bound when first needed; whoever changes seats, evaluators or their instances clears all.
        self.runners: dict[str, Callable[[Any, int], None]] = {}  # of the evaluators, by the same as routes
        self.lanes: dict[str, Lane] = {}  # by timeframe
        self.mark: Callable[[float], list[Book]] | None = None

    def listen(self, slot: EvaluatorSlot) -> None:
        """Add an evaluator to the routes of what it can read."""
        if slot in self.slots:
            return
        self.slots.append(slot)
        for kind, call in slot.calls.items():
            self.routes.setdefault(slot.timeframe if kind == "candle" else kind, []).append((call, slot))


class Engine:
    """Runs a plan. Feed it inputs in time order; it keeps nothing but state."""

    def __init__(self, plan: EnginePlan) -> None:
        self.takes_late = False  # whether an input older than the newest one happens now, instead of being refused
        self._prepared: dict[tuple[SlotVersion, ...], EnginePlan] = {}
        self.rebuild(plan)

    def rebuild(self, plan: EnginePlan) -> None:
        """Work by this plan from the beginning, as a new engine does."""
        self._plan = plan
        self._now = Now()
        self._recorder = recorder = Recorder(self._now, self._wire)
        accounts = tuple(sorted(plan.accounts, key=lambda account: account.name))
        desks = tuple(sorted(plan.desks, key=lambda desk: desk.name))
        self._desks = {desk.name: desk for desk in desks}
        self._accounts = {account.name: account for account in accounts}
        self._next_seq = 1
        self._served_ns = 0  # the newest input before or in which something that was due was served
        self._opened: set[str] = set()  # desks that have their capital
        self._deposits: dict[tuple[str, str], Decimal] = {}  # by account and asset, booked so far
        # Seats whose protection must be fitted, with ts and seq of the last fill
        self._touched: dict[tuple[str, str], tuple[int, int]] = {}
        self.evaluation = EvaluationStage(recorder)
        self.trading = TradingStage(recorder)
        portfolio, self._view = plan.currencies or (PortfolioStage, SeatView)
        self.portfolio: PortfolioStage = portfolio(recorder, accounts, desks)
        self.risk = RiskStage(recorder, accounts, desks)
        self.venues = {name: Venue(recorder, venue) for name, venue in sorted(plan.venues.items())}
        self.schedule = Schedule(plan.equity_every_ns)
        self.execution = (plan.execution or ExecutionStage)(
            recorder, plan.bot, self.venues, self.portfolio.marks, self.schedule
        )
        self._parts: dict[str, Any] = {
            "schedule": self.schedule,
            "evaluation": self.evaluation,
            "portfolio": self.portfolio,
            "risk": self.risk,
            "execution": self.execution,
        }
        self._seats: dict[tuple[str, str], Seat] = {}
        self._markets: dict[str, Market] = {}
        for desk in desks:
            self._seat(desk)
        self._prepared[plan.slots] = plan
        self.exchange = Exchange(recorder, self._seats, self.evaluation, self.risk, self.venues)
        self._operators = Operators(self._seats, self.portfolio, self.risk, self.execution, self._flatten, self._order)
        self._wire()
        self._handlers: dict[type, Callable[[Any, int], None]] = {
            Trade: lambda trade, seq: self._on_tick("trade", trade, trade.price, seq),
            Quote: lambda quote, seq: self._on_tick("quote", quote, (quote.bid + quote.ask) / 2, seq),
            BookUpdate: lambda book, seq: self._on_tick("book", book, None, seq),
            ExternalSignal: self._on_external,
            FundingRate: self._on_funding,
            InstrumentStatus: self._on_status,
            TimeAdvanced: self._on_time,
            OperatorCommand: self._on_command,
            VenueReports: self._on_reports,
            GenerationActivated: self._on_generation,
            ShadowStarted: self._on_shadow,
            ShadowStopped: self._on_shadow_stopped,
            ProbationEnded: self._on_probation_ended,
            **dict.fromkeys((SwapEnded, Noted), lambda item, seq: None),  # records for people
            WarmUp: self._on_warm_up,
        }

    def _seat(self, desk: DeskPlan) -> None:
        for plan in desk.seats:
            seat = Seat(self._recorder, desk, plan)
            account = self._accounts[desk.account]
            seat.view = self._view(self._now, plan.instrument, desk, account, self.portfolio, self.execution, self.risk)
            self._seats[seat.key] = seat

    def _wire(self, touched: Collection[Holder | Scope | str] | None = None) -> None:
        """Bind every call to the instances that work now, after each change of them; or only what a swap touches."""
        is_whole, touched = touched is None, touched or ()
        for venue in self.venues.values():
            if is_whole or venue in touched:
                venue.bind()
                for market in self._markets.values():
                    market.lanes.clear()
        for seat in self._seats.values():
            if is_whole or seat.strategy in touched or seat.mode in touched:
                seat.bind()
                if (traded := self._markets.get(seat.instrument_id)) is not None:
                    traded.lanes.clear()
        named = {seat.instrument_id for seat in self._seats.values()} | {rate.id for rate in self.portfolio.converted}
        if names := named if is_whole else named.intersection(touched):
            self._wire_markets(names)
        if is_whole or any(isinstance(one, Rule | Scope) for one in touched):
            self.risk.bind()

    def _wire_markets(self, names: Set[str]) -> None:
        """Make these markets anew, each in its place among all."""
        for name in names & self._markets.keys():
            for slot in self._markets[name].slots:
                slot.boards.clear()
        wired: dict[str, Market] = {}
        for seat in self._seats.values():
            instrument, desk = seat.instrument, seat.desk
            if instrument.id not in names:
                continue
            market = wired.get(instrument.id)
            if market is None:
                market = wired[instrument.id] = Market(instrument, self.venues.get(instrument.venue))
            market.seats.append(seat)
            market.seats_by_desk[desk.name] = seat
            if desk.timeframe:
                market.seats_by_timeframe.setdefault(desk.timeframe, []).append(seat)
            else:
                market.seats_by_evaluation.append(seat)
            seat.share_board(market.boards)
            for place, plan in enumerate(seat.plan.evaluators):
                slot = self.evaluation.make(plan, instrument.id)
                slot.write_to(seat.board, place)
                market.listen(slot)
        for instrument, books in self.portfolio.converted.items():  # their marks are rates, even if nobody trades them
            if instrument.id in names:
                market = wired.setdefault(instrument.id, Market(instrument, self.venues.get(instrument.venue)))
                for book in books:
                    market.seats_by_desk.setdefault(book.name, seats_of(self._seats, book.name)[0])
        self._markets.update(wired)
        self.evaluation.drop_unread()
        for newcomer in self.exchange.newcomers:
            newcomer.bind()
            routes = self._markets[newcomer.slot.instrument].routes
            routes.setdefault(newcomer.slot.timeframe, []).append((newcomer.hear, newcomer.slot))

    @property
    def is_swapping(self) -> bool:
        """Whether old and new instances stand side by side; a snapshot would hold only one of them."""
        return self.exchange.swap is not None

    @property
    def plan(self) -> EnginePlan:
        """What runs."""
        return self._plan

    def prepared(self, slots: tuple[SlotVersion, ...]) -> EnginePlan | None:
        """Return the plan of a generation, where it was handed over."""
        return self._prepared.get(slots)

    def prepare(self, plan: EnginePlan) -> None:
        """Hand over a plan before the inputs that name its slots."""
        self._prepared[plan.slots] = plan

    @property
    def next_seq(self) -> int:
        """The seq that the next input will get."""
        return self._next_seq

    @property
    def now_ns(self) -> int:
        """The `ts` of the newest input, 0 before the first."""
        return self._now.ts

    def process(self, item: Input, feed: str = "") -> Record:
        """Take one input to its end and return the record of all that followed, with the feed it came from.

        Time does not run backwards: an input whose `ts` lies before that of the input before it is DataError or, where
        the engine `takes_late` ones, happens now; its record has it as it came.
        """
        ts, seq, now = item.ts, self._next_seq, self._now
        if ts < now.ts:
            return self._process_late(item, feed)
        recorder = self._recorder
        recorder.first_seq = first_seq = seq + 1
        events: list[Consequence] = []
        recorder.events = events
        # At one instant fills come before timers: inputs that bring fills serve what is due at `ts` after those.
        is_due = ts >= self.schedule.next_ns
        if is_due:
            self._serve_due_before(item, seq)
        now.ts = ts
        if type(item) is Candle:
            try:
                lane = self._markets[item.instrument].lanes[item.timeframe]
            except KeyError:
                lane = self._find_lane(item)
            lane(item, seq, is_due)
        else:
            self._handlers[type(item)](item, seq)
        self._next_seq = first_seq + len(events)
        return Record(seq, item, events, feed)

    def _process_late(self, item: Any, feed: str) -> Record:
        now = self._now
        if not self.takes_late:
            told = f"{type(item).__name__} at {iso(item.ts)} comes after an input at {iso(now.ts)}"
            raise DataError(f"{told}; inputs must arrive in time order: sort the source or drop the late row")
        now.late_ns = now.ts - item.ts
        try:
            record = self.process(replace(item, ts=now.ts), feed)
        finally:
            now.late_ns = 0
        return Record(record.seq, item, record.events, feed)

    def replay(self, record: Record) -> Record:
        """Process a journalled input again. Calls that were interrupted then are not made: they fail as they did."""
        interrupted = [event for event in record.events if type(event) is TentacleFailed and event.is_interrupted]
        if not interrupted:
            return self.process(record.input, record.feed)
        recorder = self._recorder
        recorder.bind = as_recorded(interrupted, lambda: recorder.first_seq + len(recorder.events))
        self._wire()
        again = self.process(record.input, record.feed)
        recorder.bind = as_made
        self._wire()
        return again

    # Market data

    def _find_lane(self, candle: Candle) -> Lane:
        market = self._markets.get(candle.instrument)
        if market is None:
            return lambda candle, seq, is_due: None  # it is journalled for whoever comes to need it
        lane = market.lanes[candle.timeframe] = self._lane(market, candle.timeframe)
        return lane

    def _lane(self, market: Market, timeframe: str) -> Lane:
        """Return the way of one candle series through the stages, with all it needs bound once: most inputs are candles
        from which nothing follows but opinions and a declined decision."""
        venue = market.venue
        match, label = (venue.on_candle, venue.label) if venue is not None else (None, "")
        schedule, reports, watch = self.schedule, self.execution.reports, self.risk.watch
        marks, (holders, mark) = self.portfolio.marks, self.portfolio.watchers(market.instrument)
        seats = market.seats_by_timeframe.get(timeframe, ())
        decide = bind_strategies(self._recorder, seats, self._ask_mode)
        evaluate = self._runner(market, timeframe)
        if market.seats_by_evaluation:  # new opinions decide, without a timeframe
            evaluate = partial(self._run_and_decide, market, timeframe)

        def lane(candle: Candle, seq: int, is_due: bool) -> None:
            ts, price = candle.ts, candle.close
            if match is not None:
                try:
                    said = match(candle)
                except (Exception, SystemExit) as exc:  # a tentacle: its failure is an event
                    said = (VenueFailed("", ts, label, "on_candle", f"{type(exc).__name__}: {exc}"),)
                if said:
                    is_due = True  # what follows may set timers
                    self._take(said, market, seq)
            if is_due and ts >= schedule.next_ns:
                self._serve_due(ts, seq)
            if holders:
                for book in [*mark(price)]:  # what they order may close positions
                    actions = watch(market.seats_by_desk[book.name], ts, seq)
                    if actions:
                        self._obey(actions, market, ts, seq)
            else:
                marks[candle.instrument] = price
            evaluate(candle, seq)
            decide(ts, price, candle, seq)
            if reports:
                self._drain(market, seq)

        return lane

    def _runner(self, market: Market, kind: str) -> Callable[[Any, int], None]:
        run = market.runners.get(kind)
        if run is None:
            run = market.runners[kind] = self.evaluation.bind(market.routes.get(kind, ()))
        return run

    def _on_tick(self, kind: str, item: Trade | Quote | BookUpdate, price: float | None, seq: int) -> None:
        market = self._markets.get(item.instrument)
        if market is None:
            return
        if market.venue is not None:
            self._take(market.venue.on_tick[kind](item), market, seq)
        if item.ts >= self.schedule.next_ns:
            self._serve_due(item.ts, seq)
        if price is not None:
            mark = market.mark = market.mark or self.portfolio.watchers(market.instrument)[1]
            self._watch(market, mark(price), item.ts, seq)
        self._run_and_decide(market, kind, item, seq)

    def _on_external(self, external: ExternalSignal, seq: int) -> None:
        for name, market in sorted(self._markets.items()):
            if external.instrument in ("", name):
                self._run_and_decide(market, "external", external, seq)

    def _run_and_decide(self, market: Market, kind: str, item: Any, seq: int) -> None:
        """Evaluate, and ask the seats without a timeframe that have a new opinion; what others hear is not theirs."""
        self._runner(market, kind)(item, seq)
        heard = [seat for seat in market.seats_by_evaluation if max(seat.board.seqs, default=0) > seq]
        if not heard:
            return
        decide = bind_strategies(self._recorder, heard, self._ask_mode)
        decide(self._now.ts, self.portfolio.marks.get(market.instrument.id, 0.0), None, seq)
        if self.execution.reports:
            self._drain(market, seq)

    def _on_funding(self, funding: FundingRate, seq: int) -> None:
        market = self._markets.get(funding.instrument)
        if market is None:
            return
        if market.venue is not None:
            self._take(market.venue.on_funding(funding), market, seq)
        rate = money_from_float(funding.rate, FUNDING_RATE_STEP)
        holders = self.portfolio.settle_funding(market.instrument, funding.ts, rate, seq)
        if holders:
            self._watch(market, holders, funding.ts, seq)
            self._drain(market, seq)

    def _on_status(self, status: InstrumentStatus, seq: int) -> None:
        market = self._markets.get(status.instrument)
        if market is not None and market.venue is not None:
            self._take(market.venue.on_status(status), market, seq)

    def _on_warm_up(self, warm_up: WarmUp, seq: int) -> None:
        for candle in warm_up.candles:
            if candle.ts > warm_up.ts:
                raise DataError(
                    f"warm-up of {warm_up.instrument} {warm_up.timeframe} at {iso(warm_up.ts)} holds a candle of "
                    f"{iso(candle.ts)}, which is not known yet: the feed's history must end where it was asked to"
                )
        market = self._markets.get(warm_up.instrument)
        if market is not None:
            self.evaluation.warm_up(market.routes.get(warm_up.timeframe, ()), warm_up, seq)
            self.exchange.warm_up(warm_up)

    # Time

    def _on_time(self, item: TimeAdvanced, seq: int) -> None:
        self._advance(item.ts, seq)
        self._serve_due(item.ts, seq)

    def _advance(self, ts: int, cause: int) -> None:
        self.execution.advance(ts)
        self._drain(None, cause)

    def _serve_due_before(self, item: Input, seq: int) -> None:
        """Serve what is due by the time of an input, or before it where fills come first: in it, or in what is still to
        come at an instant in which it happens to be told."""
        ts = item.ts - 1 if type(item) in _BRING_FILLS or item.ts == self._now.ts else item.ts
        if ts >= self.schedule.next_ns:
            self._served_ns = item.ts
            self._serve_due(ts, seq)

    def _serve_due(self, ts: int, seq: int) -> None:
        """Serve what came due before this input, in the order of its time: days, pauses, equity marks, timers."""
        schedule = self.schedule
        schedule.start(ts)
        for due in schedule.pop_due(ts):
            now = self._now.ts = max(due.ts, self._now.ts)  # a pause after a fill inside a candle may be over already
            if due.kind == "day":
                self.portfolio.begin_day()
                self.risk.begin_day()
            elif due.kind == "pause":
                self.risk.end_pauses(now, seq)
                schedule.pause_ends(self.risk.next_pause_end_ns())
            elif due.kind == "equity":
                self.portfolio.tell_equity(now, seq)
            else:
                self._fire(due.key, now, due.cause or seq, due.missed)

    def _fire(self, key: tuple[str, str, str], ts: int, cause: int, missed: int) -> None:
        desk, instrument, name = key
        seat = self._seats.get((desk, instrument))
        fired = self._recorder.emit(TimerFired, ts, cause, desk, instrument, name, missed)
        if name == CONSENT:
            self.risk.consent.lapse((desk, instrument), ts)
            return
        if seat is not None and seat.mode_on_timer is not None:
            self._ask_mode(seat, seat.mode_on_timer, fired.seq, fired)
            self._drain(self._markets[instrument], fired.seq)
        elif not desk:
            self._advance(ts, fired.seq)

    # Trading modes and their intents

    def _ask_mode(self, seat: Seat, call: ModeCall, cause: int, said: Any, fill: Filled | None = None) -> None:
        ts = self._now.ts
        if seat.calls_of != self._next_seq:
            seat.calls_of, seat.calls = self._next_seq, 0
        seat.calls += 1
        if seat.calls > MAXIMUM_CALLS:  # a loop of fills and orders, or of timers
            text = f"more than {MAXIMUM_CALLS} calls in one input"
            self._recorder.failed(ts, cause, seat.desk_name, seat.mode_name, call.__name__, text)
            return
        for intent in self.trading.ask(seat, call, ts, cause, said, fill):
            try:
                self._carry_out(seat, intent, ts, cause)
            except LoligoError as exc:  # an impossible intent is the mode's failure
                self._recorder.failed(ts, cause, seat.desk_name, seat.mode_name, call.__name__, exc)

    def _carry_out(self, seat: Seat, intent: Intent, ts: int, cause: int) -> None:
        check_sound(intent, OrderRequest, CancelIntent, AmendIntent, TimerIntent)
        if isinstance(intent, OrderRequest):
            if intent.role not in _MODE_ROLES:
                raise DataError(f"role {intent.role} is not a mode's to give: it asks for entries and exits")
            self._order(seat, intent, ts, cause)
        elif isinstance(intent, TimerIntent):
            set_event = self._recorder.emit(
                TimerSet, ts, cause, seat.desk_name, seat.instrument_id, intent.name, intent.due_ns
            )
            self.schedule.set_timer((*seat.key, intent.name), max(intent.due_ns, ts + 1), set_event.seq)
        elif isinstance(intent, CancelIntent | AmendIntent):
            order = self.execution.order(intent.order_id)
            if order is None or (order.desk, order.instrument) != seat.key:
                raise DataError(f"order {intent.order_id} is not an open order of {seat.key[0]} on {seat.key[1]}")
            self._change(order, intent, ts, cause)

    def _order(self, seat: Seat, request: OrderRequest, ts: int, cause: int, is_agreed: bool = False) -> bool:
        """Send what risk approves; False when it does not. `is_agreed`: a person has consented."""
        if request.instrument != seat.instrument_id:
            raise DataError(f"request for {request.instrument} from a mode that works on {seat.instrument_id}")
        position = self.portfolio.position(*seat.key)
        approved = self.risk.judge(seat, request, position, ts, cause, is_agreed)
        if approved is not None:
            self.execution.submit(approved, seat)
        elif seat.key in self.risk.consent.waiting:
            question = self.risk.consent.waiting[seat.key]
            self.schedule.set_timer((*seat.key, CONSENT), question.until_ns, question.seq)
        return approved is not None

    def _change(self, order: Order, intent: CancelIntent | AmendIntent, ts: int, cause: int) -> None:
        check_change(order, intent)
        if isinstance(intent, CancelIntent):
            self.execution.cancel(order.id, ts, cause, intent.code)
            return
        self.execution.amend(
            order.id, ts, cause, intent.quantity, intent.limit_price, intent.trigger_price, intent.code
        )

    # What venues say

    def _on_reports(self, item: VenueReports, seq: int) -> None:
        self.execution.reports.extend(item.reports)
        self._drain(None, seq)
        self._serve_due(item.ts, seq)

    def _take(self, reports: Sequence[VenueReport], market: Market, cause: int) -> None:
        self.execution.reports.extend(reports)
        self._drain(market, cause)

    def _drain(self, market: Market | None, cause: int) -> None:
        """Apply reports until nothing follows from them: fills bring protection, protection may fill at once."""
        reports = self.execution.reports
        while True:
            while reports:
                self._apply(reports.popleft(), cause)
            if self._touched:
                touched, self._touched = self._touched, {}
                for key, (ts, fill_seq) in touched.items():
                    self.execution.cover(self._seats[key], self.portfolio.position(*key), ts, fill_seq)
                continue
            if market is not None and market.venue is not None:
                reports.extend(market.venue.settle(market.instrument.id))
            if not reports:
                return

    def _apply(self, report: VenueReport, cause: int) -> None:
        if isinstance(report, VenueFailed):
            cause = self.execution.newest_seq(report.order_id) or cause
            self._recorder.failed(self._now.ts, cause, "", report.venue, report.call, report.error)
            # It is called again with the next moment of time that an input brings: by a timer that is no desk's.
            self.schedule.set_timer(("", "", "venue_failed"), max(self._now.ts, self._served_ns) + 1, cause)
            self._wire()  # the venue may want to hear candles otherwise until then
            return
        applied = self.execution.apply(report, cause)
        if applied is None:
            return
        order, seq, terms = applied
        seat = self._seats[order.desk, order.instrument]
        if isinstance(report, Filled):
            self._filled(seat, order, report, terms, seq)
        elif not order.is_open:
            if order.role is OrderRole.STOP and order.state is OrderState.REJECTED:
                self._flatten([seat], self._now.ts, seq, "stop_rejected")  # no position stays without a stop
            if seat.mode_on_order_end is not None:
                self._ask_mode(seat, seat.mode_on_order_end, seq, order)

    def _filled(self, seat: Seat, order: Order, fill: Filled, terms: OrderRequest | None, seq: int) -> None:
        trade = self.portfolio.apply_fill(seat.instrument, order, fill, seq)
        position = self.portfolio.position(*seat.key)
        # An entry against the position closes first: what it opens is the part on its own side of zero.
        opened = min(fill.quantity, max(position * order.side.sign, ZERO))
        if seat.instrument.fee_in == "base":  # fees came out of what was bought: only whole lots can be sold
            got = fill.quantity - (fill.fee if fill.fee_asset == seat.instrument.base else ZERO)
            lots, sign = seat.instrument.quantity, order.side.sign
            opened = max(lots(position) * sign, ZERO) - max(lots(position - got * sign) * sign, ZERO)
        if opened and order.role is _ENTRY and terms is not None:
            self.execution.protect(seat, terms, order, opened, fill.ts, seq)
        if opened < fill.quantity or (terms is not None and terms.is_whole_position_stop):
            self._touched[seat.key] = (fill.ts, seq)
        if trade is not None:
            self._act(self.risk.trade_closed(seat, trade, seq), fill.ts)
            if seat.view.account_equity == seat.view.account_equity:  # else NaN: no rule can tell
                self._act(self.risk.watch(seat, fill.ts, seq), fill.ts)  # the next mark no longer concerns this desk
            self.schedule.pause_ends(self.risk.next_pause_end_ns())
        if seat.mode_on_fill is not None:
            self._ask_mode(seat, seat.mode_on_fill, seq, order, fill)

    # Risk that acts

    def _watch(self, market: Market, holders: Sequence[Book], ts: int, cause: int) -> None:
        for book in [*holders]:  # what they order may close positions
            actions = self.risk.watch(market.seats_by_desk[book.name], ts, cause)
            if actions:
                self._obey(actions, market, ts, cause)

    def _obey(self, actions: Sequence[Ordered], market: Market, ts: int, cause: int) -> None:
        self._act(actions, ts)
        self.schedule.pause_ends(self.risk.next_pause_end_ns())
        self._drain(market, cause)

    def _act(self, actions: Sequence[Ordered], ts: int) -> None:
        """Do what rules ordered; each action with the seq of the event that says so, the cause of all that follows."""
        for scope, action, cause in actions:
            seats = seats_of(self._seats, scope.name)
            if action.kind is ActionKind.TIGHTEN:
                for seat in seats:
                    if action.instrument in ("", seat.instrument_id):
                        price = seat.instrument.price(action.price)
                        self.execution.tighten(seat, price, ts, cause)
                continue
            self.execution.cancel_entries(seats, ts, cause, "paused")
            if action.kind is ActionKind.FLATTEN:
                self._flatten(seats, ts, cause, action.code)

    def _flatten(self, seats: Sequence[Seat], ts: int, cause: int, code: str) -> int:
        """Close the positions of seats at the market; their protection stays until they are flat."""
        count = 0
        for seat in seats:
            position = self.portfolio.position(*seat.key)
            waiting = any(order.role is OrderRole.FLATTEN for order in self.execution.open_orders(seat.key))
            if not position or waiting:
                continue
            request = OrderRequest(
                instrument=seat.instrument_id,
                side=Side.SELL if position > 0 else Side.BUY,
                quantity=abs(position),
                kind=OrderKind.MARKET,
                role=OrderRole.FLATTEN,
                is_reduce_only=True,
                code=code,
            )
            self._order(seat, request, ts, cause)
            count += 1
        return count

    # People and generations

    def _on_command(self, command: OperatorCommand, seq: int) -> None:
        is_done, message = self._operators.obey(command, seq)
        self._recorder.emit(CommandHandled, command.ts, seq, "", command.command_id, is_done, message)
        self._drain(None, seq)
        for market in self._markets.values():
            self._drain(market, seq)

    def _on_generation(self, generation: GenerationActivated, seq: int) -> None:
        """Flip to what is prepared, or back; book the deposits and open the desks that are new with this generation."""
        ts = generation.ts
        swap, slots = self.exchange.swap, generation.slots
        if swap is None:
            self._restart(self._prepared.get(slots, self._plan))
        else:
            if swap.phase is Phase.SHADOW and self.exchange.plan is self._prepared.get(slots):
                self._adopt(self.exchange.flip(), self.exchange.touched_by_flip, ts, seq)
            elif swap.phase is not Phase.SHADOW and self.exchange.before is self._prepared.get(slots):
                plan = self.exchange.plan
                before = self.exchange.undo(SwapStep.STOPPED, "the earlier generation runs again")
                self._adopt(before, self.exchange.touched, ts, seq)
                self._let_go(plan)
        for name, account in self._accounts.items():
            for asset, amount in sorted(account.deposits.items()):
                booked = self._deposits.get((name, asset), ZERO)
                if amount > booked:  # the setting can add money later; it never takes any away
                    self._deposits[name, asset] = amount
                    self.portfolio.deposit(ts, seq, name, asset, amount - booked)
        if swap is not None:
            return  # the same desks go on
        self._opened -= self.portfolio.release(ts, seq)
        for name, desk in self._desks.items():
            if name in self._opened:
                continue
            self._opened.add(name)
            capital = {self._accounts[desk.account].reference: desk.capital, **desk.balances}
            for asset, amount in sorted(capital.items()):
                self.portfolio.allocate(ts, seq, name, asset, amount)
        self.schedule.set_ticks({(*key, "tick"): seat.desk.tick_ns for key, seat in self._seats.items()}, seq)

    def _restart(self, plan: EnginePlan) -> None:
        """Go on by another plan as after a restart: everything is made anew and gets its state back."""
        if plan is self._plan:
            return
        state, said, now_ns = self.export_state(), self._recorder, self._now.ts
        seats, evaluation = self._seats, self.evaluation
        self.rebuild(plan)
        self.restore_state(state)
        for key, seat in self._seats.items():
            if key in seats:
                self.evaluation.inherit(evaluation, seats[key].plan.evaluators, seat.plan.evaluators)
        self._now.ts = now_ns
        self._recorder.events, self._recorder.first_seq = said.events, said.first_seq

    def _adopt(self, plan: EnginePlan, touched: Collection[Holder | Scope | str], ts: int, seq: int) -> None:
        """Work by another plan from now on. Where strategy or mode is off, entries go and protection stays."""
        self._plan = plan
        self._accounts = {account.name: account for account in sorted(plan.accounts, key=lambda account: account.name)}
        self._desks = {desk.name: desk for desk in sorted(plan.desks, key=lambda desk: desk.name)}
        for seat in self._seats.values():
            seat.view.adopt(seat.desk, self._accounts[seat.desk.account])
        if touched:
            self._wire(touched)
        if orphans := [seat for seat in self._seats.values() if seat.is_orphan]:
            self.execution.cancel_entries(orphans, ts, seq, "orphan")
            self._flatten([seat for seat in orphans if seat.desk.flattens_orphans], ts, seq, "orphan")

    def _on_shadow(self, item: ShadowStarted, seq: int) -> None:
        plan = self._prepared.get(item.slots)
        if plan is None or self.exchange.swap is not None:
            raise DataError(
                f"generation {item.number} cannot be shadowed: "
                + ("its plan was not prepared" if plan is None else "another swap is at work; end that first")
            )
        if self.exchange.start(item.number, self._plan, plan):
            self._wire(self.exchange.touched)
        else:
            self._let_go(plan)

    def _on_shadow_stopped(self, item: ShadowStopped, seq: int) -> None:
        if self.exchange.swap is not None and self.exchange.swap.phase is Phase.SHADOW:
            plan = self.exchange.plan
            self.exchange.undo(SwapStep.STOPPED, f"{item.reason}; {self.exchange.swap.counts}")
            self._wire(self.exchange.touched)
            self._let_go(plan)

    def _on_probation_ended(self, item: ProbationEnded, seq: int) -> None:
        if self.exchange.swap is not None and self.exchange.swap.phase is Phase.PROBATION:
            before = self.exchange.before
            self.exchange.settle()
            self._wire(self.exchange.touched)
            self._let_go(before)

    def _let_go(self, plan: EnginePlan | None) -> None:
        """Hold a plan no longer that does not run, nor the code that it makes instances of."""
        if plan is not None and plan is not self._plan and self._prepared.get(plan.slots) is plan:
            del self._prepared[plan.slots]

    # State

    def export_state(self) -> PlainState:
        """Return everything that later inputs depend on, as plain data."""
        return {
            "version": STATE_VERSION,
            "next_seq": self._next_seq,
            "now_ns": self._now.ts,
            "opened": sorted(self._opened),
            "deposits": [[*key, str(amount)] for key, amount in sorted(self._deposits.items())],
            "failures": dict(sorted(self._recorder.failures.items())),
            "parts": {name: part.export_state() for name, part in self._parts.items()},
            "venues": {name: exported(venue.instance) for name, venue in self.venues.items()},
            "seats": {"/".join(key): seat.export_state() for key, seat in sorted(self._seats.items())},
        }

    def restore_state(self, state: PlainState) -> None:
        """Continue where `export_state` was taken. DataError for a state of another version."""
        if state.get("version") != STATE_VERSION:
            raise DataError(
                f"engine state has version {state.get('version')}, expected {STATE_VERSION}; "
                "it was written by another Loligo: start that version, or rebuild from the journal"
            )
        for order, *_ in state["parts"]["execution"]["open"]:
            if (order["desk"], order["instrument"]) not in self._seats:
                raise DataError(
                    f"desk {order['desk']} has open order {order['id']} on {order['instrument']}, but is no longer "
                    "configured there: put it back, close what it holds, then take it out"
                )
        self._next_seq = state["next_seq"]
        self._now.ts = state["now_ns"]
        self._opened = set(state["opened"])
        self._deposits = {(account, asset): Decimal(amount) for account, asset, amount in state["deposits"]}
        self._recorder.failures = dict(state["failures"])
        for name, part in self._parts.items():
            part.restore_state(state["parts"][name])
        for name, venue in self.venues.items():
            if name in state["venues"]:
                restore(venue.instance, state["venues"][name], f"venue {name}")
        for key, seat in self._seats.items():
            if "/".join(key) in state["seats"]:
                seat.restore_state(state["seats"]["/".join(key)])
        self._wire()  # boards are shared anew
