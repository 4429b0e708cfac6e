"""What one section says about another: names that nothing bears, and capital that an account does not have.

Looks at plain values, so that these faults are told together with those of the classes; what a class will refuse
anyway is passed over here.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from loligo.config.layers import KeyPath
from loligo.registry.faults import did_you_mean

Disagreement = tuple[KeyPath, Any, str]  # where, the value there, what is wrong with it


def disagreements(tree: dict[str, Any]) -> Iterator[Disagreement]:
    """Yield every value that does not fit to another section."""
    for name, desk in _entries(tree, "desks"):
        for key, section in (("venue", "venues"), ("account", "accounts")):
            yield from _unknown(("desks", name, key), desk.get(key), dict(_entries(tree, section)), section)
        venue = desk.get("venue")
        traded = dict(_entries(tree, "venues")).get(str(venue), {}).get("instruments")
        symbols = desk.get("instruments")
        if isinstance(traded, dict) and isinstance(symbols, list):
            for index, symbol in enumerate(symbols):
                place: KeyPath = ("desks", name, "instruments", index)
                yield from _unknown(place, symbol, traded, f"venues.{venue}.instruments")
    yield from _overdrawn(tree)


def _overdrawn(tree: dict[str, Any]) -> Iterator[Disagreement]:
    """Yield the desk with which the capital of an account's desks exceeds its deposit."""
    accounts = dict(_entries(tree, "accounts"))
    given: dict[tuple[str, str], Decimal] = {}
    for name, desk in _entries(tree, "desks"):
        symbols, account = desk.get("instruments"), str(desk.get("account"))
        capital, deposits = _amount(desk.get("capital")), accounts.get(account, {}).get("deposits")
        if not isinstance(symbols, list) or not symbols or not isinstance(deposits, dict) or capital is None:
            continue
        asset = str(symbols[0]).partition(":")[0].rpartition("/")[2]
        deposit = _amount(deposits.get(asset, 0))
        total = given[account, asset] = given.get((account, asset), Decimal(0)) + capital
        if deposit is not None and total > deposit:
            has = f"account {account} has {deposit} {asset} and its desks up to here get {total}"
            yield ("desks", name, "capital"), desk["capital"], f"{has}; deposit more or give less"


def _unknown(path: KeyPath, value: Any, known: dict[str, Any], where: str) -> Iterator[Disagreement]:
    if isinstance(value, str) and value not in known:
        yield path, value, f"not in {where}, which has {', '.join(known) or 'nothing'}{did_you_mean(value, known)}"


def _entries(tree: dict[str, Any], section: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the named entries of a section that are mappings."""
    content = tree.get(section)
    entries = content.items() if isinstance(content, dict) else ()
    return [(name, entry) for name, entry in entries if isinstance(entry, dict)]


def _amount(value: Any) -> Decimal | None:
    """Return a plain number as money, None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return Decimal(str(value))
    except ArithmeticError:
        return None
