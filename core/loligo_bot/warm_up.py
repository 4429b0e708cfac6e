"""History for evaluators that start: candles from before the feeds' cursors, as inputs that only build state.

What must hold: nothing is given twice. History ends where its feed's cursor stands, what follows comes as market data,
and an evaluator that has seen anything is left alone (`EvaluationStage.cold_slots`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from loligo.engine.engine import Engine
from loligo.engine.evaluation import EvaluatorSlot
from loligo.errors import DataError
from loligo.log import get_logger
from loligo.model.command import WarmUp
from loligo.model.market import Candle
from loligo.ports.tentacles import HistoricalFeed, HistoryFeed
from loligo_bot.recovery import Cursors

_log = get_logger("warm_up")


def warm_start(
    engine: Engine, feeds: Mapping[str, Any], cursors: Cursors, slots: Sequence[EvaluatorSlot] | None = None
) -> tuple[list[WarmUp], list[str]]:
    """Return the inputs that warm these evaluators, or the cold ones of an engine that stands at the start, in its
    generation; and which of them get less than they declare, such as "rsi sim:BTC/USD 1h: 20 of 85 candles"."""
    needs: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for slot in engine.evaluation.cold_slots() if slots is None else slots:
        if "candle" in slot.calls and slot.instance.warmup > 0:
            needs.setdefault((slot.instrument, slot.timeframe), []).append((slot.label, slot.instance.warmup))
    inputs, short = [], list[str]()
    for series, wanted in sorted(needs.items()):
        count = max(warmup for _, warmup in wanted)
        found: Sequence[Candle] = ()
        for name, feed in feeds.items():
            if isinstance(feed, HistoryFeed) and len(found) < count:
                found = max(found, _history(feed, cursors.get(name, (engine.now_ns, 0)), series, count), key=len)
        if found:
            inputs.append(WarmUp(engine.now_ns, *series, tuple(found)))
        short += [f"{label}: {len(found)} of {warmup} candles" for label, warmup in wanted if len(found) < warmup]
    if short:
        _log.warning("too little history: evaluators are silent until they have seen enough", evaluators=short)
    return inputs, short


def _history(feed: HistoryFeed, cursor: tuple[int, int], series: tuple[str, str], count: int) -> Sequence[Candle]:
    """Return the newest candles of a series that lie before a feed's cursor."""
    since_ns, taken = cursor
    ahead: list[Any] = []  # at the very instant of the cursor, still to come
    if taken and isinstance(feed, HistoricalFeed):
        ahead = list(feed.read(since_ns=since_ns, since_count=taken, until_ns=since_ns))
    try:
        found = feed.history(*series, since_ns if taken else since_ns - 1, count + len(ahead))
    except DataError:
        raise  # unsound data stops the start, as it would stop the run
    except Exception as exc:  # a tentacle: without its history the bot starts cold, and says so
        _log.error("a feed gave no history", feed=type(feed).__name__, error=f"{type(exc).__name__}: {exc}")
        return ()
    return [candle for candle in found if candle not in ahead][-count:]
