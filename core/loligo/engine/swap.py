"""Swap: an instance of a tentacle exchanged for another between two inputs, with the old one beside the new until the
new one is trusted.

    ShadowStarted        the new instance is made, given the old one's state, and called beside it; the old one answers
    GenerationActivated  the new one answers, the old one is called beside it (probation)
    ProbationEnded       the old one is let go
    ShadowStopped        the new one is let go

All of these are inputs, so a replay does the same. What must hold: each call is answered once, by the instance that
leads; a new one that fails while it leads loses its place at once, and the old one, which has seen all it has seen,
answers that very call; all instances of one swap change sides together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any

import msgspec

from loligo.engine.recorder import Recorder
from loligo.errors import TENTACLE_FAULTS, DataError, TentacleInterrupted
from loligo.model.events import SwapStep, SwapStepped
from loligo.ports.tentacles import PlainState, Stateful

ALONE = "alone: "
MAXIMUM_TOLD = 20  # differences of one swap that become events; the rest is counted

Accept = Callable[[Any], None]  # raises for an answer that is not to be used


class Phase(Enum):
    SHADOW = "shadow"  # the old instances lead
    PROBATION = "probation"  # the new ones lead
    ROLLED_BACK = "rolled back"  # the old ones lead again


class Swap:
    """One exchange of any number of instances."""

    def __init__(self, number: int, recorder: Recorder) -> None:
        self.number = number  # of the generation that it prepares
        self.phase = Phase.SHADOW
        self.compared = self.differing = 0
        self._failed: tuple[str, str] | None = None  # in shadow
        self._recorder = recorder

    @property
    def counts(self) -> str:
        """Say how many answers both gave, and how many of those differ."""
        return f"{self.compared} compared, {self.differing} different"

    def tell(self, tentacle: str, step: SwapStep, text: str = "") -> None:
        """Record a step, caused by the input at hand."""
        if step is SwapStep.FAILED and self.phase is Phase.SHADOW:
            self._failed = tentacle, f"before it led: {text}"
        cause = self._recorder.first_seq - 1
        self._recorder.emit(SwapStepped, self._recorder.now.ts, cause, "", self.number, tentacle, step, text[:500])

    def differs(self, tentacle: str, call: str, old: Any, new: Any) -> None:
        """Count a difference between what the two said."""
        self.differing += 1
        if self.differing <= MAXIMUM_TOLD:
            self.tell(tentacle, SwapStep.DIFFERS, f"{call}: {old!r} against {new!r}")

    def activated(self, alone: Sequence[str]) -> None:
        """Record that the new ones lead, and which of them have no old one beside them that could answer in their
        place; one that has failed by now was not called since, so the old ones go on."""
        self.tell("", SwapStep.ACTIVATED, f"{ALONE}{', '.join(alone)}" if alone else "")
        if self._failed is not None:
            self.phase = Phase.ROLLED_BACK
            self.tell(self._failed[0], SwapStep.ROLLED_BACK, self._failed[1])

    def roll_back(self, tentacle: str, call: str, error: BaseException) -> None:
        """Let the old instances lead again, from this very call on."""
        self.phase = Phase.ROLLED_BACK
        self.tell(tentacle, SwapStep.ROLLED_BACK, f"{call}: {type(error).__name__}: {error}")


class Holder:
    """A place in which one instance of a tentacle works, and its twin while it is being exchanged.

    Events call it `label`. `desk` is "" for evaluators, and None for rules, which see the desk in their view.
    """

    def __init__(
        self, recorder: Recorder, label: str, desk: str | None, name: str, key: str, make: Callable[[], Any] | None
    ) -> None:
        self._recorder = recorder
        self.label = label
        self.desk = desk
        self.name = name
        self.key = key
        self.make = make
        self.instance: Any = None if make is None else make()  # None: switched off
        self.twin: Twin | None = None

    def call(self, name: str) -> Callable[..., Any] | None:
        """Return a call, bound; None where the tentacle does not have it, or is off."""
        return self.bound(self.instance, name, self.label) if self.twin is None else self.twin.call(name)

    def bound(self, instance: Any, name: str, label: str) -> Callable[..., Any] | None:
        call = getattr(instance, name, None)
        return None if call is None else self._recorder.bind(call, label, self.desk)

    def renew(self) -> None:
        """Put a fresh instance, which knows nothing, in place of one that was interrupted."""
        assert self.make is not None
        fresh = self.make()
        if self.twin is not None:
            self.twin.replace(self.instance, fresh)
        self.instance = fresh
        self._recorder.rewire()

    def interrupted(self, label: str, name: str, error: BaseException) -> None:
        """Record that a call beside the one that answers was interrupted."""
        recorder = self._recorder
        recorder.failed(recorder.now.ts, recorder.first_seq - 1, self.desk or "", label, name, error)


class Twin:
    """The old and the new instance in one place."""

    def __init__(self, swap: Swap, place: Holder, old: Any, new: Any, accept: Accept) -> None:
        self.swap = swap
        self.old, self.new = old, new
        self._place = place
        self._label = place.label
        self._accept = accept
        self._lost: Any = None  # the instance beside that has failed: it is not called any more

    def call(self, name: str) -> Callable[..., Any] | None:
        """Return the call of both, None if neither has it. One that lacks it has nothing to say."""
        if not hasattr(self.old, name) and not hasattr(self.new, name):
            return None
        old = self._place.bound(self.old, name, self._label)
        new = self._place.bound(self.new, name, f"{self._label} (new)")
        silent = _no_intents if hasattr(self.old, "on_signal") else _nothing
        first, second, swap = old or silent, new or silent, self.swap

        def both(*given: Any) -> Any:
            if swap.phase is Phase.PROBATION:
                return self._led_by_new(name, first, second, given)
            if swap.phase is Phase.ROLLED_BACK:
                return first(*given)
            return self._led_by_old(name, first, second, given)

        both.__name__ = name  # failures name the call
        return both

    def replace(self, instance: Any, fresh: Any) -> None:
        """Go on with a fresh instance in place of one that was interrupted."""
        if instance is self.old:
            self.old = fresh
        else:
            self.new = fresh

    def _led_by_old(self, name: str, old: Callable[..., Any], new: Callable[..., Any], given: tuple[Any, ...]) -> Any:
        try:
            outcome = old(*given)
        except TENTACLE_FAULTS as exc:  # the new one has to see all that it has seen; the failure is the old one's
            if not isinstance(exc, TentacleInterrupted):
                self._beside(self.new, name, new, given)
            raise
        said = self._beside(self.new, name, new, given)
        if self._lost is not self.new:
            self.swap.compared += 1
            if not _are_equal(outcome, said):
                self.swap.differs(self._label, name, outcome, said)
        return outcome

    def _led_by_new(self, name: str, old: Callable[..., Any], new: Callable[..., Any], given: tuple[Any, ...]) -> Any:
        if self._lost is self.old:
            return new(*given)
        try:
            outcome = new(*given)
            self._accept(outcome)
        except TENTACLE_FAULTS as exc:  # the new version: it is taken back, and the old one answers
            self._note(f"{self._label} (new)", name, exc)
            self.swap.roll_back(self._label, name, exc)
            return old(*given)
        self._beside(self.old, name, old, given)
        return outcome

    def _beside(self, instance: Any, name: str, call: Callable[..., Any], given: tuple[Any, ...]) -> Any:
        """Call the one that does not lead; a failure is told, and it is not called again."""
        if self._lost is instance:
            return None
        try:
            outcome = call(*given)
            self._accept(outcome)
        except TENTACLE_FAULTS as exc:  # a tentacle that does not lead: nothing hangs on its answer
            self._lost = instance
            self._note(f"{self._label} (new)" if instance is self.new else self._label, name, exc)
            self.swap.tell(self._label, SwapStep.FAILED, f"{name}: {type(exc).__name__}: {exc}")
            return None
        return outcome

    def _note(self, label: str, name: str, error: BaseException) -> None:
        """An interruption is an event of its own, from which a replay learns not to make the call."""
        if isinstance(error, TentacleInterrupted):
            self._place.interrupted(label, name, error)


def handed_over(old: Stateful | None, new: Stateful, *, is_same_tentacle: bool) -> None:
    """Give a new instance the state of the old one, brought forward where its version is older.

    The state passes through msgpack: what is not plain data does not get over, and the two never share an object.
    DataError says what is missing.
    """
    if old is not None and is_same_tentacle:
        restore(new, msgspec.msgpack.decode(msgspec.msgpack.encode(exported(old))))


def exported(instance: Stateful) -> PlainState:
    """Return the state of an instance, and its version."""
    return {"version": instance.state_version, "state": instance.export_state()}


def restore(instance: Stateful, exported: PlainState, name: str = "") -> None:
    """Give an instance a state that was `exported`. DataError, which begins with the name, says what is missing."""
    state, version = exported["state"], exported["version"]
    if version != instance.state_version:
        migrate = getattr(instance, "migrate_state", None)
        if migrate is None:
            raise DataError(
                f"{name and name + ': '}its state has version {version}, the code reads version "
                f"{instance.state_version} and has no migrate_state(state, from_version): add one, or put the version "
                "back that wrote it, or begin a new journal with `loligo run --fresh`"
            )
        state = migrate(state, version)
    instance.restore_state(state)


def _are_equal(one: Any, other: Any) -> bool:
    if isinstance(one, Sequence) and isinstance(other, Sequence) and not isinstance(one, str):
        return list(one) == list(other)
    return bool(one == other)


def _nothing(*_: Any) -> None:
    """Stand for a call that one of the two does not have."""


def _no_intents(*_: Any) -> tuple[()]:
    """The same, of a trading mode."""
    return ()
