"""Jobs on disk: `state/jobs/NUMBER/` with `job.json`, `what.json` (all that its process is given) and `result.json`.

What must hold: at any moment each file is the old or the new one, whole; a number is never given twice; what a job
leaves is inside its folder, so that removing the folder removes all of it.
"""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

import msgspec

from loligo.log import get_logger
from loligo_bot.jobs.job import Job

JOBS_FOLDER = Path("state/jobs")
JOB, WHAT, RESULT = "job.json", "what.json", "result.json"
NEWEST = "newest"  # the highest number that was ever given

_log = get_logger("jobs")


class JobStore:
    """The jobs of one bot folder. Blocks: call it in a thread."""

    def __init__(self, home: Path) -> None:
        self.folder = home / JOBS_FOLDER

    def load(self) -> dict[int, Job]:
        """Return all jobs by number; what cannot be read is left where it is and told."""
        found: dict[int, Job] = {}
        for path in self.folder.glob(f"*/{JOB}"):
            try:
                job = msgspec.json.decode(path.read_bytes(), type=Job)
            except msgspec.DecodeError as exc:
                _log.warning("a job cannot be read; remove its folder", file=str(path), error=str(exc))
                continue
            found[job.number] = job
        return dict(sorted(found.items()))

    def add(self, job: Job, what: bytes) -> Job:
        """Keep a new job under the next number and return it with that."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        newest = self.folder / NEWEST
        known = [int(path.name) for path in self.folder.iterdir() if path.name.isdecimal()]
        given = int(newest.read_text() or 0) if newest.exists() else 0
        number = max([given, *known]) + 1
        write(newest, str(number).encode())
        job = job.changed(number=number)
        self.place(number).mkdir(mode=0o700)
        write(self.place(number) / WHAT, what)
        self.save(job)
        return job

    def save(self, job: Job) -> None:
        if self.place(job.number).is_dir():  # not of one that was removed meanwhile
            write(self.place(job.number) / JOB, msgspec.json.format(msgspec.json.encode(job)))

    def clear(self, number: int) -> None:
        """Remove what a job has left but itself and what it was given."""
        for path in self.place(number).iterdir():
            if path.name not in (JOB, WHAT) and not path.name.startswith(f".{JOB}.{os.getpid()}."):  # being written
                path.unlink(missing_ok=True)

    def remove(self, number: int) -> None:
        """Remove a job with all that it left."""
        shutil.rmtree(self.place(number), ignore_errors=True)

    def result(self, number: int) -> bytes:
        """Return the result of a job that is done. FileNotFoundError when there is none."""
        return (self.place(number) / RESULT).read_bytes()

    def given(self, number: int) -> bytes:
        """Return what a job was given. FileNotFoundError when that is gone."""
        return (self.place(number) / WHAT).read_bytes()

    def place(self, number: int) -> Path:
        return self.folder / str(number)


def write(path: Path, content: bytes) -> None:
    """Replace a file, durably; whoever else writes it at the same time has a temporary one of his own."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
