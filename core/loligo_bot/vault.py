"""The vault of a bot folder: secrets of its configuration in one encrypted file, `vault.json`.

Only the process that trades opens it (`unlock`); every other one reads the configuration with a stand-in for each
secret that lies there, and never meets a value. What must hold: no value and no passphrase is left in `os.environ`,
which children and tentacles read; a file that cannot be opened is never written; a running bot that can no longer open
its vault goes on with what it took from it, and says so (`trouble`).
"""

from __future__ import annotations

import fcntl
import os
import re
import threading
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from loligo.errors import ConfigError, NotFound
from loligo.log import get_logger, register_secret
from loligo.registry.durable import replace_file
from loligo.registry.faults import did_you_mean
from loligo_bot.vault_file import Entry, Key, VaultFile, WrongPassphrase, key_of, new_key, opened, read_vault, sealed

VAULT_FILE = Path("vault.json")
ORIGIN = "vault"  # where values are set that lie there
PASSPHRASE, PASSPHRASE_FILE = "LOLIGO_VAULT_PASSPHRASE", "LOLIGO_VAULT_PASSPHRASE_FILE"
SHORTEST_PASSPHRASE = 8
SHORTEST_VALUE = 6  # what is shorter would be masked wherever else it turns up
LONGEST_VALUE = 65_536
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://\S")

_log = get_logger("vault")


@dataclass(slots=True)
class _Unlocked:
    """What this process took from a vault; without a key there was none when it began."""

    key: Key | None = None
    content: bytes | None = None  # of the file as it was looked at last
    values: dict[str, str] = field(default_factory=dict, repr=False)
    trouble: str = ""


_turn = threading.Lock()  # an exchange reads in a thread of its own
_unlocked: dict[Path, _Unlocked] = {}
_texts: set[str] = set()  # values and stand-ins that this process has seen


# Reading


def kept(home: Path) -> dict[str, str]:
    """Return what the vault sets, by dotted keys: the values where this process has opened it, else stand-ins.

    ConfigError when the file is no vault.
    """
    with _turn:
        mine = _unlocked.get(home.resolve())
        found = mine.values if mine is not None else {one.key: one.stand_in for one in entries_of(home)}
        if mine is not None and (content := _content(home)) != mine.content:
            _follow(mine, home, content)
            found = mine.values
    for text in found.values():
        _texts.add(text)
        register_secret(text)
    return dict(found)


def is_kept(text: object) -> bool:
    """Say whether a text is a secret of a vault, or stands in for one."""
    return isinstance(text, str) and text in _texts


def holds_kept(text: str) -> bool:
    """Say whether a secret of a vault, or what stands in for one, is anywhere in a text."""
    return any(one in text for one in _texts)


def entries_of(home: Path) -> tuple[Entry, ...]:
    """Return what can be read of a folder's vault without opening it, () where there is none."""
    content = _content(home)
    return () if content is None else read_vault(content, _name(home)).entries


def trouble(home: Path) -> str:
    """Return why the running bot does not go by the vault as it is now, "" while it does."""
    mine = _unlocked.get(home.resolve())
    return mine.trouble if mine is not None else ""


def unlock(home: Path, ask: Callable[[], str] | None = None) -> None:
    """Open the vault for this process, which takes up later changes of it as well; none there is nothing to open.

    The passphrase is taken out of the environment. `ask` gets it where that has none. ConfigError when there is none,
    or it is wrong.
    """
    given = take_passphrase()
    content = _content(home)
    mine = _Unlocked(content=content)
    if content is not None:
        vault = read_vault(content, _name(home))
        mine.key = key_of(vault, given or asked(ask), _name(home))
        mine.values = opened(vault, mine.key, _name(home))
    with _turn:
        _unlocked[home.resolve()] = mine


def _follow(mine: _Unlocked, home: Path, content: bytes | None) -> None:
    """Take up a vault that has changed; one that cannot be opened changes nothing."""
    mine.content = content
    try:
        if content is None:
            raise ConfigError(f"{_name(home)}: it is gone; put it back")
        vault = read_vault(content, _name(home))
        if mine.key is None:
            raise WrongPassphrase(f"{_name(home)}: it was made after the bot began")
        mine.values, mine.trouble = opened(vault, mine.key, _name(home)), ""
    except WrongPassphrase as exc:
        mine.trouble = f"{exc}; the bot goes on with the secrets it has: stop it, and run it with the passphrase of now"
    except ConfigError as exc:
        mine.trouble = f"{exc}; the bot goes on with the secrets it has"
    if mine.trouble:
        _log.error("the vault is not taken up", reason=mine.trouble)


def _content(home: Path) -> bytes | None:
    try:
        return (home / VAULT_FILE).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise ConfigError(f"{_name(home)}: cannot be read: {exc}") from exc


def _name(home: Path) -> str:
    return str(home / VAULT_FILE)


