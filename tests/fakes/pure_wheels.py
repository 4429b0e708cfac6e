"""Wheels as an index would have them: written as zips, found by pip in a folder and nowhere else.

What pip reads from the environment is what a person may set, too: `PIP_FIND_LINKS` and `PIP_NO_INDEX`.
"""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from loligo.registry.content import ContentStore
from loligo_kit.bringing import bundle_of
from loligo_kit.wheels import read_wheel
from loligo_packages.package_set import PackageSet, read_set

PURE, COMPILED = "py3-none-any", "cp311-cp311-linux_x86_64"


def environment_of(shop: Path) -> dict[str, str]:
    """Return the settings by which pip finds what lies in a folder, and asks nobody else."""
    return {"PIP_FIND_LINKS": str(shop), "PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": "/dev/null"}


def write_wheel(
    shop: Path, name: str, version: str, files: Mapping[str, str], *, requires: Iterable[str] = (), tag: str = PURE
) -> Path:
    """Write a wheel with these files into a folder and return it."""
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {one}\n" for one in requires)
    content = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: {str(tag == PURE).lower()}\nTag: {tag}\n",
    }
    record = "".join(f"{path},sha256={_digest(text)},{len(text.encode())}\n" for path, text in content.items())
    shop.mkdir(exist_ok=True)
    wheel = shop / f"{name.replace('-', '_')}-{version}-{tag}.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in {**content, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            archive.writestr(path, text)
    return wheel


def stored_set(home: Path, *wheels: Path) -> PackageSet:
    """Return wheels as the packages of one tentacle, kept below a folder."""
    bundle, store = bundle_of([read_wheel(wheel) for wheel in wheels]), ContentStore(home / "content")
    store.put(bundle.files)
    return read_set(bundle.locked.tree_hash, store)


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
