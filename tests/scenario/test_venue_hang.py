"""A venue that answers inside the engine and does not return from a call: nobody can stand in for it, since orders may
have come in half-way. The run ends with a sentence, and the next one goes on from the journal.

The venue is the simulated one, but that it waits at one candle for as long as a file stands beside the bot.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loligo.model.timeframe import ns_from_iso
from tests.fakes.tentacle_folder import write_registry
from tests.scenario.bots import ROOT, BotFolder

HANGS_AT = "2017-12-18T01:00:00Z"  # at which `dips` and `monthly` enter
HANGING = """
from pathlib import Path
from loligo.api import Factory, hookimpl
from .settings import SimulatedVenueSettings
from .simulated import SimulatedVenue


class HangingVenue(SimulatedVenue):
    def {call}(self, item, *more):
        while {at_ns} in (getattr(item, "ts", 0), *more) and Path({file!r}).exists():
            pass
        return super().{call}(item, *more)


@hookimpl
def venue() -> Factory:
    return Factory(settings=SimulatedVenueSettings, create=HangingVenue)
"""


def write_venue(bot: BotFolder, call: str, file: Path) -> BotFolder:
    folder = bot.home / "tentacles" / "venues" / "hanging"
    shutil.copytree(ROOT / "tentacles" / "venues" / "simulated", folder, ignore=shutil.ignore_patterns("__pycache__"))
    manifest = folder / "tentacle.toml"
    manifest.write_text(manifest.read_text().replace('name = "simulated"', 'name = "hanging"'))
    at_ns = ns_from_iso(HANGS_AT)
    (folder / "__init__.py").write_text(HANGING.format(call=call, at_ns=at_ns, file=str(file)))
    write_registry(bot.home)
    bot.environment |= {"LOLIGO__ENGINE__TENTACLE_TIMEOUT_S": "0.5"}

    def change(config: dict[str, Any]) -> None:
        config["venues"]["coinbase"]["kind"] = "hanging"
        config["feeds"][0]["settings"] |= {"until": "2017-12-22"}

    return bot.edit(change)


@pytest.mark.parametrize("call", ["on_candle", "submit"])
def test_a_venue_that_hangs_ends_the_run_and_the_next_one_goes_on_as_if_nothing_had_been(
    new_season: Callable[[str], BotFolder], tmp_path: Path, call: str
) -> None:
    file = tmp_path / "hang"
    disturbed = write_venue(new_season("disturbed"), call, file)
    undisturbed = disturbed.copy(tmp_path / "undisturbed")
    assert undisturbed.call("run", "--headless").code == 0
    file.touch()
    done = disturbed.call("run", "--headless")
    assert (done.code, done.data["error"]["kind"]) == (1, "TentacleError")
    said = done.data["error"]["message"]
    assert "venue_hanging was interrupted after 0.5 s in __init__.py, line " in said
    assert "start again, and the bot goes on from there" in said
    assert disturbed.call("run", "--headless").code == 1  # it still hangs, and nothing is lost or doubled by that
    file.unlink()
    done = disturbed.call("run", "--headless")
    assert (done.code, done.data["is_resumed"]) == (0, True), done.err
    assert disturbed.digest() == undisturbed.digest()
    assert disturbed.rows() == undisturbed.rows()
