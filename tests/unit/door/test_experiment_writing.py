"""What an experiment writes into the files: put back when it is refused, and never over what others changed since."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from loligo.errors import BadArguments
from loligo.host import bundled_root
from loligo.model.command import SwapResult
from loligo.registry.registry_file import REGISTRY_FILE, RegistryEntry, editing, load_registry
from loligo_bot.door.exchanging import Changing, Exchanged
from loligo_bot.door.experiment_writing import written
from loligo_bot.experiments.draft import Draft
from loligo_bot.past import recipe_now
from loligo_bot.wish import SwapReport

CONFIG = "config/loligo.yaml"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    shutil.copytree(bundled_root() / "config", tmp_path / "config")
    shutil.copy(bundled_root() / REGISTRY_FILE, tmp_path)
    return tmp_path


def entries(home: Path) -> dict[str, RegistryEntry]:
    return {each.name: each for each in load_registry(home / REGISTRY_FILE).tentacles}


def pinned(home: Path, name: str) -> None:
    """Change an entry as a person does."""
    with editing(home / REGISTRY_FILE) as found:
        one = entries(home)[name]
        found[one.slot] = one.model_copy(update={"pin": True})


def draft_of(home: Path) -> Draft:
    """Return one in which two tentacles get other settings, and a desk another capital."""
    before = recipe_now(home).config
    config = {**before, "desks": {**before["desks"], "trend": {**before["desks"]["trend"], "capital": "70000"}}}
    there = [entries(home)[name] for name in ("rsi", "macd")]
    return Draft(config, before, moved=[(one, one.model_copy(update={"settings": {"period": 9}})) for one in there])


def written_and_refused(home: Path, draft: Draft, meanwhile: Callable[[], object]) -> Exchanged:
    """Have a draft written that is refused when it is taken up; somebody does something meanwhile."""

    async def refused(_turn: object, **_terms: object) -> tuple[None, SwapReport]:
        meanwhile()
        return None, SwapReport(result=SwapResult.REFUSED, number=2, text="not now")

    async def asked() -> Exchanged:
        inside = SimpleNamespace(home=home, swap_of_files=refused, start=lambda work, name: asyncio.ensure_future(work))
        who = cast(Any, SimpleNamespace(actor=SimpleNamespace(name="anna")))
        return await written(cast(Any, inside), who, Changing(), "promote", draft)

    return asyncio.run(asked())


def test_what_others_changed_while_a_refused_promotion_was_tried_stays(home: Path) -> None:
    macd = entries(home)["macd"]
    done = written_and_refused(home, draft_of(home), lambda: pinned(home, "rsi"))
    assert done.message == "promote; not now; the files are as they were"
    after = entries(home)
    assert after["rsi"].pin
    assert after["macd"] == macd


def test_what_others_changed_in_the_registry_since_the_draft_was_made_is_not_written_over(home: Path) -> None:
    draft, config = draft_of(home), (home / CONFIG).read_bytes()
    pinned(home, "macd")
    after = (home / REGISTRY_FILE).read_bytes()
    with pytest.raises(BadArguments, match=r"^evaluator macd was changed meanwhile by somebody else; look at it"):
        written_and_refused(home, draft, lambda: None)
    assert ((home / REGISTRY_FILE).read_bytes(), (home / CONFIG).read_bytes()) == (after, config)


def test_what_others_changed_in_the_configuration_since_the_draft_was_made_is_not_written_over(home: Path) -> None:
    draft, registry = draft_of(home), (home / REGISTRY_FILE).read_bytes()
    edited = re.sub(r"(  dips:\n(?:    .*\n)*?    timeframe: )\S+", r"\g<1>2h", (home / CONFIG).read_text())
    (home / CONFIG).write_text(edited)
    said = r"^config/loligo\.yaml \(desks\.dips\.timeframe\) was changed meanwhile by somebody else"
    with pytest.raises(BadArguments, match=said):
        written_and_refused(home, draft, lambda: None)
    assert ((home / REGISTRY_FILE).read_bytes(), (home / CONFIG).read_text()) == (registry, edited)
