"""`loligo vault`: what goes in by standard input, what can be read of it, what is refused and how."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from loligo.errors import ConfigError
from loligo_bot.cli import run_verbs
from loligo_bot.folder_config import read_config
from loligo_bot.past import recipe_now
from loligo_bot.undo import undo_settings
from loligo_bot.vault import PASSPHRASE, PASSPHRASE_FILE, VAULT_FILE

from .conftest import Call, Called

WORDS = "tintenfass 59 gezeiten"
TOKEN = "8812:Rq7-seestern-Vw26"
KEY = "interfaces.telegram.token"
Vault = Callable[..., Called]


@pytest.fixture
def vault(call: Call, bot: Path, monkeypatch: pytest.MonkeyPatch) -> Vault:
    """Call `loligo vault` with a passphrase in the environment ("" for none) and a text on standard input."""

    def do(*arguments: str, given: str = "", passphrase: str = WORDS) -> Called:
        monkeypatch.delenv(PASSPHRASE_FILE, raising=False)
        monkeypatch.setenv(PASSPHRASE, passphrase)
        monkeypatch.setattr("sys.stdin", io.StringIO(given))
        return call("vault", *arguments, "--home", bot, "--json")

    return do


def test_set_makes_a_file_for_its_owner_alone_in_which_no_value_stands(vault: Vault, bot: Path) -> None:
    called = vault("set", KEY, given=f"{TOKEN}\n")
    assert called.code == 0 and called.json["key"] == KEY
    file = bot / VAULT_FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert TOKEN.encode() not in file.read_bytes() and TOKEN not in called.out + called.err
    assert f"/{VAULT_FILE}" in (bot / ".gitignore").read_text().splitlines()


def test_a_file_that_others_may_read_is_for_its_owner_again_after_a_writing(vault: Vault, bot: Path) -> None:
    vault("set", KEY, given=TOKEN)
    (bot / VAULT_FILE).chmod(0o644)
    assert vault("set", KEY, given=f"{TOKEN}-anew").code == 0
    assert stat.S_IMODE((bot / VAULT_FILE).stat().st_mode) == 0o600


def test_list_needs_no_passphrase_and_tells_names_alone(vault: Vault) -> None:
    assert vault("list", passphrase="").json == {"ok": True, "exists": False, "keys": []}
    vault("set", KEY, given=TOKEN)
    listed = vault("list", passphrase="")
    [row] = listed.json["keys"]
    assert row["key"] == KEY and row["set_at"].endswith("Z")
    assert TOKEN not in listed.out


def test_what_is_kept_counts_as_set_by_the_vault_and_is_masked_while_it_is_locked(
    vault: Vault, call: Call, bot: Path
) -> None:
    vault("set", KEY, given=TOKEN)
    got = call("config", "get", KEY, "--home", bot, "--json")
    assert got.json["values"] == [{"key": "interfaces.0.settings.token", "value": "***", "origin": "vault"}]
    assert call("config", "check", "--home", bot).code == 0


def test_the_environment_stands_above_the_vault_and_the_file_beneath(
    vault: Vault, call: Call, bot: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = bot / "config" / "loligo.yaml"
    text = file.read_text(encoding="utf-8")
    assert "\ninterfaces:" not in text
    file.write_text(f"{text}\ninterfaces:\n  - tentacle: telegram\n    settings: {{token: 1:in-der-datei}}\n")
    said = vault("set", KEY, given=TOKEN).json["notes"]
    assert "still has it in the clear: take it out there" in said[0]
    origins = [call("config", "get", KEY, "--home", bot, "--json").json["values"][0]["origin"]]
    monkeypatch.setenv("LOLIGO__INTERFACES__TELEGRAM__TOKEN", "9:aus-der-umgebung")
    origins += [call("config", "get", KEY, "--home", bot, "--json").json["values"][0]["origin"]]
    assert origins == ["vault", "environment variable LOLIGO__INTERFACES__TELEGRAM__TOKEN"]
    assert "stands above it" in vault("set", KEY, given=TOKEN).json["notes"][0]


def test_remove_forgets_a_value_and_says_when_there_is_none(vault: Vault) -> None:
    vault("set", KEY, given=TOKEN)
    missing = vault("remove", "interfaces.telegram.tokn")
    assert missing.code == 4 and f'(did you mean "{KEY}"?)' in missing.json["error"]["message"]
    assert vault("remove", KEY).code == 0
    assert vault("list").json == {"ok": True, "exists": True, "keys": []}


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("interfaces.telegarm.token", 'there is no "telegarm" in interfaces (did you mean "telegram"?)'),
        ("interfaces.telegram.tokn", 'unknown key (did you mean "token"?)'),
        ("interfacs.telegram.token", 'such as interfaces.telegram.token (did you mean "interfaces"?)'),
        ("interfaces.telegram", "expected the key of a single setting, such as interfaces.telegram.token"),
        ("interfaces", 'there is no "" in interfaces; expected one of'),
        ("journal.url", "all else is read while the vault is locked, too: a secret there belongs into .env"),
        ("desks.trend.capital", "expected a setting of a tentacle"),
        ("venues.coinbase.kind", "such as venues.coinbase.fills.api_key"),
        ("venues.coinbas.fills.api_key", 'there is no "coinbas" in venues (did you mean "coinbase"?)'),
        ("venues.coinbase.fills.api_key", "unknown key"),
        ("feeds.replay.speed", "expected a valid number"),
        ("", "expected a setting of a tentacle, such as interfaces.telegram.token"),
    ],
)
def test_a_key_that_cannot_be_kept_is_refused_with_what_was_expected(
    vault: Vault, bot: Path, key: str, said: str
) -> None:
    called = vault("set", key, given=TOKEN)
    assert called.code == 3 and said in called.json["error"]["message"]
    assert TOKEN not in called.out + called.err
    assert not (bot / VAULT_FILE).exists()


@pytest.mark.parametrize(
    ("given", "said"), [("", "found nothing"), ("\n", "found nothing"), ("kurz", "6 to 65,536 characters, found 4")]
)
def test_a_value_that_is_none_is_refused(vault: Vault, given: str, said: str) -> None:
    called = vault("set", KEY, given=given)
    assert called.code == 3 and said in called.json["error"]["message"]


def test_without_terminal_and_environment_both_variables_are_named(vault: Vault) -> None:
    called = vault("set", KEY, given=TOKEN, passphrase="")
    assert called.code == 3
    assert PASSPHRASE in called.json["error"]["message"] and PASSPHRASE_FILE in called.json["error"]["message"]


def test_a_short_passphrase_makes_no_vault(vault: Vault, bot: Path) -> None:
    called = vault("set", KEY, given=TOKEN, passphrase="kurz")
    assert called.code == 3 and "expected at least 8" in called.json["error"]["message"]
    assert not (bot / VAULT_FILE).exists()


def test_the_passphrase_may_lie_in_a_file_but_not_in_both(
    vault: Vault, call: Call, bot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault("set", KEY, given=TOKEN)
    (tmp_path / "words").write_text(f"{WORDS}\n", encoding="utf-8")
    monkeypatch.delenv(PASSPHRASE, raising=False)
    monkeypatch.setenv(PASSPHRASE_FILE, str(tmp_path / "words"))
    assert call("vault", "remove", KEY, "--home", bot).code == 0
    monkeypatch.setenv(PASSPHRASE, WORDS)
    monkeypatch.setenv(PASSPHRASE_FILE, str(tmp_path / "words"))
    monkeypatch.setattr("sys.stdin", io.StringIO(TOKEN))
    both = call("vault", "set", KEY, "--home", bot)
    assert both.code == 3 and "are both set; keep one of them" in both.err


@pytest.mark.parametrize("verb", ["set", "remove", "passphrase"])
def test_a_wrong_passphrase_changes_nothing(vault: Vault, bot: Path, verb: str) -> None:
    vault("set", KEY, given=TOKEN)
    before = (bot / VAULT_FILE).read_bytes()
    called = vault(verb, *([KEY] if verb != "passphrase" else []), given="etwas anderes", passphrase="falsch geraten")
    assert called.code == 3 and "wrong passphrase" in called.json["error"]["message"]
    assert (bot / VAULT_FILE).read_bytes() == before


@pytest.mark.parametrize("verb", ["set", "remove", "list"])
def test_a_damaged_file_is_not_written_and_not_taken_for_a_wrong_passphrase(vault: Vault, bot: Path, verb: str) -> None:
    vault("set", KEY, given=TOKEN)
    damaged = (bot / VAULT_FILE).read_bytes()[:-20]
    (bot / VAULT_FILE).write_bytes(damaged)
    called = vault(verb, *([KEY] if verb != "list" else []), given=TOKEN)
    assert called.code == 3 and "damaged or changed by somebody else" in called.json["error"]["message"]
    assert (bot / VAULT_FILE).read_bytes() == damaged


@pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning")  # apprise looks for it
@pytest.mark.parametrize(
    "address",
    ["mailto://anna:Moorhuhn-83-quitte@example.org", "tgram://815123:Moorhuhn83quitteXcVbNmAsDfGhJkL/12315544/"],
)
def test_an_address_with_a_password_is_kept_and_the_locked_settings_are_sound(
    vault: Vault, call: Call, bot: Path, address: str
) -> None:
    file = bot / "config/loligo.yaml"
    told = "notifiers:\n  - tentacle: apprise\n    settings: {destinations: [{name: mail}]}\n"
    file.write_text(file.read_text().replace("notifiers:\n", told, 1))
    done = vault("set", "notifiers.apprise.destinations.0.url", given=address)
    assert done.code == 0, done.err
    assert call("tentacle", "on", "notifier/apprise", "--home", bot).code == 0
    assert call("config", "check", "--home", bot).code == 0
    refused = vault("set", "notifiers.apprise.destinations.0.url", given="nosuch://anna:Moorhuhn-83-quitte@example.org")
    assert refused.code == 3 and "cannot read this nosuch:// address" in refused.out


def test_another_passphrase_opens_everything_and_the_old_one_nothing(vault: Vault) -> None:
    vault("set", KEY, given=TOKEN)
    assert vault("passphrase", given="ebbe und flut 12\n").json == {"ok": True, "keys": 1}
    assert "wrong passphrase" in vault("remove", KEY).json["error"]["message"]
    assert vault("remove", KEY, passphrase="ebbe und flut 12").code == 0


def test_passphrase_without_a_vault_has_nothing_to_do(vault: Vault) -> None:
    called = vault("passphrase", given="ebbe und flut 12")
    assert called.code == 4 and "there is no vault yet" in called.json["error"]["message"]


def test_one_of_two_of_a_name_is_kept_by_its_number(vault: Vault, bot: Path) -> None:
    file = bot / "config" / "loligo.yaml"
    both = "\ninterfaces:\n  - tentacle: telegram\n  - tentacle: telegram\n  - tentacle: discord\n"
    file.write_text(file.read_text(encoding="utf-8") + both, encoding="utf-8")
    assert vault("set", "interfaces.1.settings.token", given=TOKEN).json["key"] == "interfaces.1.settings.token"
    assert vault("set", "interfaces.2.settings.token", given=TOKEN).json["key"] == "interfaces.discord.token"


def test_a_list_of_a_profile_is_not_replaced_by_one_with_a_secret_alone(vault: Vault, bot: Path) -> None:
    (bot / "config" / "profiles" / "sea.yaml").write_text("interfaces:\n  - tentacle: telegram\n", encoding="utf-8")
    file = bot / "config" / "loligo.yaml"
    text = file.read_text(encoding="utf-8").replace("bot:\n", "bot:\n  profile: sea\n", 1)
    file.write_text(text, encoding="utf-8")
    called = vault("set", KEY, given=TOKEN)
    assert called.code == 3
    assert "interfaces stands in the profile (config/profiles/sea.yaml:1)" in called.json["error"]["message"]


def test_earlier_settings_are_not_put_back_with_a_secret_of_the_vault(vault: Vault, bot: Path) -> None:
    vault("set", KEY, given=TOKEN)
    before = (bot / "config" / "loligo.yaml").read_bytes()
    now, wanted = recipe_now(bot), recipe_now(bot)
    wanted.config["interfaces"][0]["settings"]["confirm_s"] = 30
    with pytest.raises(ConfigError, match="a list that has a secret of the vault in it would be written anew"):
        undo_settings(bot, now, wanted.masked())
    assert (bot / "config" / "loligo.yaml").read_bytes() == before


def test_the_page_is_added_without_a_secret_in_the_environment(
    vault: Vault, bot: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault("set", KEY, given=TOKEN)
    for name in ("LOLIGO__WEB__OPEN_BROWSER", "LOLIGO__INTERFACES"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    config = run_verbs._with_page(bot, read_config(bot))
    assert [one.tentacle for one in config.interfaces] == ["telegram", "web"]
    assert config.interfaces[0].settings == {"token": f"vault:{KEY}"}  # where it is open, the token
    assert "LOLIGO__INTERFACES" not in os.environ


def test_help_and_readers_load_no_cipher(call: Call, bot: Path) -> None:
    import subprocess
    import sys

    said = "import sys; from loligo_bot.cli.command_line import run; run(sys.argv[1:]); "
    said += "print([name for name in ('cryptography', 'argon2') if name in sys.modules])"
    for arguments in (["--help"], ["vault", "list", "--home", str(bot)], ["config", "get", "--home", str(bot)]):
        done = subprocess.run([sys.executable, "-c", said, *arguments], capture_output=True, text=True, check=True)
        assert done.stdout.rstrip().endswith("[]"), done.stdout[-200:]
