"""What a tentacle shows of itself: the tables `[show.page]` and `[show.widget]` of its manifest, read and judged.

A view is a declaration and no code: parts, each a question to the door and how the answer is laid out. What must hold:
nothing in it can change anything, be anything but text on a page, or grow without a bound. Whether the verbs and the
fields exist is seen where they are asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from loligo.errors import TentacleError
from loligo.registry.faults import describe_faults
from loligo.registry.manifest import MANIFEST_FILE, Manifest

PLACES: tuple[Place, ...] = ("page", "widget")
MOST_PARTS = 8
MOST_FIELDS = 10
Place = Literal["page", "widget"]
Title = Annotated[str, Field(min_length=1, max_length=40)]
Path = Annotated[str, Field(pattern=r"^[a-z_0-9]+(\.[a-z_0-9]+){0,5}$")]  # names of an answer, joined by dots
Look = Literal["text", "number", "amount", "signed", "price", "percent", "time", "market", "evaluator"]


class _Declared(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)


class Shown(_Declared):
    """A field under a heading, and how its value is written; without `as` that is seen from the value."""

    title: Title
    look: Look | None = Field(default=None, alias="as")


class Part(_Declared):
    """One question to the door, and how its answer is laid out."""

    title: Title
    verb: Annotated[str, Field(pattern=r"^[a-z][a-z_]*(\.[a-z_]+)*$", max_length=60)]
    arguments: dict[str, Any] = Field(default_factory=dict, max_length=10)
    each: Literal["desk", "instrument"] | None = None  # asked for each that the tentacle works for, by that argument
    show: Literal["facts", "table", "series"] = "table"
    rows: Path | None = None  # where the rows lie in the answer; lists on the way are gone through
    where: dict[Path, str | int | float | bool] = Field(default_factory=dict, max_length=4)  # only rows with these
    fields: Annotated[dict[Path, Shown | Title], Field(min_length=1, max_length=MOST_FIELDS)]
    at: Path = "at_ms"  # of a series: when, as ISO 8601 or ms since 1970
    limit: Annotated[int, Field(ge=1, le=100)] = 20  # rows of a table
    empty: Annotated[str, Field(max_length=120)] = "Nothing yet."

    @model_validator(mode="after")
    def _rows_belong_to_lists(self) -> Part:
        if self.show != "facts" and self.rows is None:
            raise ValueError(f'rows is missing: show = "{self.show}" needs the place of its rows in the answer')
        if self.show == "series" and len(self.fields) != 1:
            raise ValueError(f"fields: a series draws one field, {len(self.fields)} are given")
        return self

    @property
    def columns(self) -> Mapping[str, Shown]:
        return {path: Shown(title=one) if isinstance(one, str) else one for path, one in self.fields.items()}


class View(_Declared):
    """A page, or a card of the dashboard."""

    title: Title
    parts: Annotated[list[Part], Field(min_length=1, max_length=MOST_PARTS)]


def declared_places(manifest: Manifest) -> list[Place]:
    """Return where a tentacle wants to show something."""
    return [place for place in PLACES if place in manifest.show]


def read_view(manifest: Manifest, place: Place) -> View:
    """Return what a manifest declares for a place. TentacleError says every fault in it."""
    try:
        return View.model_validate(manifest.show.get(place, {}))
    except ValidationError as exc:
        where = f"{MANIFEST_FILE} of {manifest.name}, [show.{place}]"
        raise TentacleError(f"{where}: {describe_faults(exc, View)}") from exc
