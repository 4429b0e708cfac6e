"""Wheels are read as strictly as archives of strangers, and only what everybody can read is let in."""

from __future__ import annotations

from pathlib import Path

import pytest

from loligo.errors import TentacleError
from loligo_kit.wheels import joined, read_wheel
from tests.fakes.pure_wheels import COMPILED, write_wheel


def refusal(wheel: Path) -> str:
    with pytest.raises(TentacleError) as refused:
        read_wheel(wheel)
    return str(refused.value)


def test_files_lie_side_by_side_and_scripts_and_data_of_elsewhere_stay_out(tmp_path: Path) -> None:
    files = {
        "wavy/__init__.py": "",
        "wavy-1.0.data/purelib/foam.py": "",
        "wavy-1.0.data/scripts/wavy": "#!python\n",
        "wavy-1.0.data/data/share/wavy.txt": "",
    }
    wheel = read_wheel(write_wheel(tmp_path, "wavy", "1.0", files))
    modules = [path for path in wheel.files if ".dist-info/" not in path]
    assert modules == ["foam.py", "wavy/__init__.py"]
    assert (wheel.locked.name, wheel.locked.version, wheel.locked.wheel[:7]) == ("wavy", "1.0", "sha256:")
    assert wheel.locked.bytes == sum(map(len, wheel.files.values()))


@pytest.mark.parametrize(
    ("files", "tag", "said"),
    [
        ({"hard.py": ""}, COMPILED, f"is compiled code (wavy-1.0-{COMPILED}.whl), which no tentacle may bring"),
        ({"wavy/fast.so": ""}, "py3-none-any", "'wavy/fast.so' is machine code"),
        ({"wavy/data.bin": "\x7fELF"}, "py3-none-any", "wavy/data.bin is machine code"),
        ({"wavy.pth": "import os"}, "py3-none-any", "'wavy.pth' is code that runs at every start of Python"),
        ({"subprocess.py": ""}, "py3-none-any", "brings a module subprocess, which is not for packages"),
        ({"loligo_bot/__init__.py": ""}, "py3-none-any", "brings a module loligo_bot, which is not for packages"),
        ({"../wavy.py": ""}, "py3-none-any", "leads out of the package"),
    ],
)
def test_what_nobody_can_read_or_is_not_its_own_is_refused(
    tmp_path: Path, files: dict[str, str], tag: str, said: str
) -> None:
    told = refusal(write_wheel(tmp_path, "wavy", "1.0", files, tag=tag))
    assert said in told and "wavy 1.0" in told


def test_name_of_the_file_and_metadata_must_agree(tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path, "wavy", "1.0", {"wavy.py": ""})
    assert "its name wavy 9.0" in refusal(wheel.rename(tmp_path / "wavy-9.0-py3-none-any.whl"))


def test_two_packages_never_bring_the_same_file(tmp_path: Path) -> None:
    wheels = [read_wheel(write_wheel(tmp_path, name, "1.0", {"same.py": name})) for name in ("wavy", "ripple")]
    with pytest.raises(TentacleError, match=r"the packages wavy 1\.0 and ripple 1\.0 both bring same\.py"):
        joined(wheels)
