"""Strategy: a board of opinions to a signal, or to a declined decision that says why."""

from __future__ import annotations

from loligo.engine.recorder import Recorder
from loligo.engine.seat import Seat
from loligo.engine.soundness import check_sound
from loligo.errors import DataError
from loligo.model.evaluation import Declined, Signal
from loligo.model.events import DecisionDeclined, SignalRaised


class StrategyStage:
    """Asks a seat's strategy once per trigger."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def decide(self, seat: Seat, ts: int, cause: int) -> SignalRaised | None:
        """Return the signal event, or None after recording why there is none."""
        recorder = self._recorder
        board = seat.board
        desk = seat.desk_name
        try:
            outcome = seat.decide(board)
            if not isinstance(outcome, Declined):
                check_sound(outcome, Signal)
                if not 0.0 <= outcome.strength <= 1.0:
                    raise DataError(f"strength {outcome.strength} is outside [0, 1]")
        except Exception as exc:  # a tentacle: without a decision there is no entry, and protection stays
            recorder.failed(ts, cause, desk, seat.strategy_name, "decide", exc)
            return None
        if type(outcome) is Declined:
            events = recorder.events
            seq = recorder.first_seq + len(events)
            events.append(DecisionDeclined(seq, ts, cause, desk, seat.instrument_id, "strategy", outcome))
            return None
        newest = max(board.seqs, default=0) or cause
        return recorder.emit(SignalRaised, ts, newest, desk, seat.instrument_id, outcome, tuple(board.seqs))
