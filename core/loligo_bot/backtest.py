"""A run over history: the engine that paper and live use, fed as fast as it goes (`loligo.ports.runner.Runner`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from math import nan
from pathlib import Path

from loligo import __version__
from loligo.model.command import GenerationActivated
from loligo.model.events import Record
from loligo.ports.runner import FinishedRun
from loligo.ports.tentacles import HistoricalFeed
from loligo.runtime.inbox import FromFeed
from loligo_bot.assembly import Bot, assemble, historical_feeds, read_config
from loligo_bot.feeds import in_time_order
from loligo_bot.warm_up import warm_start
from loligo_store.journal import Journal


def run_backtest(
    home: Path,
    *,
    file: Path | None = None,
    until: str | None = None,
    journal: Path | None = None,
    on_record: Callable[[Record], None],
) -> FinishedRun:
    """Run the configured desks over their historical feeds; with `journal` every record is also written there."""
    bot = assemble(home, read_config(home, file=file), file=file)
    kept = Journal(journal, bot.journal_config) if journal is not None else None
    for item, feed in _inputs(bot, historical_feeds(bot, {"until": until} if until else None)):
        record = bot.engine.process(item, feed)
        on_record(record)
        if kept is not None:
            kept.append(record)
            if kept.is_full:
                kept.commit()
    if kept is not None:
        kept.commit()
        kept.close()
    return finished(bot)


def _inputs(bot: Bot, feeds: Mapping[str, HistoricalFeed]) -> Iterator[FromFeed]:
    """Yield what a new run would take; history is asked for once the engine stands at the start."""
    inputs = in_time_order(feeds)
    first = next(inputs, None)
    if first is None:
        return
    yield FromFeed(GenerationActivated(first.item.ts, 1, bot.slots), "")
    yield from (FromFeed(warm_up, "") for warm_up in warm_start(bot.engine, feeds, {})[0])
    yield first
    yield from inputs


def finished(bot: Bot) -> FinishedRun:
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
    )
