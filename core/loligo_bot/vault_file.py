"""The bytes of a vault: names that anybody may read, values that only the passphrase opens.

    passphrase ─► argon2id (RFC 9106) ─► key, check        values ─► AES-256-GCM under the key ─► box

What must hold: no value stands outside the box; all that does (format, salt, cost, check, names) is authenticated with
it, so nothing can be exchanged or weakened; each sealing has a nonce of its own; what is not byte for byte as it was
written is refused.
"""

from __future__ import annotations

import hmac
import os
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from loligo.errors import ConfigError

FORMAT = 1
PASSES, MEMORY_KIB, LANES = 3, 65_536, 4  # RFC 9106, 4: the second recommended option; less is refused
_MOST_PASSES, _MOST_MEMORY_KIB, _MOST_LANES = 64, 4_194_304, 64  # more than this only keeps a machine busy
_SALT_BYTES, _NONCE_BYTES, _KEY_BYTES, _CHECK_BYTES = 16, 12, 32, 32
_LARGEST = 1 << 22  # bytes of a whole file


class Derivation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a passphrase becomes a key; `check` tells a wrong passphrase, and nothing of the key."""

    kind: Literal["argon2id"]
    salt: bytes
    passes: int
    memory_kib: int
    lanes: int
    check: bytes = b""


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What can be read of one secret without the passphrase."""

    key: str
    set_at: str
    scheme: str = ""  # of a value that is an address, such as "https"

    @property
    def stand_in(self) -> str:
        """Return what stands in its place while the vault is locked, of its own for each key."""
        if not self.scheme:
            return f"vault:{self.key}"
        host = "".join(letter if letter.isalnum() else "-" for letter in self.key)
        return f"{self.scheme}://{host}.vault.invalid"


class VaultFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of a vault as it lies on the disk."""

    format: int
    derivation: Derivation
    entries: tuple[Entry, ...]
    nonce: bytes = b""
    box: bytes = b""

    @property
    def authenticated(self) -> bytes:
        """Return all that stands outside the box."""
        return b"loligo vault\n" + msgspec.json.encode(msgspec.structs.replace(self, nonce=b"", box=b""))


class WrongPassphrase(ConfigError):
    """A passphrase, or what it was made into, is not that of the vault."""


@dataclass(frozen=True, slots=True)
class Key:
    """What a passphrase became, for vaults of this derivation."""

    derivation: Derivation
    secret: bytes = field(repr=False)


def read_vault(content: bytes, name: str) -> VaultFile:
    """Return a vault, still locked. ConfigError, which begins with `name`, when it is none or not as it was written."""
    try:
        version = msgspec.json.decode(content[:_LARGEST], type=_Format).format
        if version != FORMAT:
            raise ConfigError(f"{name}: format {version}, expected {FORMAT}; a newer Loligo may have written it")
        vault = msgspec.json.decode(content, type=VaultFile)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise _damaged(name, str(exc)) from exc
    _check_cost(vault.derivation, name)
    if _encoded(vault) != content:
        raise _damaged(name, "it is not byte for byte as it was written")
    return vault


def new_key(passphrase: str) -> Key:
    """Return the key of a new vault, or of one whose passphrase changes: its salt is new, too."""
    derivation = Derivation("argon2id", os.urandom(_SALT_BYTES), PASSES, MEMORY_KIB, LANES)
    secret, check = _derived(derivation, passphrase)
    return Key(msgspec.structs.replace(derivation, check=check), secret)


def key_of(vault: VaultFile, passphrase: str, name: str) -> Key:
    """Return the key that opens a vault. WrongPassphrase when it does not."""
    secret, check = _derived(vault.derivation, passphrase)
    if not hmac.compare_digest(check, vault.derivation.check):
        raise WrongPassphrase(f"{name}: wrong passphrase, or its salt or check are not those it was made with")
    return Key(vault.derivation, secret)


def opened(vault: VaultFile, key: Key, name: str) -> dict[str, str]:
    """Return the values by their keys. WrongPassphrase for a key of another derivation, ConfigError when anything in
    the file was changed."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if vault.derivation != key.derivation:
        raise WrongPassphrase(f"{name}: its passphrase was changed")
    try:
        plain = AESGCM(key.secret).decrypt(vault.nonce, vault.box, vault.authenticated)
        values = msgspec.json.decode(plain, type=dict[str, str])
    except (InvalidTag, ValueError) as exc:
        raise _damaged(name, "the passphrase is right, but names, values or their order were changed") from exc
    if [entry.key for entry in vault.entries] != list(values):
        raise _damaged(name, "it does not hold what it lists")
    return values


def sealed(values: Mapping[str, str], entries: Sequence[Entry], key: Key) -> bytes:
    """Return the bytes of a vault with these values, one for each entry, in the order of the entries."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    vault = VaultFile(FORMAT, key.derivation, tuple(entries))
    nonce = os.urandom(_NONCE_BYTES)
    plain = msgspec.json.encode({entry.key: values[entry.key] for entry in entries})
    box = AESGCM(key.secret).encrypt(nonce, plain, vault.authenticated)
    return _encoded(msgspec.structs.replace(vault, nonce=nonce, box=box))


class _Format(msgspec.Struct):
    format: int


def _encoded(vault: VaultFile) -> bytes:
    return msgspec.json.format(msgspec.json.encode(vault), indent=1) + b"\n"


def _derived(derivation: Derivation, passphrase: str) -> tuple[bytes, bytes]:
    """Return key and check. One text that two keyboards spell in other bytes is one passphrase."""
    from argon2.low_level import Type, hash_secret_raw

    text = unicodedata.normalize("NFC", passphrase).encode()
    both = hash_secret_raw(
        text, derivation.salt, time_cost=derivation.passes, memory_cost=derivation.memory_kib,
        parallelism=derivation.lanes, hash_len=_KEY_BYTES + _CHECK_BYTES, type=Type.ID,
    )  # fmt: skip
    return both[:_KEY_BYTES], both[_KEY_BYTES:]


def _check_cost(given: Derivation, name: str) -> None:
    """Refuse a derivation that makes guessing cheap, or that only keeps the machine busy."""
    is_sound = (
        PASSES <= given.passes <= _MOST_PASSES
        and MEMORY_KIB <= given.memory_kib <= _MOST_MEMORY_KIB
        and 1 <= given.lanes <= _MOST_LANES
        and (len(given.salt), len(given.check)) == (_SALT_BYTES, _CHECK_BYTES)
    )
    if not is_sound:
        found = f"{given.passes} passes over {given.memory_kib} KiB in {given.lanes} lanes"
        raise _damaged(name, f"expected at least {PASSES} passes over {MEMORY_KIB} KiB, found {found}")


def _damaged(name: str, why: str) -> ConfigError:
    mend = "put a copy of it back, or move it away and set its keys again"
    return ConfigError(f"{name}: damaged or changed by somebody else: {why}; {mend}")
