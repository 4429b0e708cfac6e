"""`loligo init` makes a bot folder and never overwrites what a person wrote."""

from __future__ import annotations

import stat
from pathlib import Path

from .conftest import Call


def test_init_writes_configuration_profiles_registry_and_folders(call: Call, tmp_path: Path) -> None:
    home = tmp_path / "bot"
    called = call("init", home, "--json")
    assert called.code == 0
    assert {"config/loligo.yaml", "config/profiles/crypto.yaml", ".gitignore", ".env.example"} <= set(
        called.json["written"]
    )
    assert (home / "tentacle_registry.json").exists()
    assert stat.S_IMODE((home / "state").stat().st_mode) == 0o700
    assert all((home / name).is_dir() for name in ("state", "data", "logs", "reports"))
    assert "/.env" in (home / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_init_says_what_to_do_next(call: Call, tmp_path: Path) -> None:
    assert f"loligo run --home {tmp_path / 'bot'}" in call("init", tmp_path / "bot").out


def test_init_of_a_bot_keeps_what_is_there_and_adds_what_is_missing(call: Call, bot: Path) -> None:
    (bot / "config" / "loligo.yaml").write_text("# mine\n", encoding="utf-8")
    (bot / ".gitignore").unlink()
    called = call("init", bot, "--json")
    assert called.json["written"] == [".gitignore"]
    assert (bot / "config" / "loligo.yaml").read_text(encoding="utf-8") == "# mine\n"


def test_init_refuses_a_folder_with_other_things_unless_forced(call: Call, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear", encoding="utf-8")
    called = call("init", tmp_path)
    assert called.code == 3
    assert "not empty and not a bot folder" in called.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["letter.txt"]
    assert call("init", tmp_path, "--force").code == 0


def test_quiet_prints_nothing(call: Call, tmp_path: Path) -> None:
    called = call("init", tmp_path / "bot", "--quiet")
    assert (called.code, called.out, called.err) == (0, "", "")
