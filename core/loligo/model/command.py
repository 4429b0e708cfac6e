"""Inputs that are not market data: operator commands, the passing of time, venue reports, generations, warm-up."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from loligo.model.market import Candle
from loligo.model.order import VenueReport


class CommandKind(StrEnum):
    """What an operator may order, from the command line, the page or a chat."""

    PAUSE = "pause"  # no new entries on the target
    RESUME = "resume"
    PANIC = "panic"  # kill switch to `level`
    CANCEL = "cancel"  # one order
    CLOSE = "close"  # one position of one desk
    CONSENT = "consent"  # to an entry that waits for it
    DENY = "deny"


class OperatorCommand(msgspec.Struct, frozen=True, array_like=True, tag="command"):
    """An order of a person. `target` is a desk, an account ("account:NAME"), the id of an order or of what waits for
    consent, or "*" for everything."""

    command_id: str
    ts: int
    kind: CommandKind
    target: str = "*"
    level: int = 0  # of the kill switch, for PANIC
    instrument: str = ""
    by: str = ""


class TimeAdvanced(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="time"):
    """The clock reached `ts` and no data came: due timers and expiries are served."""

    ts: int


class VenueReports(msgspec.Struct, frozen=True, array_like=True, tag="reports"):
    """What a live venue said, in its order."""

    venue: str
    ts: int
    reports: tuple[VenueReport, ...]


class SlotVersion(msgspec.Struct, frozen=True, array_like=True):
    """What one tentacle runs: the hash of its files and of its settings."""

    tentacle: str
    tree_hash: str
    settings_hash: str


class GenerationActivated(msgspec.Struct, frozen=True, array_like=True, tag="generation"):
    """From here on these versions run."""

    ts: int
    number: int
    slots: tuple[SlotVersion, ...]


class ShadowStarted(msgspec.Struct, frozen=True, array_like=True, tag="shadow"):
    """From here on what generation `number` would run is called beside what runs, and is not heeded."""

    ts: int
    number: int
    slots: tuple[SlotVersion, ...]


class ShadowStopped(msgspec.Struct, frozen=True, array_like=True, tag="shadow_stopped"):
    """Generation `number` is not to come: what ran beside is let go."""

    ts: int
    number: int
    reason: str


class ProbationEnded(msgspec.Struct, frozen=True, array_like=True, tag="settled"):
    """Generation `number` is trusted: what it replaced is let go."""

    ts: int
    number: int


class SwapResult(StrEnum):
    """What came of a wish to exchange tentacles or settings."""

    UNCHANGED = "unchanged"  # it runs already
    REFUSED = "refused"
    GOOD = "good"
    ROLLED_BACK = "rolled_back"  # it failed in probation; what ran before runs again
    SHADOWED = "shadowed"  # it was only to be compared
    SUPERSEDED = "superseded"  # another wish came while it waited for its moment
    STOPPED = "stopped"  # the bot ended first


class SwapEnded(msgspec.Struct, frozen=True, array_like=True, tag="swap_ended"):
    """How the wish for generation `number` ended, for the history: nothing follows from it. `by` wanted it; `when` and
    `how` are the policy; `changed` and `steps` are a line each. `took_ms` is of the wall clock."""

    ts: int
    number: int
    by: str
    why: str
    when: str
    how: str
    changed: tuple[str, ...]
    steps: tuple[str, ...]
    result: SwapResult
    text: str
    took_ms: int


class Noted(msgspec.Struct, frozen=True, array_like=True, tag="noted"):
    """What happened beside the engine and belongs to the history: nothing follows from it. `kind` says what, such as
    "verdict", `subject` of what, `facts` are texts by name."""

    ts: int
    kind: str
    subject: str
    by: str
    text: str
    facts: dict[str, str]


class WarmUp(msgspec.Struct, frozen=True, array_like=True, tag="warm_up"):
    """History for the evaluators of a series that have seen nothing yet: each takes the newest candles of it, as many
    as its `warmup`, into its state, and no decision arises. Oldest first, none later than `ts`."""

    ts: int
    instrument: str
    timeframe: str
    candles: tuple[Candle, ...]


Swapping = GenerationActivated | ShadowStarted | ShadowStopped | ProbationEnded | SwapEnded
Control = TimeAdvanced | OperatorCommand | VenueReports | Swapping | Noted  # inputs that hold no data of a market
