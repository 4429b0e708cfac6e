"""Installed Python packages that were exchanged under a running bot: Python goes on with those that it has imported.

What must hold: no version of a tentacle comes to lead that asks for a package by what lies on the disk, while the
process has another one of it in memory, where compiled code can never be exchanged. Those that a tentacle brings are
of no concern here: each set of them has modules of its own.
"""

from __future__ import annotations

from collections.abc import Iterable

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from loligo.host import LoadedTentacle
from loligo_packages.package_set import requirements_of, version_of

_OURS = "loligo"  # what it requires is in memory, or may be at any time


class Packages:
    """The versions of packages that this process works with; of each the first that was noted."""

    def __init__(self, loaded: Iterable[LoadedTentacle]) -> None:
        self._versions: dict[str, str] = {}
        self._note(requirements_of(_OURS))  # none when run from a folder that nobody installed
        self.note(loaded)

    def note(self, loaded: Iterable[LoadedTentacle]) -> None:
        """Take note of what these tentacles have brought into memory."""
        for item in loaded:
            self._note(item.manifest.requires.python)

    def exchanged(self, loaded: Iterable[LoadedTentacle]) -> str:
        """Return in one sentence which package of these tentacles is another one by now; "" when none is."""
        for item in loaded:
            for text in item.manifest.requires.python:
                name = canonicalize_name(Requirement(text).name)
                known, found = self._versions.get(name), version_of(name)
                if known is not None and found != known:
                    return (
                        f"{item.kind}/{item.name} needs the package {text}: {name} {found or '(none)'} is installed by "
                        f"now, and the running bot works with {known}, which Python cannot exchange; install "
                        f"'{name}=={known}' again, or stop the bot and run it again"
                    )
        return ""

    def _note(self, requirements: Iterable[str]) -> None:
        for text in requirements:
            name = canonicalize_name(Requirement(text).name)
            if name not in self._versions and (found := version_of(name)):
                self._versions[name] = found
