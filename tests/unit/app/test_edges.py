"""The edges of a bot are exchanged as one, from what the configuration and the registry name."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from loligo.config import LoligoConfig
from loligo.engine.plan import EnginePlan
from loligo.errors import ConfigError, TentacleError, TentacleOff
from loligo.host import Host
from loligo.runtime.inbox import Inbox
from loligo.runtime.supervisor import Supervisor
from loligo_bot.edge_plan import edge_plans, edge_slots
from loligo_bot.edges import Edges
from loligo_bot.generation import Generation
from tests.fakes.edges import QUICK, message
from tests.fakes.tentacle_folder import write_registry, write_tentacle

CODE = """
from loligo.api import Factory, TentacleSettings, hookimpl

class Settings(TentacleSettings):
    word: str = "first"
    {field}

class Made:
    def __init__(self, settings, context):
        self.home, self.word = context.home, settings.word
        if self.word == "never":
            raise OSError("cannot be made")

    def say(self, text):
        with open(self.home + "/{name}_lines.txt", "a") as file:
            file.write(self.word + " " + text + "\\n")

    async def notify(self, message):
        self.say(message.text)

    async def close(self):
        with open(self.home + "/closed.txt", "a") as file:
            file.write(self.word + "\\n")

    async def run(self, inbox, *, since_ns, since_count=None): ...

@hookimpl
def {kind}():
    return Factory(settings=Settings, create=Made)

@hookimpl
def bot_started(desks):
    write("started {version}\\n")

@hookimpl
def bot_stopping(reason):
    write(reason + " {version}\\n")

def write(line):
    with open("{home}/hooks.txt", "a") as file:
        file.write(line)
