"""Packages that a tentacle brings are no way around its permissions: judged with it, and watched when they run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from loligo.errors import TentacleError
from loligo.host.verifier import TentacleVersion
from loligo_verifier.client import ProcessVerifier
from tests.fakes.pure_wheels import stored_set, write_wheel
from tests.fakes.tentacle_version import EVALUATOR, make_version


@pytest.fixture(scope="module")
def verifier() -> Iterator[ProcessVerifier]:
    one = ProcessVerifier()
    yield one
    one.close()


def bringing(tmp_path: Path, source: str, code: str = "import wavy\n", **manifest: str) -> TentacleVersion:
    """Return a tentacle that brings `wavy` with this source."""
    packages = stored_set(tmp_path, write_wheel(tmp_path, "wavy", "1.0", {"wavy/__init__.py": source}))
    made = make_version(code + EVALUATOR, files={}, **{"requires": '{ python = ["wavy"] }'} | manifest)
    return replace(made, packages=packages)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def f():\n    import subprocess\n", 'subprocess needs the permission "process"'),
        ("import math\nfrom os import environ\n", 'os.environ needs the permission "environment"'),
        (
            "import math\nimport importlib\n",
            'importlib hides what it imports; import it by name; with the permission "native"',
        ),
        ("import math\nexec('1')\n", 'exec runs code that nobody could read before; with the permission "native"'),
        ("import math\nfrom os import *\n", "imports os.*, which hides what is used"),
        ("import math\nimport loligo_store\n", "loligo_store is not for tentacles; use loligo.api"),
    ],
)
def test_breach_names_package_file_and_line(verifier: ProcessVerifier, tmp_path: Path, source: str, said: str) -> None:
    with pytest.raises(TentacleError) as refused:
        verifier.verify(bringing(tmp_path, source))
    assert str(refused.value).startswith(f"the package wavy 1.0, wavy/__init__.py, line 2: {said}")


def test_package_may_what_its_tentacle_may_and_that_is_told(verifier: ProcessVerifier, tmp_path: Path) -> None:
    source = "import importlib\n\ndef f():\n    import subprocess\n"
    found = verifier.verify(bringing(tmp_path, source, permissions='["native", "process"]')).findings
    assert (found.permissions, found.imports) == (["native", "process"], ["loligo.api", "wavy"])


def test_what_a_package_does_while_it_is_imported_is_seen(verifier: ProcessVerifier, tmp_path: Path) -> None:
    source = "import io\nio.open_code('/etc/hostname')\n"  # whatever the source does not show
    with pytest.raises(TentacleError, match=r"its package wavy, __init__\.py, line 2: open .* while it is imported"):
        verifier.verify(bringing(tmp_path, source))


def test_code_of_packages_comes_compiled_and_what_is_not_named_is_refused(
    verifier: ProcessVerifier, tmp_path: Path
) -> None:
    version = bringing(tmp_path, "SAID = 1\n")
    assert f"{version.packages.private_name}/wavy/__init__.py" in verifier.verify(version).code
    assert version.package.endswith(version.packages.tree_hash[3:15])
    with pytest.raises(TentacleError, match=r"imports wavy, which requires\.python of tentacle\.toml does not name"):
        verifier.verify(bringing(tmp_path, "", requires='{ python = ["numpy"] }'))
