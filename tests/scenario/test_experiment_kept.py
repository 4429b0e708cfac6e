"""Judgements are kept from one look to the next, and are what they would be if the journal were judged anew."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from loligo.model.command import Noted
from loligo.model.timeframe import DAY_NS, ns_from_iso
from loligo_bot.daily import Daily
from loligo_bot.experiments.keeper import Experiments
from loligo_bot.experiments.standing import Standing
from loligo_bot.folder_config import read_config
from loligo_store.rows import ProjectionReader
from tests.scenario.bots import BotFolder
from tests.scenario.test_experiment_field import three_arms
from tests.scenario.test_experiments import FAST, judged

HOUR_NS = DAY_NS // 24


@pytest.fixture(scope="module")
def ran(template: BotFolder, tmp_path_factory: pytest.TempPathFactory) -> BotFolder:
    """Three arms over the first months of 2018, looked at while they ran."""
    bot = template.copy(tmp_path_factory.mktemp("kept") / "bot", LOLIGO__JOURNAL__COMMIT_EVERY_S="0.05")
    bot.edit(three_arms).edit(lambda config: config["feeds"][0]["settings"].update(until="2018-05-01"))
    assert bot.call("run", "--headless", "--speed", FAST).code == 0
    return bot


class Looking:
    """The experiments of a journal, looked at from any moment of it."""

    def __init__(self, bot: BotFolder, rows: ProjectionReader) -> None:
        config = read_config(bot.home)
        self.at, self.is_ahead = 0, False
        self._rows = rows
        self.known = Experiments(bot.home, lambda: config, rows, self._moment)

    def _moment(self) -> tuple[int, int]:
        return self.at, self._rows.cursor() + self.is_ahead

    def standing(self) -> Standing:
        found = self.known.standings()["field"]
        assert found is not None
        return found


@pytest.fixture
def looks(ran: BotFolder) -> Iterator[tuple[Looking, Looking]]:
    """Two that look at the same: one that keeps, and one to compare with."""
    with ran.database() as engine:
        rows = ProjectionReader(engine)
        yield Looking(ran, rows), Looking(ran, rows)


def test_a_day_is_judged_once_and_what_is_kept_is_what_would_be_judged_anew(looks: tuple[Looking, Looking]) -> None:
    kept, _ = looks
    made: list[int] = []

    def count(standing: Standing) -> int:
        made.append(len(standing.days))
        return len(standing.days)

    noon = ns_from_iso("2018-03-01T12:00:00Z")
    for kept.at in (noon, noon + HOUR_NS, noon + 11 * HOUR_NS, noon + 13 * HOUR_NS, noon + 14 * HOUR_NS):
        standing = kept.standing()
        assert standing is kept.standing()
        kept.known.made(standing, "count", count)
    assert made == [30 + 28, 30 + 28 + 1]  # it began within the 1st of January; the 1st of March once it was over


def test_every_day_stands_as_if_it_were_judged_for_the_first_time(
    ran: BotFolder, looks: tuple[Looking, Looking]
) -> None:
    kept, _ = looks
    for date in ("2018-01-30", "2018-02-27", "2018-02-28", "2018-04-01"):
        kept.at = ns_from_iso(f"{date}T00:30:00Z")
        kept.standing()
        with ran.database() as engine:
            anew = Looking(ran, ProjectionReader(engine))
            anew.at = kept.at
            assert kept.standing() == anew.standing()


@pytest.mark.parametrize("looked", ["2018-01-01T12:00:00Z", "2018-02-01T12:00:00Z", "2018-03-01T00:00:00Z"])
def test_a_summary_tells_the_number_of_closed_days_however_long_ago_the_test_was_looked_at(
    ran: BotFolder, looks: tuple[Looking, Looking], looked: str
) -> None:
    kept, _ = looks
    kept.at = ns_from_iso(looked)
    begun = kept.standing().since_ns
    assert kept.known.going(begun) == {}
    daily = Daily("00:00", "UTC", {}, kept.known.going)
    told = {one.fields["day"]: one.text for one in map(daily.hear, ran.records()) if one is not None}
    for date, days in (("2018-01-02", 0), ("2018-01-03", 1), ("2018-03-01", 30 + 28), ("2018-03-02", 30 + 28 + 1)):
        assert told[date].endswith(f", day {days}"), told[date]


def test_what_may_still_grow_at_midnight_is_not_kept_beyond_the_next_record(looks: tuple[Looking, Looking]) -> None:
    kept, _ = looks
    kept.at = ns_from_iso("2018-03-01T00:00:00Z")
    first = kept.standing()
    assert first is kept.standing()  # the journal has not grown
    kept.at += 1
    assert kept.standing() is not first
    assert kept.standing() == first


def test_a_day_of_which_the_read_models_do_not_know_all_is_not_closed(looks: tuple[Looking, Looking]) -> None:
    kept, other = looks
    kept.at = other.at = ns_from_iso("2018-06-01T12:00:00Z")  # the engine's time; the rows end with April
    other.is_ahead = True
    assert len(kept.standing().days) == 30 + 28 + 31 + 30
    assert len(other.standing().days) == 30 + 28 + 31 + 29  # of its last day more may be on the way


def test_the_day_that_was_told_while_it_ran_is_that_of_the_whole_journal(ran: BotFolder) -> None:
    noted = [record.input for record in ran.records() if isinstance(record.input, Noted)]
    told = [note.facts for note in noted if note.facts["verdict"] == "challenger_better"]
    better = [pair for pair in judged(ran, "field").judgement.pairs if pair.verdict.value == "challenger_better"]
    assert told[0]["verdict_day"] == str(min(pair.verdict_day or 0 for pair in better))
