"""Verbs on the reports that lie in the folder: which there are, and one of them as a file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from pydantic import Field

from loligo.errors import NotFound
from loligo.ports.door import Answer
from loligo_bot.door.automation_acts import REPORTS
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Arguments, Offer, reading
from loligo_bot.door.pages import Part, ReportFile

MOST = 100


class ReportRow(Part):
    """One report."""

    name: str
    size: int = Field(description="bytes")
    written_at: str = Field(description="by the wall clock")


class Reports(Answer):
    """Reports, the newest first."""

    reports: list[ReportRow]

    def lines(self) -> Sequence[str]:
        return [f"{one.written_at} {one.name}" for one in self.reports] or ["no report yet; `report.write` makes one"]


class OfReport(Arguments):
    """Which one."""

    name: str = Field(min_length=1, max_length=200, description="as `reports` has it")


def reports(inside: Inside, _given: Arguments) -> Reports:
    files = [(path, path.stat()) for path in (inside.home / REPORTS).glob("*.html") if path.is_file()]
    newest = sorted(files, key=lambda one: (one[1].st_mtime_ns, one[0].name), reverse=True)[:MOST]
    rows = [ReportRow(name=path.name, size=about.st_size, written_at=_time(about.st_mtime)) for path, about in newest]
    return Reports(reports=rows)


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def read_report(inside: Inside, given: OfReport) -> ReportFile:
    """Only what `reports` lists is read, so no name leads anywhere else."""
    known = [one.name for one in reports(inside, Arguments()).reports]
    if given.name not in known:
        listed = ", ".join(known[:5]) or "none"
        raise NotFound(f'there is no report "{given.name[:80]}"; the newest are {listed}')
    content = (inside.home / REPORTS / given.name).read_text(encoding="utf-8")
    return ReportFile(name=given.name, media_type="text/html", content=content)


OFFERS: tuple[Offer, ...] = (
    reading("reports", "the reports in reports/, newest first", Arguments, Reports, reports),
    reading("report.read", "one report as a file", OfReport, ReportFile, read_report),
)
