"""Operators: what a person's command does to desks, accounts and orders: it is done, or a sentence says why not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from loligo.engine.execution import ExecutionStage
from loligo.engine.portfolio import PortfolioStage
from loligo.engine.risk import RiskStage, Scope
from loligo.engine.seat import Seat
from loligo.model.command import CommandKind, OperatorCommand
from loligo.model.order import OrderRequest
from loligo.model.risk import KillLevel

_Seats = Mapping[tuple[str, str], Seat]


def seats_of(seats: _Seats, scope: str) -> list[Seat]:
    """Return the seats of a desk, of "account:NAME", or of everything ("*")."""
    return [seat for seat in seats.values() if scope in ("*", seat.desk_name, f"account:{seat.desk.account}")]


class Operators:
    """Carries out commands on the parts of one engine; `flatten` closes positions and returns how many, `order` sends
    what a person has agreed to, if risk still lets it through."""

    def __init__(
        self,
        seats: _Seats,
        portfolio: PortfolioStage,
        risk: RiskStage,
        execution: ExecutionStage,
        flatten: Callable[[Sequence[Seat], int, int, str], int],
        order: Callable[[Seat, OrderRequest, int, int, bool], bool],
    ) -> None:
        self._seats, self._portfolio, self._risk, self._execution = seats, portfolio, risk, execution
        self._flatten, self._order = flatten, order

    def obey(self, command: OperatorCommand, seq: int) -> tuple[bool, str]:
        """Do what a person orders; return whether it is done, and a sentence."""
        ts, kind = command.ts, command.kind
        if kind is CommandKind.PANIC:
            return self._panic(command, seq)
        if kind is CommandKind.CANCEL:
            is_done = self._execution.cancel(command.target, ts, seq, "operator")
            return is_done, f"cancel of {command.target} sent" if is_done else f"no open order {command.target}"
        if kind in (CommandKind.CONSENT, CommandKind.DENY):
            return self._answer(command)
        seats = seats_of(self._seats, command.target)
        if not seats:
            known = ", ".join(["*", *self._risk.desks, *(f"account:{name}" for name in self._risk.accounts)])
            return False, f'no desk or account "{command.target}"; known: {known}'
        if kind is CommandKind.CLOSE:
            chosen = [seat for seat in seats if command.instrument in ("", seat.instrument_id)]
            if not chosen:
                known = ", ".join(seat.instrument_id for seat in seats)
                return False, f'{command.target} does not trade "{command.instrument}"; it trades {known}'
            count = self._flatten(chosen, ts, seq, "operator")
            return count > 0, f"closing {count} position(s)" if count else f"{command.target} has nothing to close"
        return self._pause_or_resume(command, seats, seq)

    def _answer(self, command: OperatorCommand) -> tuple[bool, str]:
        """Take a person's answer to an entry that waits for it. One that comes too late is none."""
        question = self._risk.consent.take(command.target)
        if question is None:
            return False, f'nothing waits for consent under "{command.target}": it was answered, or its time is over'
        request = question.request
        told = f"{request.side} {request.quantity.normalize():f} {request.instrument} of {question.desk}"
        if command.kind is CommandKind.DENY:
            self._risk.consent.deny(question, "consent_denied", command.ts)
            return True, f"denied: {told}"
        seat = self._seats[question.desk, request.instrument]
        is_sent = self._order(seat, request, command.ts, question.seq, True)
        return is_sent, f"sent: {told}" if is_sent else f"agreed, but risk no longer lets it through: {told}"

    def _pause_or_resume(self, command: OperatorCommand, seats: Sequence[Seat], seq: int) -> tuple[bool, str]:
        scopes = self._scopes_of(command.target)
        if command.kind is CommandKind.PAUSE:
            for scope in scopes:
                self._risk.pause(scope, command.ts, seq, command.by)
            self._execution.cancel_entries(seats, command.ts, seq, "paused")
            return True, f"paused {', '.join(scope.name for scope in scopes)}"
        resumed = [scope.name for scope in scopes if self._risk.resume(scope, command.ts, seq, command.by)]
        for name in self._risk.accounts:
            if f"account:{name}" in resumed:
                # Without new anchors the limit that paused the account would pause it again at the next mark.
                self._portfolio.anchor(name)
        if command.target == "*" and self._risk.kill_level:
            self._risk.set_kill_level(KillLevel.OFF, command.ts, seq, command.by)
            resumed.append("kill switch")
        return bool(resumed), f"resumed {', '.join(resumed)}" if resumed else "nothing was paused"

    def _scopes_of(self, target: str) -> list[Scope]:
        scopes = [*self._risk.accounts.values(), *self._risk.desks.values()]
        return [scope for scope in scopes if target in ("*", scope.name)]

    def _panic(self, command: OperatorCommand, seq: int) -> tuple[bool, str]:
        """Raise the kill switch: no entries; also cancel what would open positions; also close everything."""
        try:
            level = KillLevel(command.level)
        except ValueError:
            return False, f"kill switch level {command.level}: expected 0 (off), 1, 2 or 3"
        self._risk.set_kill_level(level, command.ts, seq, command.by)
        seats = list(self._seats.values())
        cancelled = closed = 0
        if level >= KillLevel.CANCEL_ORDERS:
            cancelled = self._execution.cancel_entries(seats, command.ts, seq, "kill_switch")
        if level >= KillLevel.FLATTEN:
            closed = self._flatten(seats, command.ts, seq, "kill_switch")
        return True, f"kill switch at {int(level)}: {cancelled} order(s) cancelled, closing {closed} position(s)"
