"""Every error that Loligo raises on purpose, as one tree. A class exists where a caller would act differently.

    LoligoError
    ├── ConfigError          the configuration is wrong: fix the named key (exit code 3)
    ├── DataError            market data is corrupt: the run stops, file and row are named
    ├── TentacleError        a tentacle cannot be found, loaded or made: that tentacle stays off
    │   └── TentacleOff      a person has switched it off
    ├── OrderError           an order was asked to do what its state or its instrument does not allow
    │   └── Overfilled       a fill is larger than what is left of the order
    ├── LedgerError          a booking does not balance: the run stops, money is never guessed
    ├── JournalError         the journal cannot be read or written: the run stops
    │   └── JournalCorrupt   a stored block does not match its checksum or its neighbours
    ├── VenueError           a venue did not do what was asked
    ├── InboxClosed          the engine takes no more inputs: the bot is stopping
    ├── AlreadyRunning       another process runs the bot of this home folder
    └── NotRunning           no bot answers in this home folder (exit code 4)

A risk refusal is a result with a reason, not an error. `TentacleInterrupted` stands apart: it must pass through a
tentacle's own `except Exception`.
"""

from __future__ import annotations


class LoligoError(Exception):
    """Root of all errors that Loligo raises on purpose."""


class ConfigError(LoligoError):
    """The configuration is wrong; the message names the key, the value and what was expected."""


class DataError(LoligoError):
    """Market data is corrupt; the message names the file, the row and the fault."""


class TentacleError(LoligoError):
    """A tentacle cannot be found, loaded or made; the message names it and says what to do."""


class TentacleOff(TentacleError):
    """A person has switched the tentacle off."""


class OrderError(LoligoError):
    """An order was asked to do what its state or its instrument does not allow."""


class Overfilled(OrderError):
    """A fill is larger than what is left of the order."""


class LedgerError(LoligoError):
    """A booking does not balance. Money is never guessed: the run stops."""


class JournalError(LoligoError):
    """The journal cannot be read or written."""


class JournalCorrupt(JournalError):
    """A stored block does not match its checksum or does not follow its predecessor."""


class VenueError(LoligoError):
    """A venue did not do what was asked."""


class InboxClosed(LoligoError):
    """An edge handed over an input after the engine had taken its last one."""


class AlreadyRunning(LoligoError):
    """Another process runs the bot of this home folder; the message names it."""


class NotRunning(LoligoError):
    """No bot answers in this home folder."""


class NotFound(LoligoError):
    """What was asked for, or of whom it was asked, does not exist."""


class Denied(LoligoError):
    """Whoever asks may not."""


class BadArguments(LoligoError):
    """`problems` holds a sentence for each bad argument, by its path such as "settings.period"."""

    def __init__(self, text: str, problems: dict[str, str] | None = None) -> None:
        super().__init__(text)
        self.problems = problems or {}


class Undecided(BadArguments):
    """There is no verdict yet for what was asked."""


class TentacleInterrupted(BaseException):
    """The watchdog ends a tentacle's call that does not return. Whoever calls tentacles catches `TENTACLE_FAULTS`."""


TENTACLE_FAULTS = (Exception, SystemExit, TentacleInterrupted)  # what a call of a tentacle may come to
