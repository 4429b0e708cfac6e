"""A real bot whose token lies in a vault: who can open it, what a running bot takes up, where no secret is found."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from loligo_bot.vault import PASSPHRASE, PASSPHRASE_FILE, VAULT_FILE
from loligo_bot.vault_file import key_of, opened, read_vault
from tests.fakes.telegram_server import TOKEN, telegram
from tests.scenario.bots import LIMIT_S, LOLIGO, BotFolder, Ended
from tests.scenario.test_swap_running import edit_config, edit_registry

WORDS, NEW_WORDS = "salzkruste-41-nordwind", "treibgut-93-leuchtturm"
WRONG_TOKEN = "7713:Tx9-kein-guter-Schluessel"
KEY = "interfaces.telegram.token"
PER_SECOND = "72000"  # 20 candles of an hour in a second
KILLED_COMMAND = Path(__file__).with_name("killed_command.py")


@dataclass(frozen=True, slots=True)
class Vaulted:
    """A bot folder whose commands are processes of their own, with a real environment and standard input."""

    bot: BotFolder

    @property
    def file(self) -> Path:
        return self.bot.home / VAULT_FILE

    def call(self, *arguments: str, given: str = "", **environment: str) -> Ended:
        began = time.monotonic()
        done = subprocess.run(
            (*LOLIGO, "--home", str(self.bot.home), "--json", *arguments), input=given, capture_output=True,
            text=True, timeout=LIMIT_S, env=self.bot.environment | environment, start_new_session=True, check=False,
        )  # fmt: skip
        return Ended(done.returncode, done.stdout, done.stderr, time.monotonic() - began)

    def keep(self, value: str, key: str = KEY, words: str = WORDS) -> Ended:
        done = self.call("vault", "set", key, given=value, **{PASSPHRASE: words})
        assert done.code == 0, done.out + done.err
        return done

    def values(self, words: str = WORDS) -> dict[str, str]:
        vault = read_vault(self.file.read_bytes(), "vault")
        return opened(vault, key_of(vault, words, "vault"), "vault")


@pytest.fixture
def vaulted(template: BotFolder, tmp_path: Path) -> Vaulted:
    """The bundled bot, with Telegram on."""
    quick = {"LOLIGO__SWAP__PROBATION_S": "0.5", "LOLIGO__SWAP__SHADOW_S": "0.5", "PYTHONHASHSEED": "7"}
    bot = template.copy(tmp_path / "bot", **quick)
    edit_registry(bot, lambda entries: [entry.update(enabled=True) for entry in entries if entry["name"] == "telegram"])
    return Vaulted(bot.edit(lambda config: config["feeds"][0]["settings"].update(since="2018-01-01")))


def with_telegram(bot: BotFolder, settings: dict[str, Any]) -> None:
    """Configure the chat, all but its token."""
    known = {key: value for key, value in settings.items() if key != "token"}
    known |= {"allowed": {"1": "admin"}, "chats": [{"chat": 1}]}
    edit_config(bot, lambda config: config.update(interfaces=[{"tentacle": "telegram", "settings": known}]))


def below(pid: int) -> Iterator[int]:
    """Yield every process that one has started, with what those have started."""
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            child = int(entry.parent.name)
            yield child
            yield from below(child)


def told_by(pid: int, parent: int) -> bytes:
    """Return what anybody may read of a process of theirs, arguments and environment, once it is a program of its own:
    for an instant after its fork it still shows those of its parent."""
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes()
        is_own = arguments and arguments != Path(f"/proc/{parent}/cmdline").read_bytes()
        return arguments + Path(f"/proc/{pid}/environ").read_bytes() if is_own else b""
    except OSError:
        return b""


def in_files(home: Path, *secrets: str) -> list[str]:
    """Return the files of a bot folder in which a secret stands."""
    files = [path for path in home.rglob("*") if path.is_file()]
    return [str(path) for path in files for secret in secrets if secret.encode() in path.read_bytes()]


def test_a_bot_talks_by_a_token_that_is_set_while_it_runs_and_no_secret_is_found_anywhere(vaulted: Vaulted) -> None:
    bot = vaulted.bot

    async def story() -> tuple[str, str]:
        async with telegram(time.time) as server:
            with_telegram(bot, server.settings)
            await asyncio.to_thread(vaulted.keep, WRONG_TOKEN)
            bot.environment[PASSPHRASE] = WORDS
            with bot.running("run", "--headless", "--speed", PER_SECOND) as process:
                await asyncio.to_thread(bot.wait_until, lambda status: status["next_seq"] > 50)
                assert not server.sent
                told = await asyncio.to_thread(vaulted.keep, TOKEN)
                assert told.data["running"]["ok"], told.out
                await server.say(1, "/status")
                await server.until(lambda: any(sent.text.startswith("Status") for sent in server.sent), within_s=30)
                shown = await asyncio.to_thread(bot.asked, "config.show")
                process.send_signal(signal.SIGTERM)
                out, err = await asyncio.to_thread(process.communicate, timeout=LIMIT_S)
                assert process.returncode == 0, err
                return out + err, str(shown)

    said, shown = asyncio.run(asyncio.wait_for(story(), LIMIT_S))
    said += str([vaulted.call(*verb).out for verb in (["config", "get"], ["config", "history"], ["vault", "list"])])
    journal = repr(bot.records()) + repr(bot.rows())
    for secret in (TOKEN, WRONG_TOKEN, WORDS):
        assert secret not in said + shown + journal
    assert "'value': '***', 'origin': 'vault'" in shown
    assert in_files(bot.home, TOKEN, WRONG_TOKEN, WORDS) == []
    assert stat.S_IMODE(vaulted.file.stat().st_mode) == 0o600


def test_no_process_that_a_bot_starts_is_given_the_passphrase_or_a_secret(vaulted: Vaulted) -> None:
    bot = vaulted.bot
    with_telegram(bot, {"base_url": "http://127.0.0.1:9/bot"})
    vaulted.keep(TOKEN)
    bot.environment[PASSPHRASE] = WORDS
    seen: dict[int, bytes] = {}
    with bot.running("run", "--headless", "--speed", PER_SECOND) as process:
        bot.wait_until(lambda status: status["next_seq"] > 50)
        bot.asked("backtest.start", "key-1")
        until = time.monotonic() + LIMIT_S
        while time.monotonic() < until and len(seen) < 1:
            seen |= {pid: told for pid in below(process.pid) if (told := told_by(pid, process.pid))}
        edit_registry(bot, lambda entries: [one.update(enabled=False) for one in entries if one["name"] == "macd"])
        bot.wait_until(lambda status: bool(status["swap"]))
        seen |= {pid: told for pid in below(process.pid) if (told := told_by(pid, process.pid))}
        frozen = in_files(bot.home, TOKEN, WORDS)
    assert seen and frozen == []
    for told in seen.values():
        assert not any(secret in told for secret in (TOKEN.encode(), WORDS.encode(), PASSPHRASE.encode()))


def test_a_bot_does_not_start_before_its_vault_is_open_and_all_else_works_without(
    vaulted: Vaulted, tmp_path: Path
) -> None:
    with_telegram(vaulted.bot, {"base_url": "http://127.0.0.1:9/bot"})
    vaulted.keep(TOKEN)
    without = vaulted.call("run", "--headless")
    assert without.code == 3
    assert all(name in without.data["error"]["message"] for name in (PASSPHRASE, PASSPHRASE_FILE))
    wrong = vaulted.call("run", "--headless", **{PASSPHRASE: NEW_WORDS})
    assert wrong.code == 3 and "wrong passphrase" in wrong.data["error"]["message"]
    assert NEW_WORDS not in wrong.out + wrong.err
    for verb in (["config", "check"], ["doctor"], ["backtest", "--until", "2018-02-01"], ["tentacle", "list"]):
        assert vaulted.call(*verb).code == 0, verb
    (tmp_path / "words").write_text(f"{WORDS}\n")
    ran = vaulted.call(
        "run", "--headless", "--speed", "0", "--until", "2018-01-05", **{PASSPHRASE_FILE: str(tmp_path / "words")}
    )
    assert ran.code == 0, ran.err


def test_a_bot_goes_on_with_its_secrets_when_the_passphrase_is_changed_and_says_what_to_do(vaulted: Vaulted) -> None:
    bot = vaulted.bot
    with_telegram(bot, {"base_url": "http://127.0.0.1:9/bot"})
    vaulted.keep(TOKEN)
    bot.environment[PASSPHRASE] = WORDS
    with bot.running("run", "--headless", "--speed", PER_SECOND) as process:
        bot.wait_until(lambda status: status["next_seq"] > 50)
        changed = vaulted.call("vault", "passphrase", given=f"{NEW_WORDS}\n")
        assert changed.code == 0, changed.out
        edit_config(bot, lambda config: config["desks"]["trend"].update(limits={"max_trades_per_day": 7}))
        bot.wait_until(lambda status: bool(status["swap"]) and status["swap"]["result"] == "good")
        [problem] = [one for one in vaulted.call("doctor").data["problems"] if one["problem"] == "vault not taken up"]
        assert "its passphrase was changed; the bot goes on with the secrets it has: stop it" in problem["reason"]
        assert bot.wait_until(lambda status: True)["edges"]["interfaces/telegram"]
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=LIMIT_S)
    assert "the vault is not taken up" in err and TOKEN not in err
    assert vaulted.values(NEW_WORDS) == {KEY: TOKEN}


@pytest.mark.parametrize("is_new", [True, False], ids=["the first", "another"])
def test_a_killed_set_leaves_the_old_vault_or_the_new_one_whole(vaulted: Vaulted, *, is_new: bool) -> None:
    if not is_new:
        vaulted.keep(WRONG_TOKEN)
    before = vaulted.file.read_bytes() if not is_new else None

    def killed_at(count: int) -> subprocess.CompletedProcess[str]:
        command = (sys.executable, str(KILLED_COMMAND), str(vaulted.bot.home), str(count), "vault", "set", KEY)
        environment = {**vaulted.bot.environment, PASSPHRASE: WORDS}
        return subprocess.run(command, input=TOKEN, env=environment, capture_output=True, text=True, check=False)

    found = set()
    for count in range(1, 20):
        if before is None:
            vaulted.file.unlink(missing_ok=True)
        else:
            vaulted.file.write_bytes(before)
        done = killed_at(count)
        values = vaulted.values() if vaulted.file.exists() else {}
        assert values in ({KEY: TOKEN}, {} if before is None else {KEY: WRONG_TOKEN})
        found.add(values.get(KEY, ""))
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
    assert done.returncode == 0 and len(found) == 2
    assert re.findall(r"\.vault\.json\.\d+\.tmp", str(os.listdir(vaulted.bot.home))) == []


def test_an_export_and_a_backup_hold_neither_values_nor_the_vault(vaulted: Vaulted) -> None:
    from zipfile import ZipFile

    from loligo_bot.profiles import export_profile

    with_telegram(vaulted.bot, {"base_url": "http://127.0.0.1:9/bot"})
    vaulted.keep(TOKEN)
    vaulted.keep("http://bote.beispiel.example/bot7", "interfaces.telegram.base_file_url")
    exported = export_profile(vaulted.bot.home, "").text
    assert "vault" not in exported and "base_file_url" not in exported and "telegram" in exported
    made = vaulted.call("backup")
    assert made.code == 0, made.err
    with ZipFile(made.data["file"]) as archive:
        names = archive.namelist()
        assert not any(TOKEN.encode() in archive.read(name) for name in names)
    assert str(VAULT_FILE) not in names


def test_a_person_types_passphrase_and_value_unseen(vaulted: Vaulted) -> None:
    import pty

    command = [*LOLIGO, "--home", str(vaulted.bot.home), "vault", "set", KEY]
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(sys.executable, command, vaulted.bot.environment)
    screen = ""
    for asked, typed in (
        ("New passphrase of the vault: ", WORDS),
        ("The same again: ", WORDS),
        (f"Value of {KEY}: ", TOKEN),
    ):
        while not screen.endswith(asked):
            screen += os.read(terminal, 1024).decode()
        os.write(terminal, f"{typed}\n".encode())
    try:
        while more := os.read(terminal, 1024).decode():
            screen += more
    except OSError:
        pass  # the terminal ends with its process
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, screen
    assert f"{KEY} is kept" in screen and WORDS not in screen and TOKEN not in screen
    assert vaulted.values() == {KEY: TOKEN}
