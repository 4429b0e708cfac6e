"""What the conformance kit found: one outcome per check, and the award that follows from them.

bronze: it is what its manifest says, may be loaded, and works over the tapes without a fault.
silver: bronze, and every other check of behaviour that applies to its kind holds: it can be swapped, replayed, trusted.
gold: silver, and what a stranger needs: the batch form where the kind has one, a README with its source, tests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "not applicable"
    NOT_RUN = "not run"  # something before it failed
    MISSING = "missing"  # it does not have what gold wants, which is no fault


class Award(StrEnum):
    NONE = "none"
    BRONZE = "bronze"
    SILVER = "silver"
    GOLD = "gold"


CHECKS: Mapping[
    str, tuple[Award, str]
] = {  # in the order in which they are shown: the award that needs it, what it asks
    "manifest": (Award.BRONZE, "its manifest is complete, and settings.schema.json equals the settings class"),
    "permissions": (Award.BRONZE, "it reaches for nothing that its manifest does not name"),
    "import": (Award.BRONZE, "importing it starts nothing and touches no file but its own"),
    "loads": (Award.BRONZE, "a bot may load it"),
    "sound": (Award.BRONZE, "over the tapes no call raises, and every answer is within its bounds"),
    "contract": (Award.SILVER, "what its kind has to hold beside"),
    "determinism": (Award.SILVER, "another process, hash seed, time zone and language: the same answers"),
    "look-ahead": (Award.SILVER, "an answer is the same whether the future is there or not"),
    "sign": (Award.SILVER, "+1 is bullish: a rising tape is answered as it should be, a falling one the other way"),
    "state": (Award.SILVER, "an instance with the state of another goes on like it"),
    "swap": (Award.SILVER, "exchanged for itself while it trades, it decides as if nothing had been"),
    "unload": (Award.SILVER, "after 100 versions of it nothing of them is left"),
    "budget": (Award.SILVER, "a call takes no longer than its manifest says"),
    "batch": (Award.GOLD, "evaluate_series equals on_candle"),
    "readme": (Award.GOLD, "its README says what it does, what its settings mean, and from which source"),
    "tests": (Award.GOLD, "it brings tests, and they pass"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check: `evidence` has its numbers, `advice` what to do when it failed."""

    name: str
    outcome: Outcome
    evidence: str = ""
    advice: str = ""


def passed(name: str, evidence: str) -> Check:
    return Check(name=name, outcome=Outcome.PASSED, evidence=evidence)


def failed(name: str, evidence: str, advice: str) -> Check:
    return Check(name=name, outcome=Outcome.FAILED, evidence=evidence, advice=advice)


def not_applicable(name: str, why: str) -> Check:
    return Check(name=name, outcome=Outcome.NOT_APPLICABLE, evidence=why)


def missing(name: str, evidence: str, advice: str) -> Check:
    return Check(name=name, outcome=Outcome.MISSING, evidence=evidence, advice=advice)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All checks of one version of one tentacle, in the order of `CHECKS`."""

    kind: str
    name: str
    version: str
    tree_hash: str
    checks: Sequence[Check]
    seconds: float = 0.0

    def __getitem__(self, name: str) -> Check:
        """Return a check by its name."""
        return next(check for check in self.checks if check.name == name)

    @property
    def failures(self) -> list[Check]:
        return [check for check in self.checks if check.outcome is Outcome.FAILED]

    @property
    def award(self) -> Award:
        """The highest award whose checks, and those below, hold."""
        earned = Award.NONE
        for award in (Award.BRONZE, Award.SILVER, Award.GOLD):
            if self.missing(award):
                break
            earned = award
        return earned

    def missing(self, award: Award) -> list[Check]:
        """Return the checks of an award (not of those below it) that do not hold."""
        needs = [check for check in self.checks if _award_of(check) is award]
        return [check for check in needs if check.outcome not in (Outcome.PASSED, Outcome.NOT_APPLICABLE)]

    @property
    def next_award(self) -> Award | None:
        order = list(Award)
        place = order.index(self.award) + 1
        return order[place] if place < len(order) else None

    def lines(self) -> list[str]:
        """Return the report for a person: a line per check, then the award with its reasons."""
        width = max(map(len, CHECKS))
        lines = [f"{self.kind}/{self.name} {self.version}"]
        for check in self.checks:
            lines.append(f"  {check.outcome:14} {check.name:{width}}  {check.evidence}".rstrip())
            if check.outcome is Outcome.FAILED and check.advice:
                lines.append(f"  {'':14} {'':{width}}  to do: {check.advice}")
        return [*lines, *self.reasons()]

    def reasons(self) -> list[str]:
        """Return what was awarded and why, and what the next award wants."""
        held = sum(check.outcome is Outcome.PASSED for check in self.checks)
        free = sum(check.outcome is Outcome.NOT_APPLICABLE for check in self.checks)
        lines = [f"{self.award}: {held} checks passed, {len(self.failures)} failed, {free} not applicable"]
        if (wanted := self.next_award) is not None:
            lines.append(f"for {wanted}:")
            for check in self.missing(wanted):
                lines.append(f"  {check.name}: {check.advice or CHECKS[check.name][1]}")
        return lines

    def data(self) -> dict[str, object]:
        """Return the report as plain data."""
        rows = [
            {"name": c.name, "outcome": str(c.outcome), "evidence": c.evidence, "advice": c.advice} for c in self.checks
        ]
        wanted = self.next_award
        return {
            "tentacle": f"{self.kind}/{self.name}",
            "version": self.version,
            "tree_hash": self.tree_hash,
            "award": str(self.award),
            "next": {"award": str(wanted), "missing": [c.name for c in self.missing(wanted)]} if wanted else None,
            "checks": rows,
            "seconds": round(self.seconds, 3),
        }


def _award_of(check: Check) -> Award:
    """Return the award that a check stands for. A batch form or test that is wrong is a fault, and costs the silver;
    one that is not there costs the gold alone."""
    award = CHECKS[check.name][0]
    is_fault = award is Award.GOLD and check.outcome is Outcome.FAILED
    return Award.SILVER if is_fault else award
