"""Strategy: a board of opinions to a signal, or to a declined decision that says why."""

from __future__ import annotations

from typing import Any

from loligo.engine.recorder import Recorder
from loligo.engine.seat import Seat
from loligo.engine.soundness import check_sound, is_plain_reason
from loligo.errors import TENTACLE_FAULTS, DataError
from loligo.model.evaluation import Declined, Direction, Signal
from loligo.model.events import DecisionDeclined, SignalRaised


def accept_outcome(said: Any) -> None:
    """DataError unless this is a declined decision, or a sound signal."""
    if not isinstance(said, Declined):
        check_sound(said, Signal)
        if not 0.0 <= said.strength <= 1.0:
            raise DataError(f"strength {said.strength} is outside [0, 1]")


class StrategyStage:
    """Asks a seat's strategy once per trigger."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def decide(self, seat: Seat, ts: int, cause: int) -> SignalRaised | None:
        """Return the signal event of the seat's strategy, or None after recording why there is none."""
        recorder = self._recorder
        try:
            outcome: Any = seat.decide(seat.board)  # of a tentacle, so it may be anything
            if type(outcome) is Declined:
                events = recorder.events
                seq = recorder.first_seq + len(events)
                events.append(DecisionDeclined(seq, ts, cause, seat.desk_name, seat.instrument_id, "strategy", outcome))
                return None
            if not _is_plain(outcome):
                check_sound(outcome, Signal)
            if not 0.0 <= outcome.strength <= 1.0:
                raise DataError(f"strength {outcome.strength} is outside [0, 1]")
        except TENTACLE_FAULTS as exc:  # a tentacle: without a decision there is no entry, and protection stays
            recorder.failed(ts, cause, seat.desk_name, seat.strategy_name, "decide", exc, seat.strategy.renew)
            return None
        seqs = tuple(seat.board.seqs)
        newest = (max(seqs) if seqs else 0) or cause
        return recorder.emit(SignalRaised, ts, newest, seat.desk_name, seat.instrument_id, outcome, seqs)


def _is_plain(outcome: Any) -> bool:
    """Return whether an answer is a signal as most are, surely sound: with a strength, a reason and no prices."""
    return (
        type(outcome) is Signal
        and type(outcome.strength) is float
        and outcome.stop_price is outcome.target_price is None
        and type(outcome.direction) is Direction
        and is_plain_reason(outcome.code, outcome.numbers)
    )
