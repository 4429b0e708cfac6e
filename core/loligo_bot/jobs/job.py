"""A job: what is to be computed, for whom, and how far it is.

queued ─► running ─► done | failed | cancelled | interrupted ─► (retry) queued
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from loligo.ports.tentacles import Message
from loligo_notify import Kind


class State(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"  # the bot ended while it ran

    @property
    def is_ended(self) -> bool:
        return self not in (State.QUEUED, State.RUNNING)


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One job; times are ISO 8601 in UTC, "" while there is none. `progress` is a fraction, null while unknown."""

    number: int
    kind: str
    title: str
    arguments: dict[str, Any]
    by: str
    asked: str = ""  # id of the question with a key that it was made for
    state: State = State.QUEUED
    progress: float | None = 0.0
    line: str = ""  # how far it is, for people
    reason: str = ""  # why it did not end well
    created_at: str = ""
    started_at: str = ""
    ended_at: str = ""
    attempt: int = 1
    summary: dict[str, Any] = {}  # of the result, for lists

    def changed(self, **changes: Any) -> Job:
        return msgspec.structs.replace(self, **changes)


def told(job: Job) -> Message:
    """Return what people, the one who asked among them, hear of a job that has ended."""
    outcome = str(job.summary.get("verdict", "")) if job.state is State.DONE else job.reason
    text = f"{job.kind} {job.number} ({job.title}) is {job.state}{f': {outcome}' if outcome else ''}"
    fields = {
        "time": job.ended_at,
        "job": str(job.number),
        "what": job.kind,
        "title": job.title,
        "by": job.by,
        "state": str(job.state),
        "outcome": outcome,
    }
    level = "warning" if job.state is State.FAILED else "info"
    return Message(kind=Kind.JOB_DONE, level=level, text=text, fields=fields)


def told_beside(what: str, title: str, *, outcome: str, by: str, time: str) -> Message:
    """Return what people hear of work that ended well and is in no list of jobs, such as a backup."""
    fields = {"time": time, "job": "", "what": what, "title": title, "by": by, "state": str(State.DONE)}
    text = f"{what} is made: {outcome}"
    return Message(kind=Kind.JOB_DONE, level="info", text=text, fields={**fields, "outcome": outcome})
