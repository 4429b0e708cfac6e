"""Code that brings packages imports from its own set, and nobody else sees them."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from types import ModuleType

import pytest

from loligo.host.finder import import_tree, installed_finder
from loligo_bot.leaks import LeakAudit
from loligo_packages.importing import NAMESPACE, offer
from loligo_packages.package_set import PackageSet, version_of
from tests.fakes.pure_wheels import stored_set, write_wheel

WORDS = {
    "wavy/__init__.py": "import importlib.metadata\nOWN = importlib.metadata.version('wavy')\nNAMED = __name__\n",
    "wavy/words.py": (
        "import wavy\nimport json as j\nfrom . import OWN\nfrom wavy import NAMED\nclass Word: text = j.dumps(OWN)\n"
    ),
    "wavy/data.txt": "salt",
}


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    yield
    for name in [name for name in sys.modules if name.startswith(f"{NAMESPACE}.") and name.count(".") == 1]:
        installed_finder().forget(name)


def load(name: str, packages: PackageSet, source: str) -> ModuleType:
    """Return a module that was loaded with a set, as the host loads a tentacle."""
    return import_tree(
        f"{NAMESPACE}.{name}", {"__init__.py": source.encode()}, Path(name), {}, offer(packages, {}, import_tree)
    )


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import wavy\nSAID = wavy.OWN", "1.0"),
        ("import wavy.words\nSAID = wavy.words.Word.text", '"1.0"'),
        ("import wavy.words as w\nSAID = w.Word.text", '"1.0"'),
        ("from wavy import words\nSAID = words.Word.text", '"1.0"'),
        ("from wavy.words import Word\nSAID = Word.text", '"1.0"'),
        ("def f():\n    import wavy\n    return wavy.OWN\nSAID = f()", "1.0"),
        ("import json\nSAID = json.dumps(1)", "1"),
        ("import os.path\nSAID = os.path.join('a', 'b')", "a/b"),
    ],
)
def test_every_way_to_import_finds_the_set_and_else_what_python_has(tmp_path: Path, source: str, said: str) -> None:
    packages = stored_set(tmp_path, write_wheel(tmp_path, "wavy", "1.0", WORDS))
    assert said == load("one", packages, source).SAID


def test_two_versions_of_a_package_live_side_by_side_and_nobody_else_has_any(tmp_path: Path) -> None:
    sets = [stored_set(tmp_path, write_wheel(tmp_path, "wavy", version, WORDS)) for version in ("1.0", "2.0")]
    one, two = (load(name, each, "import wavy") for name, each in zip(("one", "two"), sets, strict=True))
    assert (one.wavy.OWN, two.wavy.OWN) == ("1.0", "2.0")
    assert "wavy" not in sys.modules and importlib.util.find_spec("wavy") is None
    with pytest.raises(ModuleNotFoundError, match="No module named 'wavy'"):
        load("bare", PackageSet(), "import wavy")


def test_who_brings_the_same_set_shares_its_modules_and_the_last_takes_them_along(tmp_path: Path) -> None:
    packages = stored_set(tmp_path, write_wheel(tmp_path, "wavy", "1.0", WORDS))
    one, two = (load(name, packages, "import wavy") for name in ("one", "two"))
    assert one.wavy is two.wavy
    installed_finder().forget(f"{NAMESPACE}.{packages.private_name}")
    assert not [name for name in sys.modules if packages.private_name in name]
    with pytest.raises(metadata.PackageNotFoundError):
        metadata.version("wavy")


def test_set_that_is_let_go_leaves_nothing_behind_but_what_somebody_holds(tmp_path: Path) -> None:
    packages = stored_set(tmp_path, write_wheel(tmp_path, "wavy", "1.0", WORDS))
    audit, names = LeakAudit(), [f"{NAMESPACE}.one", f"{NAMESPACE}.{packages.private_name}"]
    held = [load("one", packages, "from wavy.words import Word").Word]
    audit.retire(names)
    audit.close()
    assert list(audit.look()) == [names[1]]  # the class is of the package
    held.clear()
    assert audit.look() == {}


def test_package_is_asked_for_its_version_by_any_of_its_names_and_is_not_installed(tmp_path: Path) -> None:
    packages = stored_set(tmp_path, write_wheel(tmp_path, "wavy", "1.0", WORDS))
    made = load("one", packages, "import wavy")
    assert metadata.version("Wavy") == metadata.version(made.wavy.NAMED) == "1.0"
    assert "wavy" not in [each.metadata["Name"] for each in metadata.distributions()]
    assert version_of("wavy") == "" and version_of("numpy") == metadata.version("numpy")


def test_folder_without_an_init_is_a_package_too_and_tests_are_no_modules(tmp_path: Path) -> None:
    files = {"sea/wave/high.py": "SAID = 'high'\n", "sea/tests/test_it.py": "raise RuntimeError\n"}
    packages = stored_set(tmp_path, write_wheel(tmp_path, "sea", "1.0", files))
    assert load("one", packages, "from sea.wave.high import SAID").SAID == "high"
    with pytest.raises(ModuleNotFoundError):
        load("two", packages, "import sea.tests.test_it")


HERE = "wavy/__init__.py"
BY_NAME = "SAID = {}('wavy').joinpath('data/salt.txt').read_text()"


@pytest.mark.parametrize(
    "source",
    [
        f"import importlib.resources\n{BY_NAME.format('importlib.resources.files')}",
        f"import importlib.resources as r\n{BY_NAME.format('r.files')}",
        f"from importlib import resources\n{BY_NAME.format('resources.files')}",
        f"from importlib.resources import files\n{BY_NAME.format('files')}",
        "from importlib.resources import files\nSAID = files(__name__).joinpath('data', 'salt.txt').read_text()",
        "from importlib.resources import files\nSAID = (files('wavy.data') / 'salt.txt').read_text()",
        "from importlib.resources import as_file, files\n"
        "with as_file(files(__package__) / 'data' / 'salt.txt') as file:\n    SAID = file.read_text()",
        "import pkgutil\nSAID = pkgutil.get_data('wavy', 'data/salt.txt').decode()",
        "from pkgutil import get_data\nSAID = get_data(__name__, 'data/salt.txt').decode()",
        "import importlib, importlib.util, importlib.machinery\n"
        "assert importlib.util.find_spec('wavy.deep') and not importlib.util.find_spec('wavy.none')\n"
        "assert importlib.machinery.ModuleSpec and importlib.util.find_spec('json')\n"
        "SAID = importlib.import_module('wavy.deep').SAID",
        "from importlib import import_module\nSAID = import_module('.deep', package='wavy').SAID",
        "from . import deep\nSAID = deep.SAID",
    ],
)
def test_package_reads_the_data_that_it_brings_by_whatever_name(tmp_path: Path, source: str) -> None:
    deep = "from pathlib import Path\nSAID = (Path(__file__).parent / 'data' / 'salt.txt').read_text()\n"
    files = {HERE: source, "wavy/deep.py": deep, "wavy/data/salt.txt": "salt"}
    packages = stored_set(tmp_path, write_wheel(tmp_path, "wavy", "1.0", files))
    assert load("one", packages, "from wavy import SAID").SAID == "salt"


def test_tentacle_reads_data_of_its_packages_by_name_and_its_neighbour_cannot(tmp_path: Path) -> None:
    files = {HERE: "", "wavy/salt.txt": "salt"}
    packages = stored_set(tmp_path, write_wheel(tmp_path, "wavy", "1.0", files))
    source = "from importlib.resources import files\nSAID = files('wavy').joinpath('salt.txt').read_text()"
    assert load("one", packages, source).SAID == "salt"
    with pytest.raises(ModuleNotFoundError, match="No module named 'wavy'"):
        load("bare", PackageSet(), source)
