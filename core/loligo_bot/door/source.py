"""What a tentacle says of itself and what it is made of: its README and all its files, to read."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from loligo.ports.door import Answer
from loligo.registry.manifest import read_manifest
from loligo.registry.tree import tree_hash
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Offer, reading
from loligo_bot.door.pages import Part
from loligo_bot.door.tentacles import OfTentacle, folder, found
from loligo_kit.compare import text_of

README = "README.md"
LONGEST_FILE = 100_000  # characters
LONGEST = 400_000  # of all files together


class SourceFile(Part):
    """One file; `text` is empty where `why_not` says why it is not shown."""

    path: str
    size: int = Field(description="bytes")
    text: str
    why_not: str


class TentacleSource(Answer):
    """The files of a tentacle as they lie there, the README first."""

    kind: str
    name: str
    version: str
    tree_hash: str
    readme: str = Field(description="Markdown; empty when there is none")
    files: list[SourceFile]

    def lines(self) -> Sequence[str]:
        head = f"{self.kind}/{self.name} {self.version} {self.tree_hash}"
        docs = [line for line in self.readme.splitlines() if line.strip()]
        return [head, *(f"{one.path}: {one.size:,} bytes" for one in self.files), *docs]


def source(inside: Inside, given: OfTentacle) -> TentacleSource:
    place, content = folder(inside).content(found(inside, given.name))
    manifest, left, files = read_manifest(place, content), LONGEST, []
    for path in sorted(content, key=lambda path: (path != README, path)):
        files.append(_file(path, content[path], left))
        left -= len(files[-1].text)
    readme = files[0].text if files and files[0].path == README else ""
    return TentacleSource(
        kind=manifest.kind,
        name=manifest.name,
        version=manifest.version,
        tree_hash=tree_hash(content),
        readme=readme,
        files=files,
    )


def _file(path: str, content: bytes, left: int) -> SourceFile:
    text = text_of(content)
    why_not = "no text" if text is None else "too long to show" if len(text) > min(left, LONGEST_FILE) else ""
    return SourceFile(path=path, size=len(content), text="" if why_not or text is None else text, why_not=why_not)


OFFERS: tuple[Offer, ...] = (
    reading("tentacle.source", "the README and the files of a tentacle", OfTentacle, TentacleSource, source),
)
