"""What is needed is met by what is brought or installed, to the last dependency; else both versions are named."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest

from loligo.errors import TentacleError
from loligo.registry.content import ContentStore
from loligo_packages.package_set import NO_PACKAGES, check_packages, closure, installed_versions, read_set
from tests.fakes.pure_wheels import stored_set, write_wheel

NUMPY = metadata.version("numpy")


def refusal(tmp_path: Path, wanted: str, *requires: str) -> str:
    packages = stored_set(tmp_path, write_wheel(tmp_path, "wavy", "1.0", {"wavy.py": ""}, requires=requires))
    with pytest.raises(TentacleError) as refused:
        check_packages([wanted], packages, "surf")
    return str(refused.value)


def test_what_is_installed_needs_nothing_to_be_brought() -> None:
    check_packages(["numpy>=1", "no-such-thing; sys_platform == 'none'"], NO_PACKAGES, "surf")


@pytest.mark.parametrize(
    ("wanted", "requires", "said"),
    [
        ("wavy>=2", (), "needs the package wavy>=2, wavy 1.0 is what it brings"),
        ("numpy<1", (), f"needs the package numpy<1, numpy {NUMPY} is installed"),
        ("wavy", ("numpy<1",), f"its package wavy 1.0 needs the package numpy<1, numpy {NUMPY} is installed"),
        (
            "wavy",
            ("ripple>=1",),
            "its package wavy 1.0 needs the package ripple>=1, which is not there; `loligo tentacle packages surf` "
            "brings it",
        ),
        (
            "wavy[salt]",
            ("ripple; extra == 'salt'",),
            "its package wavy 1.0 needs the package ripple, which is not there",
        ),
    ],
)
def test_what_is_not_met_is_named_with_what_there_is(
    tmp_path: Path, wanted: str, requires: tuple[str, ...], said: str
) -> None:
    assert refusal(tmp_path, wanted, *requires).startswith(said)


def test_only_what_is_needed_belongs_to_it_and_circles_end(tmp_path: Path) -> None:
    wheels = [
        write_wheel(tmp_path, "wavy", "1.0", {"wavy.py": ""}, requires=["ripple", "foam; extra == 'salt'"]),
        write_wheel(tmp_path, "ripple", "2.0", {"ripple.py": ""}, requires=["wavy"]),
        write_wheel(tmp_path, "foam", "3.0", {"foam.py": ""}),
    ]
    packages = stored_set(tmp_path, *wheels)
    assert [one.name for one in closure(["wavy"], packages, "surf")] == ["wavy", "ripple"]
    assert "foam.py" not in packages.only(["wavy", "ripple"])


def test_set_that_was_changed_on_the_disk_is_refused(tmp_path: Path) -> None:
    packages = stored_set(tmp_path, write_wheel(tmp_path, "wavy", "1.0", {"wavy.py": ""}))
    wanted, folder = packages.tree_hash, packages.folder
    del packages  # while somebody has it, it is what was read
    (folder / "wavy.py").write_text("print('hello')\n")
    with pytest.raises(TentacleError, match="was changed"):
        read_set(wanted, ContentStore(tmp_path / "content"))


def test_installed_packages_are_listed_by_canonical_names() -> None:
    assert installed_versions()["discord-py"] == metadata.version("discord.py")
