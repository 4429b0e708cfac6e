"""Health of a running bot: hears of durable records, keeps the quarantine, and asks for a swap when it changes.

It runs on the event loop and only counts there; reading files and loading is done in a thread. What it decides becomes
true by an ordinary swap, which somebody else carries out when `is_due` is set, by what `off` says then.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from loligo.config import LoligoConfig
from loligo.host import Host
from loligo.log import get_logger
from loligo.model.command import GenerationActivated, SlotVersion, SwapEnded, SwapResult
from loligo.model.events import Record, TentacleFailed
from loligo.model.timeframe import iso
from loligo.ports.tentacles import Message
from loligo.registry.manifest import KIND_FOLDERS
from loligo_bot.generation import Generation
from loligo_bot.health import store
from loligo_bot.health.config import HealthConfig
from loligo_bot.health.cpu_time import CpuAccount
from loligo_bot.health.quarantine import Quarantine, find, timeframes_of
from loligo_bot.health.repairs import file_problems, problems
from loligo_bot.health.safe_mode import Start
from loligo_bot.health.states import Observed, survey
from loligo_bot.health.store import Fault
from loligo_bot.health.wanted import Wanted, kept_by, load_running, load_wanted
from loligo_notify import Kind

HEALTH = "health"  # who wants a swap
_PHASES = {"shadow": "shadow", "waiting": "shadow", "probation": "probation"}

_log = get_logger("health")


class Attempted(Protocol):
    """What there is to know of a swap at work: `phase` is pending, shadow, waiting or probation."""

    phase: str
    changed: tuple[str, ...]


class Monitor:
    """The health of one running bot. All but `cpu.look` belongs to the event loop's thread."""

    def __init__(self, home: Path, config: HealthConfig, start: Start, tell: Callable[[Message], None]) -> None:
        self._home = home
        self._config = config
        self._start = start
        self._tell = tell
        remembered = store.load(home)
        self.quarantine = Quarantine(config, remembered.quarantine)
        self.cpu = CpuAccount(config)
        self.is_due = asyncio.Event()  # what is to be off has changed
        self.off = kept_by(self.quarantine, start.reason)
        self._faults = dict(remembered.faults)
        self._wanted: Wanted | None = None  # as loaded last
        self._taken: Wanted | None = None  # of what runs
        self._loads: deque[Wanted] = deque(maxlen=8)
        self._generation: Callable[[], Generation]
        self._running: dict[str, str] = {}  # tree hash by slot
        self._works = False
        self._asked = ""  # for what changed last, and by whom

    # What happens

    def begin(self, wanted: Wanted, running: Callable[[], Generation], ts: int) -> None:
        """Take what runs from the start on; `running` returns what runs then."""
        self._wanted = self._taken = wanted
        self._generation = running
        self._adopt()
        self._activated(ts, running().slots)
        for slot in self._running:
            self.quarantine.renew(slot)  # a version that was mended while the bot was down
        self.off = kept_by(self.quarantine, self._start.reason)
        if self._start.reason:
            left = ", ".join(sorted(wanted.left_out)) or "nothing"
            said = f"safe mode, because {self._start.reason}: left out are {left}; positions keep their protection"
            self._say(said, kind=Kind.ERROR)

    def _adopt(self) -> None:
        """Take the plan that runs now, and the code behind it."""
        running = self._generation()
        loaded = running.loaded
        self._taken = next((one for one in reversed(self._loads) if one.config is running.config), self._taken)
        self._config = HealthConfig.model_validate(running.config.health)
        self.quarantine.config = self.cpu.config = self._config
        self.quarantine.timeframes = timeframes_of(running.plan)
        self.cpu.slots = {f"{item.kind}_{item.name}": item.entry.slot for item in loaded}
        given = {item.entry.slot: item.manifest.resources.cpu_ms_per_event for item in loaded}
        self.cpu.budgets = {slot: budget for slot, budget in given.items() if budget is not None}

    def load(self, read: Callable[[], LoligoConfig], *, by: str) -> tuple[LoligoConfig, Host]:
        """Load what is wanted, less what is to be off; blocks, so in a thread.

        A swap that takes something off for health takes nothing else along, and no file that somebody is writing holds
        it up: it goes by what runs.
        """
        off, taken, loaded = self.off, self._taken, self._generation().loaded
        if by == HEALTH and taken is not None and not self.is_carried_out:
            host, wanted = load_running(self._home, taken, off, self._running, loaded)
        else:
            host, wanted = load_wanted(self._home, read(), off, keeps=True, running=loaded)
        self._wanted = wanted
        self._loads.append(wanted)
        return wanted.config, host

    def hear(self, records: Sequence[Record]) -> None:
        """Take note of durable records."""
        before = self.quarantine.off
        for record in records:
            if type(record.input) is GenerationActivated:
                self._activated(record.input.ts, record.input.slots)
            elif type(record.input) is SwapEnded:
                self._swapped(record.input)
            for event in record.events:
                if type(event) is TentacleFailed:
                    self._failed(event)
        now_ns = records[-1].input.ts
        for slot in self.quarantine.advance(now_ns):
            self._say(f"{slot} may try again after its quarantine", level="info")
        for excess in self.cpu.take(len(records), now_ns):
            self._exceeded(excess.slot, excess.text, is_far=excess.is_far)
        if not self._works and any(record.feed for record in records):
            self._works = True
            asyncio.get_running_loop().call_later(self._config.started_after_s, self._start.succeeded)
        if self.quarantine.off != before:
            self._changed()

    def _swapped(self, ended: SwapEnded) -> None:
        """Take how a swap ended; each line of what it was to change begins with kind/name."""
        hashes: Mapping[str, str] = self._wanted.hashes if self._wanted is not None else {}
        for slot in slots_in(ended.changed):
            if ended.result in (SwapResult.REFUSED, SwapResult.ROLLED_BACK):
                self._faults[slot] = Fault(result=ended.result, text=ended.text, tree_hash=hashes.get(slot, ""))
            elif ended.result is SwapResult.GOOD:
                self._faults.pop(slot, None)
                if slot in self._running:
                    self.quarantine.renew(slot)
        if ended.result is SwapResult.GOOD:
            self._adopt()
        self._save()

    def release(self, name: str, *, by: str) -> str:
        """End a tentacle's quarantine because a person says so; return what to tell. TentacleError if it is in none."""
        slot = find(name, {*self.quarantine.cases, *self.quarantine.overdrawn})
        was_off = slot in self.quarantine.off
        self.quarantine.release(slot)
        self._changed(f"{by} ended the quarantine of {slot}")
        return f"{slot} is tried again now" if was_off else f"{slot}: what it did is forgotten"

    def _failed(self, event: TentacleFailed) -> None:
        overdrawn = dict(self.quarantine.overdrawn)
        slot = self.quarantine.fail(event)
        if slot:
            self._say(f"{slot} goes into quarantine: {self.quarantine.cases[slot].reason}")
        for rule in self.quarantine.overdrawn.keys() - overdrawn.keys():
            said = self.quarantine.overdrawn[rule]
            self._say(f"{rule} needs a person: {said}. It stays on and denies entries; exits and stops go on")

    def _exceeded(self, slot: str, text: str, *, is_far: bool) -> None:
        is_off = slot in self.quarantine.off
        if is_far and self._config.on_cpu == "quarantine" and not is_off and not slot.startswith("venue "):
            self.quarantine.commit(slot, text)
            self._say(f"{slot} goes into quarantine: {text}")
        elif not is_off:
            self._say(f"{slot} is over its budget: {text}", level="warning", kind=Kind.ERROR)

    def _activated(self, ts: int, slots: Sequence[SlotVersion]) -> None:
        self._running = {slot: one.tree_hash for one in slots if (slot := _slot(one.tentacle))}
        self.quarantine.activated(ts, self._running)
        if self.quarantine.cases:
            self._save()

    def _changed(self, asked: str = "") -> None:
        self._asked = asked
        self.off = kept_by(self.quarantine, self._start.reason)
        self._save()
        self.is_due.set()

    def _save(self) -> None:
        remembered = store.load(self._home)
        remembered.quarantine, remembered.faults = self.quarantine.cases, self._faults
        store.save(self._home, remembered)

    def _say(self, text: str, level: str = "problem", kind: Kind = Kind.TENTACLE_QUARANTINED) -> None:
        _log.log(40 if level == "problem" else 30 if level == "warning" else 20, text)
        self._tell(Message(kind=kind, level=level, text=text, fields={"time": ""}))

    # What is told

    @property
    def is_carried_out(self) -> bool:
        """Whether nothing runs that is to be off."""
        return not self.off.quarantined.keys() & self._running.keys()

    @property
    def why(self) -> str:
        """Why what runs is to change, for the history of swaps."""
        quarantined = (f"{slot}: {reason}" for slot, reason in self.off.quarantined.items())
        return "; ".join(filter(None, (self._asked, *quarantined))) or "quarantine is over"

    def status(self) -> dict[str, Any]:
        """Return what belongs into the bot's status."""
        return {"safe_mode": self._start.reason, "quarantined": dict(self.off.quarantined)}

    async def answer(
        self, now_ns: int, attempt: Attempted | None, leaks: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Return every tentacle's health and all problems; `attempt` is the swap at work, `leaks` who holds an earlier
        version, by its package."""
        assert self._wanted is not None
        phase = _PHASES.get(attempt.phase, "") if attempt is not None else ""
        observed = Observed(
            quarantine=self.quarantine,
            faults=dict(self._faults),
            running=self._running,
            swapping=dict.fromkeys(slots_in(attempt.changed), phase) if attempt is not None and phase else {},
            is_loading=attempt is not None and attempt.phase == "pending",
            costs=dict(self.cpu.costs),
            leaks={self.cpu.slots.get(_tentacle(package), ""): holder for package, holder in (leaks or {}).items()},
            over_budget={slot: excess.text for slot, excess in self.cpu.excesses.items()},
        )
        rows = await asyncio.to_thread(survey, self._home, self._wanted, observed)
        found = await asyncio.to_thread(file_problems, self._home) + problems(rows, safe_mode=self._start.reason)
        return {
            "ok": True,
            "time": iso(now_ns),
            "safe_mode": self._start.reason,
            "tentacles": [asdict(row) for row in rows],
            "problems": [asdict(problem) for problem in found],
        }


def slots_in(changed: Sequence[str]) -> set[str]:
    """Return the tentacles that the lines of a swap begin with, by slot."""
    return {_slot(line.partition(" ")[0]) for line in changed} - {""}


def _slot(tentacle: str) -> str:
    """Return the slot of what a generation calls "kind/name", "" for desks, accounts and the recipe."""
    kind, _, name = tentacle.partition("/")
    return f"{kind} {name}" if kind in KIND_FOLDERS else ""


def _tentacle(package: str) -> str:
    """Return kind and name of a loaded version's package, "_tentacles.KIND_NAME__HASH", as the watchdog calls it."""
    return package.rpartition(".")[2].rpartition("__")[0]
