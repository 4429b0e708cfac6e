"""Strategy: a board of opinions to a signal, or to a declined decision that says why."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from loligo.engine.recorder import Recorder
from loligo.engine.seat import Seat
from loligo.engine.soundness import check_sound, is_plain_reason
from loligo.errors import TENTACLE_FAULTS, DataError
from loligo.model.evaluation import Declined, Direction, Signal
from loligo.model.events import DecisionDeclined, SignalRaised
from loligo.model.market import Candle

AskMode = Callable[[Seat, Callable[..., Any], int, Any], None]  # with the seq of what it is told, and that


def accept_outcome(said: Any) -> None:
    """DataError unless this is a declined decision, or a sound signal."""
    if not isinstance(said, Declined):
        check_sound(said, Signal)
        if not 0.0 <= said.strength <= 1.0:
            raise DataError(f"strength {said.strength} is outside [0, 1]")


def bind_strategies(
    recorder: Recorder, seats: Iterable[Seat], ask_mode: AskMode
) -> Callable[[int, float, Candle | None, int], None]:
    """Return what asks the strategies of seats in turn, given time, price, candle and seq of an input: a mode hears the
    candle before, and the signal at once. Bound once, for speed: most answers are declined decisions."""
    bound = tuple((seat, seat.board, seat.decide, *seat.key, seat.mode_on_candle) for seat in seats)
    boards = tuple(dict.fromkeys(board for _, board, *_ in bound))

    def run(ts: int, price: float, candle: Candle | None, cause: int) -> None:
        events = recorder.events
        for board in boards:
            board.ts, board.price, board.candle = ts, price, candle
        for seat, board, decide, desk, instrument, mode_on_candle in bound:
            if mode_on_candle is not None and candle is not None:
                ask_mode(seat, mode_on_candle, cause, candle)
            try:
                outcome: Any = decide(board)  # of a tentacle, so it may be anything
                if type(outcome) is Declined:
                    seq = recorder.first_seq + len(events)
                    events.append(DecisionDeclined(seq, ts, cause, desk, instrument, "strategy", outcome))
                    continue
                if not _is_plain(outcome):
                    accept_outcome(outcome)
            except TENTACLE_FAULTS as exc:  # a tentacle: without a decision there is no entry, and protection stays
                recorder.failed(ts, cause, desk, seat.strategy_name, "decide", exc, seat.strategy.renew)
                continue
            seqs = tuple(board.seqs)
            newest = (max(seqs) if seqs else 0) or cause
            seq = recorder.first_seq + len(events)
            events.append(SignalRaised(seq, ts, newest, desk, instrument, outcome, seqs))
            ask_mode(seat, seat.mode_on_signal, seq, outcome)

    return run


def _is_plain(outcome: Any) -> bool:
    """Return whether an answer is a signal as most are, surely sound: with a strength, a reason and no prices."""
    return (
        type(outcome) is Signal
        and type(outcome.strength) is float
        and 0.0 <= outcome.strength <= 1.0
        and outcome.stop_price is outcome.target_price is None
        and type(outcome.direction) is Direction
        and is_plain_reason(outcome.code, outcome.numbers)
    )
