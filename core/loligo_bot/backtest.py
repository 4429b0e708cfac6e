"""A run over history: the engine that paper and live use, fed as fast as it goes (`loligo.ports.runner.Runner`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from math import nan
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from loligo import __version__
from loligo.errors import BadArguments, DataError
from loligo.log import get_logger
from loligo.model.command import GenerationActivated
from loligo.model.events import Record
from loligo.model.timeframe import ns_from_iso
from loligo.ports.runner import FinishedRun
from loligo.ports.tentacles import HistoricalFeed, HistoryFeed
from loligo.runtime.inbox import FromFeed
from loligo_bot.assembly import Bot, assemble, historical_feeds
from loligo_bot.backtest_request import BacktestRequest, Prepared, prepare, setting_of
from loligo_bot.feeds import in_time_order
from loligo_bot.warm_up import warm_start
from loligo_store.config import JournalConfig

if TYPE_CHECKING:
    from loligo_store.journal import Journal

AS_CONFIGURED: Mapping[str, Any] = MappingProxyType({})
FAR_NS = ns_from_iso("2200-01-01")
Range = Callable[[int, int | None], object]  # first and last instant; None: nobody knows
_log = get_logger("backtest")


def run_backtest(
    home: Path,
    *,
    file: Path | None = None,
    request: Mapping[str, Any] = AS_CONFIGURED,
    journal: Path | None = None,
    on_record: Callable[[Record], None],
) -> FinishedRun:
    """Run desks over their historical feeds; with `journal` every record is also written there.

    BadArguments or ConfigError says what is wrong with what is asked, DataError when there are no data.
    """
    try:
        asked = BacktestRequest.model_validate(dict(request))
    except ValidationError as exc:
        problems = {".".join(map(str, one["loc"])): f"{one['msg']}" for one in exc.errors(include_url=False)}
        told = "; ".join(f"{name} = {request.get(name.partition('.')[0])!r}: {said}" for name, said in problems.items())
        raise BadArguments(f"backtest: {told}", problems) from exc
    prepared = prepare(home, asked, file=file, is_whole=journal is not None)
    ranges: list[tuple[int, int | None]] = []
    run = run_prepared(
        home,
        prepared,
        file=file,
        journal=journal,
        on_record=on_record,
        on_range=lambda first_ns, last_ns: ranges.append((first_ns, last_ns)),
    )
    if not ranges:  # a desk that never began would look like one that lost everything
        raise DataError("the feeds have no data between since and until: choose another range, or another feed")
    return run


def run_prepared(
    home: Path,
    prepared: Prepared,
    *,
    file: Path | None = None,
    journal: Path | None = None,
    on_record: Callable[[Record], None],
    on_range: Range = lambda first_ns, last_ns: None,
) -> FinishedRun:
    """Run what was prepared; `on_range` hears of the time that it covers, before the first record."""
    bot, records = begin(home, prepared, file=file, on_range=on_range)
    kept = _journal(journal, bot.journal_config) if journal is not None else None
    for record in records:
        on_record(record)
        if kept is not None:
            kept.append(record)
            if kept.is_full:
                kept.commit()
    if kept is not None:
        kept.commit()
        kept.close()
    return finished(bot, prepared)


def _journal(file: Path, config: JournalConfig) -> Journal:
    from loligo_store.journal import Journal  # loads SQLAlchemy, 0.2 s that only who keeps a journal pays

    return Journal(file, config)


def begin(
    home: Path, prepared: Prepared, *, file: Path | None = None, on_range: Range = lambda first_ns, last_ns: None
) -> tuple[Bot, Iterator[Record]]:
    """Return a bot of what was prepared, and its records: each input is processed when its record is asked for."""
    settings = setting_of(prepared.config.model_dump(mode="json"), str(file or "backtest"))
    bot = assemble(home, prepared.config, registry=prepared.registry, settings=settings)
    inputs = _inputs(bot, historical_feeds(bot, prepared.span), prepared, on_range)
    return bot, (bot.engine.process(item, feed) for item, feed in inputs)


def _inputs(bot: Bot, feeds: Mapping[str, HistoricalFeed], prepared: Prepared, on_range: Range) -> Iterator[FromFeed]:
    """Yield what a new run would take; history is asked for once the engine stands at the start."""
    inputs = in_time_order(feeds)
    first = next(inputs, None)
    if first is None:
        return
    on_range(first.item.ts, _last_ns(bot, feeds, prepared.span.get("until")))
    yield FromFeed(GenerationActivated(first.item.ts, 1, bot.slots), "")
    yield from (FromFeed(warm_up, "") for warm_up in warm_start(bot.engine, feeds, {})[0])
    yield first
    yield from inputs


def _last_ns(bot: Bot, feeds: Mapping[str, HistoricalFeed], until: str | None) -> int | None:
    """Return the close of the newest candle that any desk will see, None where the feeds cannot look back."""
    limit_ns = FAR_NS if until is None else ns_from_iso(until)
    newest: list[int] = []
    desks = [desk for desk in bot.config.desks.values() if desk.timeframe]
    series = {(f"{desk.venue}:{one}", desk.timeframe) for desk in desks for one in desk.instruments}
    looking_back: list[Any] = [feed for feed in feeds.values() if isinstance(feed, HistoryFeed)]
    for feed, (instrument, timeframe) in product(looking_back, sorted(series)):
        try:
            newest += [candle.ts for candle in feed.history(instrument, timeframe, limit_ns, 1)]
        except Exception as exc:  # a tentacle: what it says decides nothing but how far the bar is
            _log.warning("a feed cannot say where its data end", error=f"{type(exc).__name__}: {exc}")
            return None
    return max(newest, default=None)


def finished(bot: Bot, prepared: Prepared) -> FinishedRun:
    """Return where a bot stands after its run."""
    portfolio = bot.engine.portfolio
    counts: Counter[str] = Counter()
    for venue in bot.engine.venues.values():
        counts.update(venue.instance.counts())
    code = {f"{item.kind}/{item.name}": f"{item.manifest.version} {item.tree_hash[:12]}" for item in bot.loaded}
    return FinishedRun(
        capital={
            name: nan if desk.balances else float(desk.capital) for name, desk in sorted(bot.config.desks.items())
        },
        desk_equity={name: book.equity for name, book in sorted(portfolio.books.items())},
        account_equity={name: account.equity for name, account in sorted(portfolio.accounts.items())},
        venue_counts=dict(counts),
        versions={"loligo": __version__, **code},
        about={
            "desks": {name: _about(bot, name) for name in sorted(bot.config.desks)},
            "config_hash": prepared.config_hash,
            "tree_hashes": {f"{item.kind}/{item.name}": item.tree_hash for item in bot.loaded},
        },
    )


def _about(bot: Bot, name: str) -> dict[str, Any]:
    desk = bot.config.desks[name]
    book = bot.engine.portfolio.books.get(name)
    held = book.holdings.values() if book is not None else ()
    return {
        "instruments": [f"{desk.venue}:{symbol}" for symbol in desk.instruments],
        "currency": bot.config.accounts[desk.account].reference,
        "open_since_ns": sorted(holding.opened_at_ns for holding in held),
    }
