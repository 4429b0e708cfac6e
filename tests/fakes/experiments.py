"""A/B tests of every verdict, made of made-up days and judged by the real judge, behind the real verbs and the page.

Each test of `TESTS` stands as its name says. What is asked of the journal alone has no answer: there is none.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from loligo.api import DAY_NS, MakeContext
from loligo.config import LoligoConfig
from loligo.config.schema import DeskConfig
from loligo.registry.content import CONTENT_FOLDER, ContentStore
from loligo.registry.registry_file import REGISTRY_FILE, load_registry
from loligo.runtime.supervisor import Supervisor
from loligo_bot.door import experiment_acts, experiment_papers, experiment_starting, experimenting, limits
from loligo_bot.door.exchanging import Exchanged
from loligo_bot.door.experiment_holding import part_of
from loligo_bot.door.following import Following
from loligo_bot.door.front_door import FrontDoor
from loligo_bot.experiment_config import ExperimentConfig
from loligo_bot.experiments.arms import Runs
from loligo_bot.experiments.held import instants_of
from loligo_bot.experiments.standing import Standing
from loligo_bot.folder_config import read_config
from loligo_bot.recipe import RECIPE, recipe_of
from loligo_lab.experiment import Day, judge
from loligo_lab.holding import Basket, basket
from loligo_web.server import FIRST_LINK_FILE, WebInterface
from loligo_web.settings import WebSettings
from tests.fakes.inside import inside
from tests.scenario.bots import ROOT
from tests.unit.lab.experiment.made_days import days_of, noise

START_NS = 17_532 * DAY_NS  # the first of January 2018
MANY = tuple(f"arm_{letter}" for letter in "bcdefghi")
PAUSE_S = 0.005
Change = Callable[[int, Day], Day]


def _two(**rule: Any) -> ExperimentConfig:
    return ExperimentConfig(control="trend", challengers=("dips",), **rule)


def _days(count: int, *ahead: float, sd: float = 0.002, change: Change = lambda number, day: day) -> list[Day]:
    """Return days of a control and challengers that are so much ahead of it a day."""
    both = noise(3, count, 0.01)
    arms = [both] + [both + mean + noise(10 + place, count, sd) for place, mean in enumerate(ahead)]
    days = [replace(day, opened_at_ns=START_NS + day.opened_at_ns) for day in days_of(*arms)]
    return [change(number, day) for number, day in enumerate(days, start=1)]


def _edited(number: int, day: Day) -> Day:
    """Let the challenger be another one from day 70 on, long after it had won."""
    changed = "limits.max_trades_per_day: 10 → 7 at 2018-03-11T04:00:00Z by web:anna" if number == 70 else ""
    own = replace(day.arms[1], config_hash="other", changed=changed) if number >= 70 else day.arms[1]
    return replace(day, arms=(day.arms[0], own))


def _fallen(number: int, day: Day) -> Day:
    """Let the challenger fall by more than a quarter on day 50."""
    return day if number != 50 else replace(day, arms=(day.arms[0], replace(day.arms[1], drawdown=0.31)))


def _busy(_number: int, day: Day) -> Day:
    """Let the challenger pay a tenth of its capital in fees a month."""
    return replace(day, arms=(day.arms[0], replace(day.arms[1], fees=day.arms[1].equity * 0.0033)))


TESTS: Mapping[str, tuple[ExperimentConfig, Sequence[Day] | None]] = {
    "not_begun": (_two(), None),
    "no_day": (_two(), []),
    "too_early": (_two(), _days(9, 0.0)),
    "open": (_two(), _days(80, 0.0001)),
    "better": (_two(), _days(120, 0.002)),
    "worse": (_two(), _days(120, -0.001)),
    "same": (_two(), _days(60, 0.0, sd=0.0)),
    "invalid": (_two(), _days(90, 0.002, change=_edited)),
    "stopped": (_two(), _days(60, 0.0, change=_fallen)),
    "vetoed": (_two(), _days(120, 0.002, change=_busy)),
    "equal_risk": (_two(risk_scale={"dips": 1.5}), _days(80, 0.0001)),
    "too_late": (_two(mode="fixed_end", days=60), _days(70, 0.0001)),
    "ended": (_two(ended=True), _days(120, 0.002)),
    "many": (
        ExperimentConfig(control="trend", challengers=MANY),
        _days(120, -0.002, 0.002, 0.0, 0.0005, -0.0005, 0.001, 0.0001, -0.001),
    ),
}


def config() -> LoligoConfig:
    """Return the bundled configuration, with all tests and the desks of the one with many."""
    given = read_config(ROOT)
    plain = given.desks["trend"].model_dump(mode="json")
    arms = {name: DeskConfig.model_validate({**plain, "timeframe": "4h"}) for name in MANY}
    tests = {name: one.model_dump(mode="json") for name, (one, _) in TESTS.items()}
    return given.model_copy(update={"desks": {**given.desks, **arms}, "experiments": tests})


def standing(name: str) -> Standing | None:
    """Return how a test of `TESTS` stands; None for one that has not begun."""
    one, days = TESTS[name]
    if days is None:
        return None
    hashes = {arm: f"c{place}" for place, arm in enumerate(one.arms)}
    plan = one.plan(name, hashes)
    return Standing(
        name=name,
        config=one,
        since_ns=START_NS - DAY_NS // 2,
        until_ns=days[-1].opened_at_ns + DAY_NS + 1 if one.ended else 0,
        plan=plan,
        runs={arm: _runs(arm, hashes[arm]) for arm in one.arms},
        began=dict.fromkeys(one.arms, 10_000.0),
        days=days,
        today=None,
        judgement=judge(plan, days),
    )


def _runs(arm: str, config_hash: str) -> Runs:
    return Runs(
        since_ns=START_NS,
        number=1,
        by="",
        code={"evaluator/rsi": "h1:3f2a9c41"},
        decides={},
        config_hash=config_hash,
        fee_schedule="f",
        account=arm,
        capital=10_000.0,
        timeframe="1h",
        instruments=1,
    )


class Judged:
    """What a bot knows of its tests, without a journal; `config` is what runs."""

    loaded: tuple[()] = ()
    begun = Exchanged(is_done=True, message="generation 7 waits until all desks are flat")  # what comes of a start

    def __init__(self) -> None:
        self.config = config()
        self.all = {name: standing(name) for name in TESTS}

    def standings(self) -> dict[str, Standing | None]:
        return {name: self.all[name] for name in self.config.experiments}

    def verdicts(self, _name: str) -> list[dict[str, Any]]:
        return []

    def made(self, standing: Standing, what: str, make: Callable[[Standing], Any]) -> Any:
        if not what.startswith("holding "):
            return make(standing)
        found = _held(standing) if standing.days else None
        return found if what == "holding all" or found is None else part_of(found)


def _held(standing: Standing) -> Basket:
    """Return what holding came to of a market with made-up prices, and of one that has none."""
    instants = instants_of(standing.days)
    prices = 100.0 * np.cumprod(1.0 + noise(2, len(instants), 0.03))
    known = list(zip(instants, map(float, prices), strict=True))
    return basket(standing.config.control, {"coinbase:BTC/USD": known, "coinbase:ETH/USD": []}, instants)


class _Nothing:
    """Read models and jobs of a bot that began one generation, and has done nothing else."""

    def __init__(self, home: Path) -> None:
        kept = recipe_of(config(), load_registry(ROOT / REGISTRY_FILE)).masked()
        stored = ContentStore(home / CONTENT_FOLDER).put(kept.files)
        self._began = {"number": 1, "phase": "good", "slots": [(RECIPE, stored, "")]}

    def rows(self, projection: str, **_: Any) -> list[Any]:
        return [self._began] if projection == "generations" else []

    def list(self, _kind: str) -> list[Any]:
        return []

    def catch_up(self) -> None:
        return None


async def _start(inside: Any, _asked: Any, _given: Any) -> experiment_starting.Begun:
    return experiment_starting.Begun(**inside.experiments.begun.model_dump())


async def _desks(_inside: Any, _asked: Any, _given: Any) -> Any:
    parts = {"evaluators": ["rsi"], "strategy": "weighted_vote", "mode": "spot"}
    return SimpleNamespace(desks=[SimpleNamespace(name=name, **parts) for name in ("trend", "dips")])


OFFERS = (
    *(replace(one, serve=_desks) for one in limits.OFFERS if one.verb.name == "desks"),
    *experimenting.OFFERS,
    *experiment_papers.OFFERS,
    *(replace(one, serve=_start) for one in experiment_starting.OFFERS),
    *experiment_acts.OFFERS,
)


@contextmanager
def page_of_tests(home: Path) -> Iterator[tuple[str, Judged]]:
    """Serve the page of a bot with these tests, in a thread; give its address and what it knows."""
    judged, found, stop = Judged(), threading.Event(), threading.Event()
    addresses: list[str] = []

    async def serve() -> None:
        nothing, venues = _Nothing(home), {"coinbase": None}
        engine = SimpleNamespace(venues=venues, portfolio=SimpleNamespace(accounts={}, books={}))
        rows: Any = nothing
        door: Any = FrontDoor(OFFERS)
        async with Supervisor({"edges": 1.0}) as tasks:
            parts = {"projecting": nothing, "rows": nothing, "jobs": nothing, "experiments": judged, "tasks": tasks}
            parts |= {"reconciler": SimpleNamespace(running=judged), "bot": SimpleNamespace(home=home, engine=engine)}
            notes = SimpleNamespace(put_first=lambda _note: None)  # nobody reads the audit here
            parts |= {"thread": SimpleNamespace(inbox=notes)}
            door.open(inside(**parts), Following(1, lambda: rows))
            web = WebInterface(WebSettings(port=0), MakeContext(home=str(home), door=door))
            serving = asyncio.create_task(web.run())
            while not (home / FIRST_LINK_FILE).exists() or not web.address:
                await asyncio.wait({serving}, timeout=PAUSE_S)
            addresses.append(web.address)
            found.set()
            await asyncio.to_thread(stop.wait)
            serving.cancel()
            await asyncio.wait({serving})

    (home / "state").mkdir(parents=True)
    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert found.wait(60)
        yield addresses[0], judged
    finally:
        stop.set()
        thread.join()