"""


def write(home: Path, kind: str, name: str, version: int = 1) -> None:
    code = CODE.format(kind=kind, name=name, home=home, version=version, field=f"version: int = {version}")
    file = home / "tentacles" / f"{kind}s" / name / "__init__.py"
    if file.exists():
        file.write_text(code)
    else:
        write_tentacle(home, kind, name, code=code, manifest={"permissions": '["files"]'})


def generation(home: Path, off: str = "", **config: Any) -> Generation:
    """Load what lies in the folder, whatever its hashes."""
    wanted = Host(home, home)
    registry = home / "tentacle_registry.json"
    registry.unlink(missing_ok=True)
    write_registry(home)
    loaded = Host(home, home)
    loaded.load_all()
    entries = [
        entry.model_copy(update={"permissions": ["files"], "enabled": entry.name != off})
        for entry in loaded.registry.tentacles
    ]
    wanted.load_all(registry=loaded.registry.model_copy(update={"tentacles": entries}))
    plan = EnginePlan(bot="test", accounts=(), desks=())
    return Generation(config=LoligoConfig(**config), host=wanted, loaded=wanted.loaded, plan=plan)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name in ("one", "two"):
        write(tmp_path, "notifier", name)
    write(tmp_path, "feed", "live")
    return tmp_path


BOTH: dict[str, Any] = {"notifiers": [{"tentacle": "one"}, {"tentacle": "two"}]}


@asynccontextmanager
async def opened(home: Path, first: Generation) -> AsyncIterator[Edges]:
    async with Supervisor({"edges": 2.0, "notifiers": 2.0}) as tasks:
        edges = Edges(first, str(home), {}, Inbox(), tasks.start, lambda name: (0, 0), QUICK)
        del first
        tasks.start(edges.feeds.run(), name="feeds", stage="edges")
        edges.open()
        yield edges


def lines(home: Path, name: str) -> list[str]:
    file = home / f"{name}_lines.txt"
    return file.read_text().splitlines() if file.exists() else []


async def exchanged(edges: Edges, wanted: Generation) -> None:
    await edges.prepare(wanted)
    await edges.commit()
    await edges.prove()


def test_only_what_differs_is_exchanged(home: Path) -> None:
    async def test() -> None:
        async with opened(home, generation(home, **BOTH)) as edges:
            settings = {"word": "second"}
            wanted = generation(home, notifiers=[{"tentacle": "one"}, {"tentacle": "two", "settings": settings}])
            await exchanged(edges, wanted)
            assert edges.steps == ("exchanges notifiers/two",)
            await edges.settle()
            edges.tell([message(1)], [])
        assert (lines(home, "one"), lines(home, "two")) == (["first 1"], ["second 1"])

    asyncio.run(test())


def test_one_that_cannot_be_made_leaves_all_as_it_was(home: Path) -> None:
    async def test() -> None:
        async with opened(home, generation(home, **BOTH)) as edges:
            words = {"one": "second", "two": "never"}
            notifiers = [{"tentacle": name, "settings": {"word": word}} for name, word in words.items()]
            with pytest.raises(TentacleError, match="notifier two cannot be made: OSError: cannot be made"):
                await edges.prepare(generation(home, notifiers=notifiers))
            assert (home / "closed.txt").read_text() == "second\n"
            edges.tell([message(1)], [])
        assert (lines(home, "one"), lines(home, "two")) == (["first 1"], ["first 1"])

    asyncio.run(test())


def test_a_notifier_that_is_added_leads_and_one_that_is_gone_is_told_nothing_more(home: Path) -> None:
    async def test() -> None:
        async with opened(home, generation(home, notifiers=[{"tentacle": "one"}])) as edges:
            await exchanged(edges, generation(home, notifiers=[{"tentacle": "two"}]))
            await edges.settle()
            edges.tell([message(1)], [])
            assert list(edges.status()) == ["notifiers/two"]
        assert (lines(home, "one"), lines(home, "two")) == ([], ["first 1"])

    asyncio.run(test())


@pytest.mark.parametrize("is_good", [True, False])
def test_hooks_of_a_new_version_are_called_and_those_of_the_one_that_goes_are_told(home: Path, is_good: bool) -> None:
    async def test() -> None:
        async with opened(home, generation(home, **BOTH)) as edges:
            write(home, "notifier", "one", version=2)
            await exchanged(edges, generation(home, **BOTH))
            await (edges.settle() if is_good else edges.undo())
            edges.hooks.relay.bot_stopping("end")

    asyncio.run(test())
    gone, stays = ("exchanged 1", "2") if is_good else ("taken back 2", "1")
    told = (home / "hooks.txt").read_text().splitlines()
    assert told[:2] == ["started 2", gone]
    assert sorted(told[2:]) == sorted([f"end {stays}", "end 1", "end 1"])  # live and two are of version 1


def test_a_version_that_was_replaced_is_let_go(home: Path) -> None:
    async def test() -> None:
        before = generation(home, **BOTH)
        old = weakref.ref(before.host.factory("notifier", "one").plugin)
        async with opened(home, before) as edges:
            del before
            edges.tell([message(1)], [])
            write(home, "notifier", "one", version=2)
            await exchanged(edges, generation(home, **BOTH))
            await edges.settle()
            assert edges.feeds.status() == {}
            await asyncio.sleep(0)
            gc.collect()
            assert old() is None

    asyncio.run(test())


def test_what_is_off_is_left_out_and_what_is_wrong_is_named(home: Path) -> None:
    def places(wanted: Generation) -> list[str]:
        return [plan.place for plan in edge_plans(wanted.config, wanted.host, str(home))]

    assert places(generation(home, **BOTH)) == ["notifiers/one", "notifiers/two"]
    assert places(generation(home, off="one", **BOTH)) == ["notifiers/two"]
    with pytest.raises(ConfigError, match=r"notifiers\.one\.settings of notifier one: .*wrod"):
        places(generation(home, notifiers=[{"tentacle": "one", "settings": {"wrod": "x"}}]))
    with pytest.raises(TentacleError, match="no notifier three"):
        places(generation(home, notifiers=[{"tentacle": "three"}]))


def test_two_notifiers_of_one_tentacle_have_places_of_their_own(home: Path) -> None:
    wanted = generation(home, notifiers=[{"tentacle": "one"}, {"tentacle": "one", "settings": {"word": "other"}}])
    plans = edge_plans(wanted.config, wanted.host, str(home))
    assert [plan.place for plan in plans] == ["notifiers/one", "notifiers/one#2"]
    assert plans[0].key != plans[1].key


def test_settings_of_configuration_and_registry_are_in_the_slots(home: Path) -> None:
    plain = generation(home, notifiers=[{"tentacle": "one"}])
    given = generation(home, notifiers=[{"tentacle": "one", "settings": {"word": "x"}}])
    entries = [entry.model_copy(update={"settings": {"word": "x"}}) for entry in plain.host.registry.tentacles]
    registry = plain.host.registry.model_copy(update={"tentacles": entries})
    slots = [edge_slots(one.config, one.host.registry) for one in (plain, given)]
    slots.append(edge_slots(plain.config, registry))
    assert [slot.tentacle for (slot,) in slots] == ["notifiers/one"] * 3
    assert slots[0] != slots[1] == slots[2]


def test_a_bot_that_never_ran_needs_a_feed_that_is_on(home: Path) -> None:
    feeds = {"feeds": [{"tentacle": "live"}]}

    async def test(off: str) -> None:
        async with opened(home, generation(home, off=off, **feeds)) as edges:
            edges.require_feeds()

    asyncio.run(test(""))
    with pytest.raises(TentacleOff, match=r'feed live is off: .*"enabled": true'):
        asyncio.run(test("live"))
