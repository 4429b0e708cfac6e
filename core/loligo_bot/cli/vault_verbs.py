"""`loligo vault`: keep secrets in one encrypted file, list what there is, forget them, change the passphrase.

No value is ever an argument, which every user of the machine can read, or printed.
"""

from __future__ import annotations

from typing import Annotated

import typer

from loligo_bot.cli.entry_points import group
from loligo_bot.cli.output import Shell, show_table
from loligo_bot.cli.terminal import asking, given_or_typed, typed_twice

vault = group("vault", "Secrets in one encrypted file: tokens of chats, keys of exchanges.")
Key = Annotated[str, typer.Argument(help="A key of a tentacle's settings, such as interfaces.telegram.token.")]


@vault.command("set")
def set_(context: typer.Context, key: Key) -> None:
    """Keep the value that you type, unseen, or that comes by standard input. The first one makes the vault."""
    from loligo_bot import vault as kept
    from loligo_bot.vault_key import check_value, place_of

    shell: Shell = context.obj
    place = place_of(shell.home, key)
    passphrase = _passphrase(shell)
    value = kept.checked_value(given_or_typed(f"Value of {place.name}: "))
    check_value(shell.home, place, value)
    is_new = kept.put(shell.home, kept.entry_for(place.name, value), value, passphrase)
    notes = [f"{place.above} stands above it: what the vault has does not count"] if place.above else []
    notes += [f"{place.beneath} still has it in the clear: take it out there"] if place.beneath else []
    if is_new:
        notes += [f"the vault is {shell.home / kept.VAULT_FILE}; `loligo run` asks for its passphrase from now on"]
        notes += _ignored(shell)
    _tell(shell, place.name, "kept", notes, is_new=is_new)


@vault.command("list")
def list_(context: typer.Context) -> None:
    """Show what the vault keeps, and since when; no values, so no passphrase."""
    from loligo_bot.vault import entries_of, exists

    shell: Shell = context.obj
    entries = entries_of(shell.home)
    data = {"ok": True, "exists": exists(shell.home), "keys": [{"key": e.key, "set_at": e.set_at} for e in entries]}
    if entries:
        rows = [(entry.key, entry.set_at) for entry in entries]
        shell.result(data, lambda console: show_table(console, ("key", "set at"), rows))
    else:
        said = "the vault is empty" if data["exists"] else "no vault yet"
        shell.lines(data, [f"{said}; `loligo vault set KEY` keeps a value"])


@vault.command()
def remove(context: typer.Context, key: Key) -> None:
    """Forget a value. Exit code 4 when there is none of that key."""
    from loligo_bot.vault import check_held, drop

    shell: Shell = context.obj
    check_held(shell.home, key)
    drop(shell.home, key, _passphrase(shell))
    _tell(shell, key, "removed", [])


@vault.command()
def passphrase(context: typer.Context) -> None:
    """Change the passphrase: everything is sealed anew. A bot that runs goes on with the secrets it has."""
    from loligo_bot import vault as kept

    shell: Shell = context.obj
    if not kept.exists(shell.home):
        kept.check_held(shell.home, "")
    old = kept.take_passphrase() or kept.asked(asking())
    new = kept.checked_passphrase(given_or_typed("New passphrase: ", typed_twice))
    count = kept.change_passphrase(shell.home, old, new)
    said = f"{count} values are sealed under the new passphrase; copies of the file still open with the old one"
    shell.lines({"ok": True, "keys": count}, [said, "a bot that runs goes on with what it has: stop and start it"])


def _passphrase(shell: Shell) -> str:
    """Return the passphrase; of a vault that is still to be made it is asked for twice."""
    from loligo_bot import vault as kept

    given = kept.take_passphrase()
    if given:
        return given if kept.exists(shell.home) else kept.checked_passphrase(given)
    ask = asking()
    if ask is None or kept.exists(shell.home):
        return kept.asked(ask)
    return kept.checked_passphrase(kept.asked(lambda: typed_twice("New passphrase of the vault: ")))


def _ignored(shell: Shell) -> list[str]:
    """Say what is missing where git would take the vault along."""
    from loligo_bot.vault import VAULT_FILE

    file = shell.home / ".gitignore"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else [f"/{VAULT_FILE}"]
    return [] if f"/{VAULT_FILE}" in lines else [f"{file} does not name /{VAULT_FILE}: add it, or git takes it along"]


def _tell(shell: Shell, key: str, done: str, notes: list[str], *, is_new: bool = False) -> None:
    """Say what was done, and what the bot that runs here made of it: a new vault it takes up at its next start."""
    followed = None if is_new else shell.followed(f"vault {done} {key}")
    lines = [f"{key} is {done}", *notes, *(followed["lines"] if followed is not None else ())]
    data = {"ok": True, "key": key, "notes": notes, **({"running": dict(followed)} if followed is not None else {})}
    shell.lines(data, lines)
