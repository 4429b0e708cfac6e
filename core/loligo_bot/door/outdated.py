"""The verb tentacle.outdated: asks the sources of installed tentacles what they have, when a person wants to know.

Nothing asks by itself, and nothing is installed: an update is looked at and agreed to as any other. What was found is
remembered until the bot ends, for the list of tentacles.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict

from pydantic import Field

from loligo.ports.door import Answer, Role
from loligo_bot.door.inside import Inside
from loligo_bot.door.installing import ELSEWHERE
from loligo_bot.door.offer import Arguments, Asked, Offer, changing
from loligo_bot.door.pages import Part
from loligo_bot.door.tentacles import folder
from loligo_kit.config import InstallConfig
from loligo_kit.outdated import outdated


class SourceRow(Part):
    """What the source of an installed tentacle has."""

    kind: str
    name: str
    version: str = Field(description="that is here")
    source: str
    available: str = Field(description="version that the source has; empty: what is here")
    problem: str = Field(description="why it could not be asked; empty: it was")


class Outdated(Answer):
    """Installed tentacles and what their sources have."""

    is_done: bool = True
    message: str
    sources: list[SourceRow]

    def lines(self) -> Sequence[str]:
        return [self.message, *(_line(one) for one in self.sources)]


def _line(one: SourceRow) -> str:
    news = one.problem or (f"{one.available} is there" if one.available else "nothing newer")
    return f"{one.kind}/{one.name} {one.version}: {news}"


async def ask_sources(inside: Inside, _asked: Asked, _given: Arguments) -> Outdated:
    """Ask each source that a package may come from; folders of this machine only where install.folders allows them."""
    may_folders = InstallConfig.model_validate(inside.config.install).folders
    bot = folder(inside)
    found = await asyncio.to_thread(outdated, bot, lambda source: may_folders or source.startswith(ELSEWHERE))
    inside.available.clear()
    inside.available.update({f"{one.kind}/{one.name}": one.available for one in found if one.available})
    newer = sum(bool(one.available) for one in found)
    said = f"{newer} of {len(found)} have something newer" if found else "no tentacle has a source that can be asked"
    failed = sum(bool(one.problem) for one in found)
    more = f"; {failed} could not be asked" if failed else ""
    return Outdated(message=said + more, sources=[SourceRow(**asdict(one)) for one in found])


OFFERS: tuple[Offer, ...] = (
    changing(
        "tentacle.outdated",
        "ask the sources of installed tentacles whether they have something newer",
        Role.ADMIN,
        Arguments,
        Outdated,
        ask_sources,
    ),
)
