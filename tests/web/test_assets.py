"""Files for the browser: those of others only as they are pinned, ours without a word of any other address."""

from __future__ import annotations

import asyncio
import hashlib
import re
from importlib.resources import files
from pathlib import Path

import pytest

from loligo.api import TentacleError
from loligo_web.assets import HERE, LIBRARIES, PINS, Assets, pinned
from tests.web.site import site

OURS = sorted(path for folder in ("templates", "static") for path in (HERE / folder).rglob("*") if path.is_file())
ADDRESSES = {"https://www.tradingview.com/", "http://www.w3.org/2000/svg"}  # a link that is asked for; a namespace


def pin(content: bytes) -> str:
    return f'[[files]]\nname = "lib.js"\nsha256 = "{hashlib.sha256(content).hexdigest()}"\n'


def test_a_file_of_others_is_taken_only_as_it_is_pinned(tmp_path: Path) -> None:
    (tmp_path / "lib.js").write_bytes(b"one")
    assert pinned(pin(b"one"), tmp_path) == {"lib.js": b"one"}
    with pytest.raises(TentacleError, match=r"lib\.js: sha256 is [0-9a-f]{64}, VENDOR.toml wants"):
        pinned(pin(b"two"), tmp_path)
    (tmp_path / "lib.js").unlink()
    with pytest.raises(TentacleError, match="is missing: run `make setup`"):
        pinned(pin(b"one"), tmp_path)


def test_every_library_comes_with_its_licence() -> None:
    names = pinned(PINS.read_text(), files(LIBRARIES)).keys()
    libraries = {re.split(r"\.(min|LICENSE|js|css)", name)[0] for name in names}
    assert {name for name in libraries if not any("LICENSE" in one for one in names if one.startswith(name))} == set()


def test_no_file_of_ours_names_another_address() -> None:
    found = {
        (path.name, address)
        for path in OURS
        for address in re.findall(r"(?:https?:)?//[a-z0-9][^\s\"'<)]*", path.read_text(), re.IGNORECASE)
        if address not in ADDRESSES and not address.startswith("// ")
    }
    assert found == set()


def test_a_file_is_kept_for_a_year_under_a_url_that_names_its_content(tmp_path: Path) -> None:
    async def told() -> None:
        async with site(tmp_path) as place, place.visitor() as guest:
            url = Assets().url("page.css")
            async with guest.session.get(place.address + url) as response:
                assert response.headers["Content-Encoding"] == "gzip"
                assert "immutable" in response.headers["Cache-Control"]
                content = await response.read()
            async with guest.session.get(place.address + url, headers={"Accept-Encoding": "identity"}) as response:
                assert await response.read() == content == (HERE / "static" / "page.css").read_bytes()
            assert hashlib.sha256(content).hexdigest()[:12] in url

    asyncio.run(told())
