"""What a manifest may declare to show, and how faults in it are said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from loligo.errors import TentacleError
from loligo.registry.manifest import Manifest, read_manifest
from loligo_kit.views import declared_places, read_view
from tests.fakes.tentacle_folder import manifest_text
from tests.scenario.bots import ROOT

PART: dict[str, Any] = {"title": "Trades", "verb": "trades", "rows": "trades", "fields": {"net": "Net"}}
BRINGING = sorted(path for path in (ROOT / "tentacles").glob("*/*/tentacle.toml") if "[show." in path.read_text())


def manifest(**tables: Any) -> Manifest:
    files = {"tentacle.toml": manifest_text("evaluator", "one").encode(), "__init__.py": b""}
    return read_manifest(Path("one"), files).model_copy(update={"show": tables})


def page(**changes: Any) -> dict[str, Any]:
    return {"title": "Mine", "parts": [PART | changes]}


def test_a_field_may_say_how_its_values_are_written() -> None:
    fields = {"net": {"title": "Net", "as": "signed"}, "instrument": "Market"}
    view = read_view(manifest(page=page(fields=fields)), "page")
    columns = view.parts[0].columns
    assert [(path, one.title, one.look) for path, one in columns.items()] == [
        ("net", "Net", "signed"),
        ("instrument", "Market", None),
    ]


def test_a_tentacle_shows_something_where_it_declares_it() -> None:
    assert declared_places(manifest()) == []
    assert declared_places(manifest(widget=page())) == ["widget"]
    assert declared_places(manifest(widget=page(), page=page())) == ["page", "widget"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"verb": "rm -rf"}, "parts.0.verb = 'rm -rf'"),
        ({"fields": {}}, "parts.0.fields"),
        ({"fields": {f"f{n}": "F" for n in range(11)}}, "parts.0.fields"),
        ({"rows": None}, 'rows is missing: show = "table" needs the place of its rows'),
        ({"show": "series", "fields": {"a": "A", "b": "B"}}, "a series draws one field, 2 are given"),
        ({"show": "html"}, "parts.0.show = 'html'"),
        ({"limit": 101}, "parts.0.limit = 101"),
        ({"script": "alert(1)"}, "parts.0.script = 'alert(1)': unknown key"),
        ({"rows": "../secrets"}, "parts.0.rows = '../secrets'"),
    ],
)
def test_what_cannot_be_shown_is_refused_with_its_place(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(TentacleError) as caught:
        read_view(manifest(page=page(**changes)), "page")
    assert str(caught.value).startswith("tentacle.toml of one, [show.page]: ")
    assert said in str(caught.value)


@pytest.mark.parametrize("file", BRINGING, ids=lambda path: path.parent.name)
def test_what_bundled_tentacles_declare_can_be_read(file: Path) -> None:
    found = read_manifest(file.parent, {"tentacle.toml": file.read_bytes(), "__init__.py": b""})
    for place in declared_places(found):
        assert read_view(found, place).parts
