"""`loligo config`: faults with their exit code, values with their origin."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Call


def test_get_says_where_each_value_was_set(call: Call, bot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOLIGO__DESKS__TREND__LIMITS__STOP_LOSS", "0.03")
    values = call("config", "get", "desks.trend.limits", "--home", bot, "--json").json["values"]
    found = {entry["key"].rpartition(".")[2]: (entry["value"], entry["origin"]) for entry in values}
    assert found["stop_loss"] == (0.03, "environment variable LOLIGO__DESKS__TREND__LIMITS__STOP_LOSS")
    assert found["take_profit"] == (0.05, "default")


def test_get_of_a_key_in_the_file_names_the_line(call: Call, bot: Path) -> None:
    [entry] = call("config", "get", "desks.trend.venue", "--home", bot, "--json").json["values"]
    lines = (bot / "config" / "loligo.yaml").read_text(encoding="utf-8").splitlines()
    number = next(at for at, line in enumerate(lines, start=1) if line.strip().startswith("venue: coinbase"))
    assert (entry["value"], entry["origin"]) == ("coinbase", f"config/loligo.yaml:{number}")


def test_get_of_an_unknown_key_is_refused(call: Call, bot: Path) -> None:
    called = call("config", "get", "desk.trend", "--home", bot)
    assert called.code == 3
    assert '"desk.trend": no such key' in called.err


def test_check_lists_every_fault_and_ends_with_three(call: Call, bot: Path) -> None:
    text = (bot / "config" / "loligo.yaml").read_text(encoding="utf-8")
    text = text.replace("  trend:\n    venue: coinbase", "  trend:\n    venue: coinbse").replace("log:\n", "lgo:\n")
    (bot / "config" / "loligo.yaml").write_text(text, encoding="utf-8")
    called = call("config", "check", "--home", bot)
    assert called.code == 3
    assert 'desks.trend.venue = "coinbse": not in venues' in called.err
    assert 'unknown key (did you mean "log"?)' in called.err


def test_schema_names_every_section(call: Call, bot: Path) -> None:
    schema = call("config", "schema", "--home", bot, "--json").json
    assert {"bot", "venues", "accounts", "desks", "feeds", "journal", "engine", "log"} <= set(schema["properties"])


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("      slippage_rate: 2", "venues.coinbase.fills.slippage_rate = 2: expected less than 1 (venue simulated)"),
        (
            "      latency: 5",
            'venues.coinbase.fills.latency = 5: unknown key (did you mean "latency_ms"?) (venue simulated)',
        ),
    ],
)
def test_a_fault_in_the_settings_of_a_venue_names_file_and_line(call: Call, bot: Path, line: str, fault: str) -> None:
    file = bot / "config" / "loligo.yaml"
    lines = file.read_text(encoding="utf-8").splitlines()
    place = next(number for number, text in enumerate(lines) if text.lstrip().startswith("#match_on:"))
    file.write_text("\n".join([*lines[:place], line, *lines[place:]]), encoding="utf-8")
    called = call("config", "check", "--home", bot)
    assert called.code == 3
    assert f"config/loligo.yaml:{place + 1}: {fault}" in called.err


def test_faults_in_a_strategy_and_in_the_money_of_a_desk_are_told_together(call: Call, bot: Path) -> None:
    file = bot / "config" / "loligo.yaml"
    text = file.read_text(encoding="utf-8").replace("capital: 50000", "balances: {USD: 5}\n    capital: 0", 1)
    text = text.replace("trend_floor: 0.0", "trend_flor: 0.0")
    file.write_text(text, encoding="utf-8")
    called = call("config", "check", "--home", bot)
    assert called.code == 3 and "2 problems" in called.err
    assert 'desks.trend.balances.USD = "5": expected other assets; of the reference' in called.err
    assert 'desks.dips.strategy.settings.trend_flor = 0.0: unknown key (did you mean "trend_floor"?)' in called.err


def test_a_currency_without_a_way_to_the_reference_is_refused_with_what_to_do(call: Call, bot: Path) -> None:
    file = bot / "config" / "loligo.yaml"
    text = file.read_text(encoding="utf-8").replace("deposits: {USD: 100000}", "deposits: {USD: 100000, CHF: 5}")
    file.write_text(text, encoding="utf-8")
    called = call("config", "check", "--home", bot)
    assert called.code == 3
    assert "accounts.paper.reference: CHF cannot be valued in USD" in called.err


def test_a_desk_without_money_is_refused(call: Call, bot: Path) -> None:
    file = bot / "config" / "loligo.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("capital: 50000", "capital: 0", 1), encoding="utf-8")
    called = call("config", "check", "--home", bot)
    assert called.code == 3
    assert "desks.trend.capital = 0: expected more than 0, or balances: a desk needs money" in called.err


def switched_on(bot: Path, *names: str) -> None:
    file = bot / "tentacle_registry.json"
    registry = json.loads(file.read_text())
    for entry in registry["tentacles"]:
        entry["enabled"] = entry["enabled"] or entry["name"] in names
    file.write_text(json.dumps(registry))


def with_notifiers(bot: Path, *lines: str) -> int:
    """Write lines below `notifiers:` and return the number of that line."""
    file = bot / "config" / "loligo.yaml"
    text = file.read_text(encoding="utf-8").splitlines()
    place = text.index("notifiers:")
    file.write_text("\n".join([*text[: place + 1], *lines, *text[place + 1 :]]), encoding="utf-8")
    return place + 1


APPRISE = pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning")  # it looks for it
HOOK = "  - {tentacle: webhook, settings: {url: 'https://example.org/%s', name: %s}}"


def test_two_webhooks_of_one_name_are_refused_with_both_places_and_what_to_do(call: Call, bot: Path) -> None:
    switched_on(bot, "webhook")
    nameless = "  - {tentacle: webhook, settings: {url: 'https://example.org/b'}}"
    at = with_notifiers(bot, HOOK % ("a", "webhook"), HOOK % ("b", "ledger"), nameless)
    called = call("config", "check", "--home", bot)
    assert called.code == 3 and "1 problem\n" in called.err
    said = 'notifiers.2.settings.name = "webhook": expected a name of its own, notifiers.0.settings.name is the same'
    assert f"config/loligo.yaml:{at + 3}: {said} and only one of the two would be told; give one" in called.err


@APPRISE
def test_two_notifiers_with_names_of_their_own_are_fine(call: Call, bot: Path) -> None:
    switched_on(bot, "webhook", "apprise")
    mail = "{name: a, url: 'json://localhost'}"
    apprise = f"  - {{tentacle: apprise, settings: {{destinations: [{mail}]}}}}"
    with_notifiers(bot, HOOK % ("a", "a"), HOOK % ("b", "b"), apprise)  # webhook/a is not apprise/a
    assert call("config", "check", "--home", bot).code == 0


@APPRISE
def test_an_address_of_two_apprise_entries_is_refused_by_its_place_in_the_list(call: Call, bot: Path) -> None:
    switched_on(bot, "apprise")
    first, second = (f"{{name: {name}, url: 'json://localhost'}}" for name in ("mail", "room"))
    one = f"  - {{tentacle: apprise, settings: {{destinations: [{first}]}}}}"
    other = f"  - {{tentacle: apprise, settings: {{destinations: [{second}, {first}]}}}}"
    with_notifiers(bot, one, other)
    called = call("config", "check", "--home", bot)
    assert called.code == 3
    said = 'notifiers.1.settings.destinations.1.name = "mail": expected a name of its own, '
    assert said + "notifiers.0.settings.destinations.0.name is the same" in called.err


def test_a_chat_that_is_listed_twice_is_refused_by_file_and_line(call: Call, bot: Path) -> None:
    switched_on(bot, "telegram")
    file = bot / "config" / "loligo.yaml"
    chats = "{tentacle: telegram, settings: {chats: [{chat: 5}, {chat: 5, level: problem}]}}"
    lines = file.read_text(encoding="utf-8").splitlines()
    at = next(number for number, text in enumerate(lines) if text.startswith("#interfaces:"))
    file.write_text("\n".join([*lines[:at], "interfaces:", f"  - {chats}", *lines[at + 1 :]]), encoding="utf-8")
    called = call("config", "check", "--home", bot)
    assert called.code == 3 and f"config/loligo.yaml:{at + 2}: interfaces.0.settings.chats" in called.err
    assert "chats.0 and chats.1 are the chat 5: expected each once; put the rules of both" in called.err


def with_interfaces(bot: Path, *lines: str) -> int:
    """Write entries of `interfaces:` and return the number of the line above them."""
    file = bot / "config" / "loligo.yaml"
    text = file.read_text(encoding="utf-8").splitlines()
    at = next(number for number, line in enumerate(text) if line.startswith("#interfaces:"))
    file.write_text("\n".join([*text[:at], "interfaces:", *lines, *text[at + 1 :]]), encoding="utf-8")
    return at + 1


CHAT = "  - {tentacle: %s, settings: {token: '%s', chats: [%s]}}"


def test_a_chat_of_two_entries_with_one_token_is_refused_and_of_two_tokens_fine(
    call: Call, bot: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    switched_on(bot, "telegram", "discord")
    monkeypatch.setenv("LOLIGO_TELEGRAM_TOKEN", "7:abc")
    by_environment = "  - {tentacle: telegram, settings: {chats: [{chat: 6}, {chat: 5}]}}"
    fine = (CHAT % ("telegram", "8:abc", "{chat: 5}"), CHAT % ("discord", "7:abc", "{chat: 7}"))
    topic = CHAT % ("telegram", "7:abc", "{chat: 5, topic: 3}")
    at = with_interfaces(bot, CHAT % ("telegram", "7:abc", "{chat: 5}"), *fine, topic, by_environment)
    called = call("config", "check", "--home", bot)
    assert called.code == 3 and "1 problem\n" in called.err
    said = f'config/loligo.yaml:{at + 5}: interfaces.4.settings.chats.1.chat = "5": expected once with one token, '
    assert said + "interfaces.0.settings.chats.0.chat has it and only one of the two would be told" in called.err
    assert "7:abc" not in called.err


@pytest.mark.parametrize(
    ("first", "second", "who"), [("{}", "{5: view, 6: admin}", "5, 6"), ("{5: view}", "{}", "nobody")]
)
def test_two_chats_with_one_token_are_refused_if_either_lets_somebody_ask(
    call: Call, bot: Path, first: str, second: str, who: str
) -> None:
    switched_on(bot, "telegram")
    one = "  - {tentacle: telegram, settings: {token: '7:abc', chats: [{chat: %s}], allowed: %s}}"
    with_interfaces(bot, one % (1, "{}"), one % (2, "{}"))
    assert call("config", "check", "--home", bot).code == 0  # both tell their chats
    text = (bot / "config" / "loligo.yaml").read_text(encoding="utf-8")
    text = text.replace("chat: 1}], allowed: {}", f"chat: 1}}], allowed: {first}")
    text = text.replace("chat: 2}], allowed: {}", f"chat: 2}}], allowed: {second}")
    (bot / "config" / "loligo.yaml").write_text(text, encoding="utf-8")
    called = call("config", "check", "--home", bot)
    assert (
        called.code == 3
        and f'interfaces.1.settings.allowed = "{who}": expected one entry with one token, ' in called.err
    )
    assert (
        "interfaces.0.settings has it and only one of the two reads what is asked; put chats and people" in called.err
    )
    assert "7:abc" not in called.err


def test_two_discord_webhooks_beside_one_token_are_refused_and_their_address_is_not_told(call: Call, bot: Path) -> None:
    switched_on(bot, "discord")
    hook = "  - {tentacle: discord, settings: {token: one, webhook_url: 'https://discord.com/api/webhooks/%s/hush'}}"
    with_interfaces(bot, hook % 1, hook % 2)
    called = call("config", "check", "--home", bot)
    assert called.code == 3 and "interfaces.1.settings.webhook_url" in called.err
    assert "interfaces.0.settings.webhook_url has it" in called.err and "hush" not in called.err
    text = (bot / "config" / "loligo.yaml").read_text(encoding="utf-8").replace("token: one, ", "")
    (bot / "config" / "loligo.yaml").write_text(text, encoding="utf-8")
    assert call("config", "check", "--home", bot).code == 0  # each is told by itself


PLANNED = {  # what is on, the entry, what is said
    "what is missing": (
        "webhook",
        "{tentacle: webhook}",
        "settings.url: missing; it has no default (notifier webhook)",
    ),
    "what is missing beside what is given": (
        "webhook",
        "{tentacle: webhook, settings: {name: ledger}}",
        "settings.url: missing; it has no default (notifier webhook)",
    ),
    "what only the whole shows": (
        "rule",
        "{tentacle: rule, settings: {trigger: price, level: 9}}",
        "settings: instrument: expected one for the trigger price, such as coinbase:BTC/USD (automation rule)",
    ),
    "what is not there": ("", "{tentacle: webhok}", "webhok"),
}


@pytest.mark.parametrize(("on", "entry", "said"), PLANNED.values(), ids=PLANNED)
def test_what_run_refuses_is_refused_by_check_in_the_same_words(
    call: Call, bot: Path, on: str, entry: str, said: str
) -> None:
    switched_on(bot, on)
    if on == "rule":
        file = bot / "config" / "loligo.yaml"
        file.write_text(f"{file.read_text(encoding='utf-8')}\nautomations:\n  - {entry}\n", encoding="utf-8")
    else:
        with_notifiers(bot, f"  - {entry}")
    checked = call("config", "check", "--home", bot)
    ran = call("run", "--headless", "--home", bot)
    assert checked.code == ran.code != 0 and said in checked.err
    assert checked.err == ran.err


def test_what_the_registry_sets_wrongly_for_an_edge_is_refused_by_check_as_by_run(call: Call, bot: Path) -> None:
    switched_on(bot, "webhook")
    with_notifiers(bot, HOOK % ("a", "a"))
    file = bot / "tentacle_registry.json"
    registry = json.loads(file.read_text())
    next(one for one in registry["tentacles"] if one["name"] == "webhook")["settings"] = {"timeout_s": 600}
    file.write_text(json.dumps(registry))
    checked = call("config", "check", "--home", bot)
    ran = call("run", "--headless", "--home", bot)
    assert checked.code == ran.code == 1 and "timeout_s" in checked.err
    assert checked.err == ran.err
