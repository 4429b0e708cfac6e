"""A bot folder in one file: taken while the bot trades, and a bot again in another folder."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.scenario.bots import BotFolder, ended

SPEED = "90000"  # a bot that lasts for a while on a busy machine, too
SECRET = "# the key is do-not-tell"


@pytest.fixture(scope="module")
def taken(
    new_season: Callable[[str], BotFolder], tmp_path_factory: pytest.TempPathFactory
) -> tuple[BotFolder, Path, Path]:
    """A bot that was stopped in the middle of its season, a backup by the command line made while it ran, and one by
    its door."""
    bot = new_season("backed-up")
    (bot.home / ".env").write_text(SECRET)
    (bot.home / "state" / "web").mkdir(parents=True)
    (bot.home / "state" / "web" / "access.db").write_text("a login")
    file = tmp_path_factory.mktemp("kept") / "season.zip"
    with bot.running("run", "--headless", "--speed", SPEED) as process:
        bot.wait_until(lambda status: status["next_seq"] > 2_000)
        done = bot.call("backup", "--output", str(file))
        assert done.code == 0, done.err
        assert done.data["last_seq"] > 1_000 and done.data["bytes"] == file.stat().st_size
        first = bot.asked("backup.make")["answer"]
        kept = Path(shutil.copy(bot.home / first["file"], file.with_name("by_door.zip")))  # before the note of it
        by_door = bot.asked("backup.make", keep=1)["answer"]
        assert first["file"] != by_door["file"] and "1 older removed" in by_door["message"]
        assert by_door["is_done"] and by_door["file"].startswith("backups/loligo-"), by_door
        (listed,) = bot.asked("backups")["answer"]["backups"]
        assert listed["file"] == by_door["file"]
        assert wal_after_a_visitor(bot) == wal_after_a_visitor(bot)
        process.terminate()
        assert ended(process).code == 0
    return bot, file, kept


def wal_after_a_visitor(bot: BotFolder) -> int:
    """Return which file the journal's log is, after somebody else has read the journal. Whoever closes a database that
    nobody else has locked removes the log, under the bot that writes to it."""
    journal = bot.home / "state" / "journal.sqlite"
    with closing(sqlite3.connect(journal)) as visitor:
        assert visitor.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] > 0
    return journal.with_name(f"{journal.name}-wal").stat().st_ino


@pytest.fixture(scope="module")
def new_season(season_template: BotFolder, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], BotFolder]:
    return lambda name: season_template.copy(tmp_path_factory.mktemp(name) / "bot")


def restored(file: Path, bot: BotFolder, home: Path) -> BotFolder:
    again = BotFolder(home)
    again.environment |= bot.environment
    home.parent.mkdir(exist_ok=True)
    done = BotFolder(home.parent).call("--home", str(home), "restore", str(file))
    assert done.code == 0, done.err
    return again


def test_a_backup_of_a_running_bot_is_a_bot_that_comes_to_the_same_end(
    season: BotFolder, taken: tuple[BotFolder, Path, Path], tmp_path: Path
) -> None:
    bot, *files = taken
    for number, file in enumerate(files):
        again = restored(file, bot, tmp_path / str(number) / "bot")
        done = again.call("run", "--headless")
        assert done.code == 0, done.err
        assert done.data["is_resumed"] is True
        assert again.digest() == season.digest()
        assert again.rows() == season.rows()


def test_keys_and_logins_stay_behind_and_only_the_owner_may_read_it(
    taken: tuple[BotFolder, Path, Path], tmp_path: Path
) -> None:
    bot, *files = taken
    for file in files:
        assert file.stat().st_mode & 0o777 == 0o600
        with zipfile.ZipFile(file) as archive:
            assert "config/loligo.yaml" in archive.namelist() and "state/journal.sqlite" in archive.namelist()
            assert not [name for name in archive.namelist() if name == ".env" or name.startswith("state/web")]
            assert all(SECRET.encode() not in archive.read(name) for name in archive.namelist())
    again = restored(files[0], bot, tmp_path / "bot")
    assert (again.home / "state").stat().st_mode & 0o777 == 0o700
    assert not (again.home / ".env").exists()


def rewritten(file: Path, target: Path, change: Callable[[dict[str, bytes]], object]) -> Path:
    """Copy a backup with other content."""
    with zipfile.ZipFile(file) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    change(content)
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return target


def lists(content: dict[str, bytes], name: str, data: bytes) -> None:
    """Let a backup hold one more file, as if it had been made so."""
    about = json.loads(content["backup.json"])
    about["files"][name] = hashlib.sha256(data).hexdigest()
    content |= {"backup.json": json.dumps(about).encode(), name: data}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda content: content.update({"config/loligo.yaml": b"bot: {}"}), "config/loligo.yaml is not what was"),
        (lambda content: content.pop("tentacle_registry.json"), 'it does not hold what it lists: "tentacle_registry'),
        (lambda content: content.update({"state/more": b""}), 'it does not hold what it lists: "state/more"'),
        (lambda content: lists(content, "state/../../outside", b"x"), '"state/../../outside" is no part of a bot'),
        (lambda content: lists(content, "/etc/outside", b"x"), '"/etc/outside" is no part of a bot'),
        (lambda content: lists(content, ".env", b"x"), '".env" is no part of a bot'),
        (lambda content: content.update({"backup.json": b'{"format": 9}'}), "format 9, expected 1"),
        (lambda content: content.update({"backup.json": b"[]"}), "format [], expected 1"),
        (lambda content: content.pop("backup.json"), "There is no item named 'backup.json'"),
    ],
)
def test_what_is_not_as_it_was_made_is_refused_and_leaves_nothing(
    taken: tuple[BotFolder, Path, Path], tmp_path: Path, change: Callable[[dict[str, bytes]], object], told: str
) -> None:
    bad = rewritten(taken[1], tmp_path / "bad.zip", change)
    done = BotFolder(tmp_path).call("--home", str(tmp_path / "new"), "restore", str(bad))
    assert (done.code, told in done.data["error"]["message"]) == (3, True), done
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.zip"]


def test_a_folder_with_anything_in_it_is_never_written_over(
    taken: tuple[BotFolder, Path, Path], tmp_path: Path
) -> None:
    bot, file, _ = taken
    home = tmp_path / "mine"
    shutil.copytree(bot.home / "config", home / "config")
    before = sorted(home.rglob("*"))
    done = BotFolder(home).call("restore", str(file))
    assert done.code == 3 and "not empty; restore into a new folder" in done.err + done.out
    assert sorted(home.rglob("*")) == before
    whole = file.read_bytes()
    (tmp_path / "worn.zip").write_bytes(whole[:2_000] + bytes(800) + whole[2_800:])
    done = BotFolder(tmp_path).call("--home", str(tmp_path / "new"), "restore", str(tmp_path / "worn.zip"))
    assert done.code == 3 and "not a whole backup" in done.err + done.out
    (tmp_path / "half.zip").write_bytes(whole[:-400])
    done = BotFolder(tmp_path).call("--home", str(tmp_path / "new"), "restore", str(tmp_path / "half.zip"))
    assert done.code == 3 and "not a whole backup" in done.err + done.out
    missing = BotFolder(tmp_path).call("--home", str(tmp_path / "new"), "restore", "nowhere.zip")
    assert missing.code == 4 and "no such file" in missing.err + missing.out
    again = BotFolder(home).call("backup", "--output", str(file))
    assert again.code == 3 and "there is such a file already" in again.err + again.out


def test_a_bot_that_never_ran_is_backed_up_too(template: BotFolder, tmp_path: Path) -> None:
    bot = template.copy(tmp_path / "bot")
    done = bot.call("backup")
    assert (done.code, done.data["last_seq"]) == (0, 0), done.err
    again = restored(Path(done.data["file"]), bot, tmp_path / "again" / "bot")
    assert again.call("config", "check").code == 0
