"""The check of time: what a call costs, beside a call that does nothing, and against what the manifest promises."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter_ns
from typing import Any

from loligo_testing.checks.bench import Bench
from loligo_testing.report import Check, failed, not_applicable, passed
from loligo_testing.script import Call
from loligo_testing.subject import CALLS

UNDECLARED_US = 1_000.0  # median of a call whose manifest names no budget
_ROUNDS = 3  # the best of them: what else the machine does is not the tentacle's
_UNTIMED = 20  # calls at first, in which Python itself gets ready


class _DoesNothing:
    """Has every call and answers none."""

    def __getattr__(self, name: str) -> Any:
        return _nothing


def _nothing(*given: Any) -> None: ...


def budget(bench: Bench) -> Check:
    """Time every call of the script."""
    name, subject = "budget", bench.subject
    if not bench.is_called:
        return not_applicable(name, f"a {subject.kind} is not called by the engine")
    declared = subject.version.manifest.resources.cpu_ms_per_event
    rounds = [timed(subject.make(), bench.calls) for _ in range(_ROUNDS)]
    median, p99 = min(_share(each, 0.5) for each in rounds), min(_share(each, 0.99) for each in rounds)
    idle = min(_share(timed(_DoesNothing(), bench.calls), 0.5) for _ in range(_ROUNDS))
    limit_us = UNDECLARED_US if declared is None else declared * 1_000.0
    measured = median if declared is None else p99
    said = f"median {median:.1f} us, p99 {p99:.1f} us, {median / idle:.0f} times a call that does nothing"
    wanted = (
        f"cpu_ms_per_event = {declared:g}" if declared else f"no budget declared, so median at most {limit_us:.0f} us"
    )
    if measured > limit_us:
        return failed(name, f"{said}; {wanted}", "do less per call, or declare [resources] cpu_ms_per_event as it is")
    return passed(name, f"{said}; {wanted}")


def timed(instance: Any, calls: Sequence[Call]) -> list[int]:
    """Return the nanoseconds of each call, sorted."""
    bound = {name: getattr(instance, name, None) for name in sum(CALLS.values(), ())}
    taken = []
    for name, given in calls:
        call = bound[name]
        began = perf_counter_ns()
        call(*given)  # type: ignore[misc]
        taken.append(perf_counter_ns() - began)
    return sorted(taken[_UNTIMED:] or taken)


def _share(ordered: Sequence[int], share: float) -> float:
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] / 1_000.0
