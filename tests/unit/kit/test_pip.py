"""What pip brings, and what it refuses, in our words: both versions are named, or that it is compiled code."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from loligo.errors import TentacleError
from loligo_kit.pip import bring, bring_again
from tests.fakes.pure_wheels import COMPILED, environment_of, write_wheel

NUMPY = metadata.version("numpy")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shop = tmp_path_factory.mktemp("shop")
    write_wheel(shop, "wavy", "1.0", {"wavy.py": ""}, requires=["ripple", "numpy>=1"])
    write_wheel(shop, "ripple", "1.0", {"ripple.py": ""})
    write_wheel(shop, "greedy", "1.0", {"greedy.py": ""}, requires=["numpy>=99"])
    write_wheel(shop, "hard", "1.0", {"hard.py": ""}, tag=COMPILED)
    write_wheel(shop, "leaning", "1.0", {"leaning.py": ""}, requires=["hard"])
    return shop


@pytest.fixture(autouse=True)
def only_there(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment_of(shop).items():
        monkeypatch.setenv(name, value)


def test_what_is_lacking_is_brought_with_its_dependencies_and_the_same_again_by_hash(shop: Path) -> None:
    wheels = bring([Requirement("wavy")])
    assert [(each.locked.name, each.locked.version) for each in wheels] == [("ripple", "1.0"), ("wavy", "1.0")]
    assert [each.locked for each in bring_again([each.locked for each in wheels])] == [each.locked for each in wheels]


def test_another_wheel_of_that_name_and_version_is_not_the_same_again(shop: Path) -> None:
    (wheel,) = bring([Requirement("ripple")])
    other = wheel.locked.model_copy(update={"wheel": "sha256:" + "0" * 64})
    with pytest.raises(TentacleError, match=r"pip could not bring its packages: .*DO NOT MATCH THE HASHES"):
        bring_again([other])


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("greedy", f"its packages exclude each other: greedy 1.0 depends on numpy>=99, and numpy {NUMPY} is installed"),
        (
            "leaning",
            f"needs the package hard==1.0, which is compiled code (hard-1.0-{COMPILED}.whl): no tentacle may bring "
            "that; `pip install 'hard==1.0'` puts it beside Loligo, for all",
        ),
        ("wavy>=3", "needs the package wavy>=3: pip finds no wheel of it that fits; there are: 1.0"),
        ("no-such-thing", "needs the package no-such-thing: pip finds no wheel of it that fits; there are: none"),
        (
            "wavy @ https://example.org/wavy-1.0-py3-none-any.whl",
            "requires.python = 'wavy @ https://example.org/wavy-1.0-py3-none-any.whl': expected a name and versions, "
            "without an address",
        ),
    ],
)
def test_what_cannot_be_brought_is_refused_in_one_sentence(wanted: str, said: str) -> None:
    with pytest.raises(TentacleError) as refused:
        bring([Requirement(wanted)])
    assert str(refused.value) == said
