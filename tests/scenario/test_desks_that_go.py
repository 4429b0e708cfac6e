"""Desks that are taken out of the configuration between two runs, as a person does it: a file and `loligo run`.

At noon on 27 December 2017 `trend` is flat; all other desks hold bitcoin and have orders in the market.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from loligo.model.events import LedgerPosted, RiskActed
from loligo.model.portfolio import HOUSE_BOOK
from tests.scenario.bots import BotFolder, Ended, ended

STOPPED = "2017-12-27T12:00"
PLACE = "open orders on coinbase:BTC/USD on account"


@pytest.fixture(scope="module")
def stopped(season_template: BotFolder, tmp_path_factory: pytest.TempPathFactory) -> BotFolder:
    made = season_template.copy(tmp_path_factory.mktemp("stopped") / "bot")
    done = made.call("run", "--headless", "--until", STOPPED)
    assert done.code == 0, done.err
    return made


@pytest.fixture
def bot(stopped: BotFolder, tmp_path: Path) -> BotFolder:
    return stopped.copy(tmp_path / "bot")


def without(*names: str) -> Callable[[dict[str, Any]], object]:
    return lambda config: [config["desks"].pop(name) for name in names]


def equity_of(bot: BotFolder, account: str) -> list[dict[str, Any]]:
    return [row for row in bot.rows()["equity"] if (row["account"], row["desk"]) == (account, "")]


def postings(bot: BotFolder, desk: str) -> list[tuple[str, str, Decimal]]:
    """Return what moved between a desk and the house: book, asset, amount."""
    events = [event for record in bot.records() for event in record.events if isinstance(event, LedgerPosted)]
    told = [event for event in events if (event.desk, event.kind) == (desk, "allocation")]
    return [(one.book, one.asset, one.amount) for event in told for one in event.postings]


def refused(done: Ended) -> str:
    assert (done.code, done.data["error"]["kind"]) == (3, "ConfigError"), done.out + done.err
    return str(done.data["error"]["message"])


def test_a_flat_desk_goes_with_its_money_and_the_others_trade_on(bot: BotFolder) -> None:
    """The account has 100,000 USD whichever desk has them: that `trend` goes is no drawdown of the account."""
    before = equity_of(bot, "paper")[-1]["equity"]
    closed = len([row for row in bot.rows()["trades"] if row["desk"] == "dips"])
    done = bot.edit(without("trend")).call("run", "--headless")
    assert done.code == 0, done.err
    assert set(done.data["desks"]) == {"dips", "monthly", "ladder"}
    assert done.data["desks"]["dips"]["trades"] > closed
    back = postings(bot, "trend")[-2:]
    assert back == [(HOUSE_BOOK, "USD", -back[1][2]), ("trend", "USD", back[1][2])]
    assert back[0][2] == pytest.approx(Decimal(50_000), rel=Decimal("0.02"))
    assert equity_of(bot, "paper")[-1]["equity"] == pytest.approx(before, rel=0.02)
    actions = [event for record in bot.records() for event in record.events if isinstance(event, RiskActed)]
    assert [action for action in actions if action.scope == "account:paper"] == []
    assert bot.rows() == bot.rebuilt_rows()


def test_the_money_of_a_desk_that_went_is_there_for_another_and_for_itself(bot: BotFolder) -> None:
    """`trend` had 50,000 USD and has won a little: `late` can have 49,500 of it, and `trend` later the 500 left."""

    def exchange(config: dict[str, Any]) -> None:
        config["desks"]["late"] = {**config["desks"].pop("trend"), "capital": 49_500}

    done = bot.edit(exchange).call("run", "--headless", "--until", "2017-12-28")
    assert done.code == 0, done.err
    late = bot.edit(lambda config: config["desks"].update(trend={**config["desks"]["late"], "capital": 500}))
    done = late.call("run", "--headless", "--until", "2017-12-29")
    assert done.code == 0, done.err
    assert postings(bot, "trend")[-2:] == [(HOUSE_BOOK, "USD", Decimal(-500)), ("trend", "USD", Decimal(500))]


def test_a_desk_that_is_flat_may_leave_an_instrument_for_another(bot: BotFolder) -> None:
    elsewhere = {"venue": "bitstamp", "instruments": ["ETH/USD"], "timeframe": "1d"}
    bot.edit(lambda config: config["desks"]["trend"].update(elsewhere))
    done = bot.call("run", "--headless", "--until", "2018-01-03")
    assert done.code == 0, done.err
    decided = [row for name in ("decisions", "declined") for row in bot.rows()[name] if row["desk"] == "trend"]
    assert max(decided, key=lambda row: row["seq"])["instrument"] == "bitstamp:ETH/USD"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (without("ladder"), f"desks.ladder still has a position of 0.00749611 BTC and 4 {PLACE} savings, and"),
        (without("trend", "dips"), f"desks.dips still has a position of 0.31835401 BTC and 2 {PLACE} paper, and"),
        (lambda config: config["desks"]["dips"].update(venue="bitstamp", instruments=["ETH/USD"]), f"2 {PLACE} paper"),
        (lambda config: config["desks"]["dips"].update(account="savings", capital=1), f"2 {PLACE} paper"),
    ],
    ids=["desk", "one of two", "instrument", "account"],
)
def test_what_would_leave_orders_or_a_position_behind_is_refused_with_what_to_do(
    bot: BotFolder, change: Callable[[dict[str, Any]], object], words: str
) -> None:
    digest, file = bot.digest(), bot.home / "config" / "loligo.yaml"
    as_it_was = file.read_text()
    assert words in refused(bot.edit(change).call("run", "--headless"))
    file.write_text(as_it_was)
    assert bot.digest() == digest
    assert bot.call("run", "--headless", "--until", "2017-12-28").code == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda config: config["desks"]["trend"].update(capital=40_000),
            "desks.trend.capital is what the desk began with and stays as it was; for another take the flat desk out, "
            "run the bot, and put it in again: it was 50000, and is 40000",
        ),
        (
            lambda config: config["accounts"]["paper"].update(reference="BTC"),
            "accounts.paper.reference is what its equity and drawdown are measured in since it began; for another give "
            "the desks a new account, or begin anew with `loligo run --fresh`: it was USD",
        ),
    ],
    ids=["capital", "reference"],
)
def test_what_a_desk_began_with_and_is_measured_in_stays(
    bot: BotFolder, change: Callable[[dict[str, Any]], object], words: str
) -> None:
    """Otherwise money that came or went would look like won or lost, and a change of currency like a drawdown."""
    assert refused(bot.edit(change).call("run", "--headless")) == words


def test_a_desk_can_be_taken_out_by_the_commands_that_its_refusal_names(bot: BotFolder) -> None:
    file = bot.home / "config" / "loligo.yaml"
    as_it_was = file.read_text()
    said = refused(bot.edit(without("dips")).call("run", "--headless"))
    file.write_text(as_it_was)
    with bot.running("run", "--headless", "--speed", "60") as process:  # a minute to the next candle
        bot.wait_until(lambda status: bool(status["desks"]["dips"]["positions"]))
        for command in ("ask pause target=dips", "ask flatten target=dips", "stop"):
            assert command == "stop" or f"`loligo {command}`" in said
            assert bot.call(*command.split()).code == 0
        assert ended(process).code == 0
    assert bot.call("run", "--headless", "--until", "2017-12-27T16:00").code == 0  # it is sold at the next candle
    done = bot.edit(without("dips")).call("run", "--headless", "--until", "2017-12-30")
    assert done.code == 0, done.err
    assert "dips" not in done.data["desks"]