# The passphrase


def take_passphrase(environ: MutableMapping[str, str] = os.environ) -> str:
    """Return what the environment gives, "" for nothing, and take it out: no child and no tentacle finds it there."""
    text, file = environ.pop(PASSPHRASE, ""), environ.pop(PASSPHRASE_FILE, "")
    if text and file:
        raise ConfigError(f"{PASSPHRASE} and {PASSPHRASE_FILE} are both set; keep one of them")
    try:
        given = Path(file).read_text(encoding="utf-8").rstrip("\r\n") if file else text
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{PASSPHRASE_FILE}: cannot read the file {file}: {exc}") from exc
    if file and not given:
        raise ConfigError(f"{PASSPHRASE_FILE}: the file {file} is empty")
    register_secret(given)
    return given


def asked(ask: Callable[[], str] | None) -> str:
    """Return the passphrase that a person types. ConfigError where nobody can be asked."""
    if ask is None:
        words = "expected its passphrase in the environment, as no terminal is there to ask at"
        raise ConfigError(f"the vault is locked: {words}; set {PASSPHRASE}, or {PASSPHRASE_FILE} to the path of a file")
    given = ask()
    register_secret(given)
    return given


def checked_passphrase(given: str) -> str:
    """Return a passphrase that is to be that of a vault. ConfigError for one that is easily guessed."""
    if len(given) < SHORTEST_PASSPHRASE:
        raise ConfigError(f"a passphrase of {len(given)} characters: expected at least {SHORTEST_PASSPHRASE}")
    register_secret(given)
    return given


# Writing


def checked_value(value: str) -> str:
    """Return a value that can be kept. ConfigError for one that is none; it is not repeated."""
    if not SHORTEST_VALUE <= len(value) <= LONGEST_VALUE:
        shown = f"{len(value)} characters" if value else "nothing"
        raise ConfigError(f"the value: expected {SHORTEST_VALUE} to {LONGEST_VALUE:,} characters, found {shown}")
    if "\0" in value:
        raise ConfigError("the value: expected text, found a byte of 0")
    return value


def entry_for(key: str, value: str) -> Entry:
    """Return what of a secret can be read by anybody."""
    found = _SCHEME.match(value)
    set_at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return Entry(key, set_at, found[1] if found else "")


def put(home: Path, entry: Entry, value: str, passphrase: str) -> bool:
    """Keep a value, in place of an older one of its key; say whether the vault was made for it."""
    with _changing(home) as content:
        if content is None:
            _write(home, sealed({entry.key: value}, [entry], new_key(checked_passphrase(passphrase))))
            return True
        vault, key, values = _opened(home, content, passphrase)
        entries = sorted([entry, *_others(vault, entry.key)], key=lambda one: one.key)
        _write(home, sealed({**values, entry.key: value}, entries, key))
        return False


def drop(home: Path, name: str, passphrase: str) -> None:
    """Forget a value. NotFound when there is none of that key."""
    check_held(home, name)
    with _changing(home) as content:
        vault, key, values = _opened(home, content or b"", passphrase)
        _write(home, sealed(values, _others(vault, name), key))


def check_held(home: Path, name: str) -> None:
    """NotFound when the vault has no such key."""
    known = [one.key for one in entries_of(home)]
    if name not in known:
        listed = f"it has {', '.join(known)}" if known else "it is empty" if exists(home) else "there is no vault yet"
        raise NotFound(f'the vault has no "{name}"{did_you_mean(name, known)}; {listed}')


def change_passphrase(home: Path, old: str, new: str) -> int:
    """Seal everything anew under another passphrase; return how many values that are."""
    with _changing(home) as content:
        vault, _, values = _opened(home, content or b"", old)
        _write(home, sealed(values, vault.entries, new_key(checked_passphrase(new))))
        return len(values)


def exists(home: Path) -> bool:
    """Say whether a folder has a vault."""
    return (home / VAULT_FILE).exists()


def _opened(home: Path, content: bytes, passphrase: str) -> tuple[VaultFile, Key, dict[str, str]]:
    vault = read_vault(content, _name(home))
    key = key_of(vault, passphrase, _name(home))
    return vault, key, opened(vault, key, _name(home))


def _others(vault: VaultFile, name: str) -> list[Entry]:
    return [one for one in vault.entries if one.key != name]


@contextmanager
def _changing(home: Path) -> Iterator[bytes | None]:
    """Yield the file as it is; who else would change it waits."""
    with (home / f".{VAULT_FILE}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a crash releases it
        for leftover in home.glob(f".{VAULT_FILE}.*.tmp"):
            leftover.unlink()
        yield _content(home)


def _write(home: Path, content: bytes) -> None:
    file = home / VAULT_FILE
    if file.exists():
        file.chmod(file.stat().st_mode & 0o700)  # as its owner alone may read it, whatever it was copied with
    replace_file(file, content, 0o600)
