"""The bytes of a vault: nothing in them can be changed, exchanged or weakened unseen."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from loligo.errors import ConfigError
from loligo_bot.vault_file import Entry, Key, WrongPassphrase, key_of, new_key, opened, read_vault, sealed

PASSPHRASE = "quallenlicht überm watt 83"
VALUES = {"interfaces.discord.token": "Kt7-unbekannt-Fr41", "interfaces.telegram.token": "Zw3-krakenarm-Ob88"}
ENTRIES = [Entry(key, "2026-11-20T10:00:00Z") for key in VALUES]


@pytest.fixture(scope="module")
def key() -> Key:
    """The key of all tests here: to make one takes half a second, and is meant to."""
    return new_key(PASSPHRASE)


@pytest.fixture
def content(key: Key) -> bytes:
    return sealed(VALUES, ENTRIES, key)


def read(content: bytes, key: Key) -> dict[str, str]:
    return opened(read_vault(content, "vault.json"), key, "vault.json")


def test_what_is_sealed_is_opened_by_the_passphrase_alone(content: bytes) -> None:
    vault = read_vault(content, "vault.json")
    key = key_of(vault, PASSPHRASE.replace("ü", "u\u0308"), "vault.json")  # as another keyboard spells it
    assert opened(vault, key, "vault.json") == VALUES
    with pytest.raises(WrongPassphrase, match=r"^vault.json: wrong passphrase"):
        key_of(vault, PASSPHRASE + " ", "vault.json")


def test_names_can_be_read_and_values_are_nowhere_in_the_file(content: bytes, key: Key) -> None:
    assert [entry.key for entry in read_vault(content, "vault.json").entries] == list(VALUES)
    assert not any(value.encode() in content for value in VALUES.values())
    assert not any(value in repr(key) for value in (str(key.secret), key.secret.hex()))


def test_no_byte_can_be_changed(content: bytes, key: Key) -> None:
    for place, byte in enumerate(content):
        for other in (byte ^ 1, byte ^ 0x20):
            with pytest.raises(ConfigError):
                read(content[:place] + bytes([other]) + content[place + 1 :], key)


def test_no_byte_can_be_left_out_and_none_added(content: bytes, key: Key) -> None:
    for place in range(0, len(content), 7):
        for other in (
            content[:place],
            content[:place] + content[place + 1 :],
            content[:place] + b" " + content[place:],
        ):
            with pytest.raises(ConfigError):
                read(other, key)


def _swapped(vault: dict[str, Any]) -> None:
    first, second = vault["entries"]
    first["key"], second["key"] = second["key"], first["key"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(_swapped, "names, values or their order were changed", id="names exchanged"),
        pytest.param(lambda v: v["entries"].reverse(), "names, values or their order", id="order"),
        pytest.param(lambda v: v["entries"].pop(), "names, values or their order", id="one taken away"),
        pytest.param(lambda v: v["entries"].append(v["entries"][0]), "names, values or their order", id="one twice"),
        pytest.param(lambda v: v["entries"][0].update(key="a.b.c"), "names, values", id="a name of another key"),
        pytest.param(lambda v: v["entries"][0].update(set_at="2020-01-01T00:00:00Z"), "names, values", id="when"),
        pytest.param(lambda v: v["entries"][0].update(scheme="https"), "names, values", id="what it stands for"),
        pytest.param(lambda v: v.update(nonce="AAAAAAAAAAAAAAAA"), "names, values or their order", id="nonce"),
        pytest.param(lambda v: v.update(nonce=""), "names, values or their order", id="no nonce"),
        pytest.param(lambda v: v.update(box=""), "names, values or their order", id="no box"),
        pytest.param(lambda v: v["derivation"].update(passes=4), "its passphrase was changed", id="another cost"),
        pytest.param(lambda v: v["derivation"].update(passes=2), "at least 3 passes over 65536 KiB", id="few passes"),
        pytest.param(lambda v: v["derivation"].update(memory_kib=8), "found 3 passes over 8 KiB", id="little memory"),
        pytest.param(lambda v: v["derivation"].update(memory_kib=2**40), "found 3 passes over", id="endless memory"),
        pytest.param(lambda v: v["derivation"].update(lanes=0), "in 0 lanes", id="no lanes"),
        pytest.param(lambda v: v["derivation"].update(salt="AAAA"), "damaged or changed", id="short salt"),
        pytest.param(lambda v: v["derivation"].update(kind="argon2i"), "damaged or changed", id="another function"),
        pytest.param(lambda v: v.update(format=2), "format 2, expected 1; a newer Loligo may", id="newer format"),
        pytest.param(lambda v: v.update(format=0), "format 0, expected 1", id="older format"),
        pytest.param(lambda v: v.update(more=1), "damaged or changed", id="unknown part"),
        pytest.param(lambda v: v.pop("entries"), "damaged or changed", id="missing part"),
    ],
)
def test_whatever_is_exchanged_is_refused(
    content: bytes, key: Key, change: Callable[[dict[str, Any]], object], said: str
) -> None:
    vault = json.loads(content)
    change(vault)
    with pytest.raises(ConfigError, match=said):
        read(json.dumps(vault, indent=1, ensure_ascii=False).encode() + b"\n", key)


def test_a_box_of_an_earlier_file_does_not_fit_into_a_later_one(content: bytes, key: Key) -> None:
    later = json.loads(sealed(VALUES, [ENTRIES[0]], key))
    earlier = json.loads(content)
    for part in ("box", "nonce"):
        later[part] = earlier[part]
    with pytest.raises(ConfigError, match="names, values or their order were changed"):
        read(json.dumps(later, indent=1).encode() + b"\n", key)


def test_each_writing_has_a_nonce_of_its_own_and_each_passphrase_a_salt(content: bytes, key: Key) -> None:
    again = read_vault(sealed(VALUES, ENTRIES, key), "vault.json")
    before = read_vault(content, "vault.json")
    assert again.nonce != before.nonce and again.box != before.box
    assert new_key(PASSPHRASE).derivation.salt != key.derivation.salt


@pytest.mark.parametrize("content", [b"", b"{}", b"null", b"[]", b"\xff\xfe", b"{" * 100_000])
def test_what_is_no_vault_is_refused(content: bytes) -> None:
    with pytest.raises(ConfigError, match=r"^vault.json: damaged or changed by somebody else"):
        read_vault(content, "vault.json")


def test_what_stands_in_for_a_value_is_of_its_own_for_each_key() -> None:
    assert {one.stand_in for one in ENTRIES} == {f"vault:{key}" for key in VALUES}
    address = Entry("notifiers.webhook.url", "2026-11-20T10:00:00Z", "https")
    assert address.stand_in == "https://notifiers-webhook-url.vault.invalid"
