"""What may become of desks and accounts between two runs: the plan that ran last against the one that is to run.

A desk is the same one while its name and its account are. Where it goes, or leaves an instrument, it must be flat:
nothing may be left that nobody trades. Its capital, and the currency that its account is measured in, stay as they
were: money that came or went in between would look like won or lost. A flat desk may go, and its money is the house's
then; put in again, it begins anew.
"""

from __future__ import annotations

from loligo.engine.engine import Engine
from loligo.engine.plan import DeskPlan, EnginePlan
from loligo.errors import ConfigError
from loligo.model.instrument import Instrument


def check_desks(engine: Engine, wanted: EnginePlan) -> None:
    """ConfigError where open orders or a position would be left behind, or what has begun would be measured anew."""
    references = {account.name: account.reference for account in wanted.accounts}
    for account in engine.plan.accounts:
        if references.get(account.name, account.reference) != account.reference:
            raise ConfigError(f"{other_reference(account.name)}: it was {account.reference}")
    to_be = {(desk.name, desk.account): desk for desk in wanted.desks}
    for desk in engine.plan.desks:
        now = to_be.get((desk.name, desk.account))
        _check_nothing_left(engine, desk, now)
        if now is not None:
            _check_money(desk, now)


def _check_nothing_left(engine: Engine, desk: DeskPlan, now: DeskPlan | None) -> None:
    stays = {seat.instrument.id for seat in now.seats} if now is not None else set()
    gone = [seat.instrument for seat in desk.seats if seat.instrument.id not in stays]
    left = [found for instrument in gone if (found := _open_of(engine, desk.name, instrument))]
    if left:
        name = desk.name
        raise ConfigError(
            f"desks.{name} still has {'; '.join(left)} on account {desk.account}, and would no longer be there: put it "
            f"back as it was, run the bot, `loligo ask pause target={name}`, `loligo ask flatten target={name}`, and "
            f"stop it once `loligo ask orders desk={name} is_open=true` and `loligo ask positions` show none; then it "
            "can go"
        )


def _open_of(engine: Engine, desk: str, instrument: Instrument) -> str:
    position = engine.portfolio.position(desk, instrument.id)
    count = len(engine.execution.open_orders((desk, instrument.id)))
    held = [f"a position of {position.normalize():f} {instrument.base}"] if position else []
    orders = [f"{count} open order{'s' * (count > 1)}"] if count else []
    return " and ".join([*held, *orders]) + f" on {instrument.id}" if held or orders else ""


def _check_money(desk: DeskPlan, now: DeskPlan) -> None:
    for term in ("capital", "balances"):
        was, wanted = getattr(desk, term), getattr(now, term)
        if was != wanted:
            raise ConfigError(f"{other_money(desk.name, term)}: it was {_told(was)}, and is {_told(wanted)}")


def _told(money: object) -> str:
    return ", ".join(f"{amount} {asset}" for asset, amount in money.items()) if isinstance(money, dict) else str(money)


def other_money(desk: str, term: str) -> str:
    """Say why the money of a desk that has begun stays, and what to do for another."""
    return (
        f"desks.{desk}.{term} is what the desk began with and stays as it was; for another take the flat desk out, run "
        "the bot, and put it in again"
    )


def other_reference(account: str) -> str:
    """Say why the currency of an account that has begun stays, and what to do for another."""
    return (
        f"accounts.{account}.reference is what its equity and drawdown are measured in since it began; for another "
        "give the desks a new account, or begin anew with `loligo run --fresh`"
    )
