"""Where values come from, which one counts, and what is said when something is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from loligo.config import read_settings
from loligo.config.layers import Setting
from loligo.errors import ConfigError
from loligo.log import masked

from .conftest import REPOSITORY, SMALL, Load


def test_what_is_not_set_has_its_default(load: Load) -> None:
    config = load()
    assert config.desks["trend"].limits.stop_loss == 0.02
    assert config.engine.equity_every_s == 3600


def test_each_layer_counts_more_than_the_one_below(load: Load, home: Path) -> None:
    (home / "config/profiles/calm.yaml").write_text("log: {level: critical}\n", encoding="utf-8")
    with_profile = "bot: {profile: calm}\n" + SMALL
    assert load(with_profile).log.level == "critical"
    assert load(with_profile + "log: {level: error}\n").log.level == "error"
    (home / ".env").write_text("LOLIGO__LOG__LEVEL=warning\n", encoding="utf-8")
    assert load().log.level == "warning"
    assert load(LOG__LEVEL="info").log.level == "info"


@pytest.mark.parametrize(("name", "size", "stop", "leverage"), [("crypto", 0.05, 0.02, 3), ("stock", 0.10, 0.05, 2)])
def test_bundled_profiles_set_the_limits_of_every_desk(
    load: Load, name: str, size: float, stop: float, leverage: float
) -> None:
    limits = load(BOT__PROFILE=name).desks["trend"].limits
    assert (limits.max_position_share, limits.stop_loss, limits.max_leverage) == (size, stop, leverage)


def test_desk_keeps_what_it_sets_itself_over_its_profile(load: Load) -> None:
    text = SMALL.replace("    capital: 600\n", "    capital: 600\n    limits: {stop_loss: 0.03}\n")
    limits = load("bot: {profile: stock}\n" + text).desks["trend"].limits
    assert (limits.stop_loss, limits.max_position_share) == (0.03, 0.10)


def test_section_whose_lines_are_all_commented_out_leaves_the_profile_in_force(load: Load) -> None:
    text = SMALL.replace("    capital: 600\n", "    capital: 600\n    limits:\n      #stop_loss: 0.02\n")
    assert load("bot: {profile: stock}\n" + text).desks["trend"].limits.stop_loss == 0.05


def test_name_star_gives_every_desk_what_it_does_not_set_itself(load: Load) -> None:
    other = (
        "  dips:\n    limits: {cooldown_s: 60}\n    venue: coinbase\n    account: paper\n    instruments: [BTC/USD]\n"
    )
    other += "    capital: 100\n    strategy: {tentacle: s}\n    mode: {tentacle: m}\n"
    every = '  "*":\n    timeframe: 4h\n    limits: {cooldown_s: 5, stop_loss: 0.01}\n'
    desks = load(SMALL.replace("feeds:", other + every + "feeds:")).desks
    assert sorted(desks) == ["dips", "trend"]
    assert [desks[name].timeframe for name in ("dips", "trend")] == ["4h", "4h"]
    assert [desks[name].limits.cooldown_s for name in ("dips", "trend")] == [60, 5]
    assert desks["dips"].limits.stop_loss == 0.01


def test_environment_reaches_desks_instruments_and_list_entries_in_capitals(load: Load) -> None:
    config = load(
        DESKS__TREND__LIMITS__TRAILING_STOP="0.04",
        VENUES__COINBASE__INSTRUMENTS__BTC_USD__PRICE_STEP="0.5",
        FEEDS__0__SETTINGS__SPEED="60",
        DESKS__TREND__RISK_RULES="[protective_stop, exposure]",
    )
    assert config.desks["trend"].limits.trailing_stop == 0.04
    assert str(config.venues["coinbase"].instruments["BTC/USD"].price_step) == "0.5"
    assert config.feeds[0].settings == {"speed": 60}
    assert config.desks["trend"].risk_rules == ("protective_stop", "exposure")


def test_environment_reaches_settings_of_tentacles_in_lists_by_name(load: Load) -> None:
    chats = "interfaces: [{tentacle: web}, {tentacle: telegram, settings: {poll_s: 5}}]\n"
    guard = "automations: [{tentacle: rule, name: guard}]\n"
    config = load(
        SMALL + chats + guard,
        INTERFACES__TELEGRAM__BASE_URL="http://127.0.0.1:8081/bot",
        INTERFACES__TELEGRAM__ALLOWED="{1: admin}",
        INTERFACES__WEB__PORT="9000",
        INTERFACES__0__SETTINGS__HOST="127.0.0.1",
        AUTOMATIONS__GUARD__LEVEL="7000",
    )
    web, telegram = config.interfaces
    assert web.settings == {"port": 9000, "host": "127.0.0.1"}
    assert telegram.settings == {"poll_s": 5, "base_url": "http://127.0.0.1:8081/bot", "allowed": {"1": "admin"}}
    assert config.automations[0].settings == {"level": 7000}
    with pytest.raises(ConfigError, match='automations is a list of 1, numbered or named: it has no "gard"'):
        load(SMALL + guard, AUTOMATIONS__GARD__LEVEL="7000")


@pytest.mark.parametrize("chats", ["", "interfaces: []\n", "interfaces: [{tentacle: apples}]\n"])
def test_environment_adds_an_interface_that_is_not_there_yet_and_knows_the_page_by_its_name(
    load: Load, chats: str
) -> None:
    config = load(
        SMALL + chats,
        WEB__PORT="9000",
        WEB__HOST="0.0.0.0",
        INTERFACES__TELEGRAM__TOKEN="4711:Zw",
        INTERFACES__WEB__X="1",
    )
    telegram, web = config.interfaces[-2:]
    assert (telegram.tentacle, telegram.settings) == ("telegram", {"token": "4711:Zw"})
    assert (web.tentacle, web.settings) == ("web", {"x": 1, "port": 9000, "host": "0.0.0.0"})
    assert len(config.interfaces) == (3 if "apples" in chats else 2)
    with pytest.raises(ConfigError, match="interfaces"):
        load(SMALL + chats, INTERFACES__7__SETTINGS__PORT="1")
    with pytest.raises(ConfigError, match="interfaces"):
        load(SMALL + "interfaces: {web: {port: 1}}\n", WEB__PORT="2")


def test_feeds_go_by_a_name_of_their_own_or_that_of_their_tentacle_and_no_two_by_the_same(load: Load) -> None:
    named = load(SMALL + "  - {tentacle: replay, name: days}\n")
    assert [(feed.tentacle, feed.name) for feed in named.feeds] == [("replay", None), ("replay", "days")]
    with pytest.raises(ConfigError, match="two of replay, replay have one name: give each a name of its own"):
        load(SMALL + "  - {tentacle: replay}\n")


def test_secret_from_a_file_is_taken_as_it_stands_and_masked_in_the_log(load: Load, tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("postgresql://bot:Hu5h@db/loligo\n", encoding="utf-8")
    assert load(JOURNAL__URL_FILE=str(secret)).journal == {"url": "postgresql://bot:Hu5h@db/loligo"}
    assert masked("cannot reach postgresql://bot:Hu5h@db/loligo") == "cannot reach ***"


def test_key_that_is_called_file_is_no_secret_file(load: Load) -> None:
    assert load(LOG__FILE="logs/bot.log").log.file == "logs/bot.log"


def test_value_given_twice_by_the_environment_is_refused(load: Load, tmp_path: Path) -> None:
    (tmp_path / "url").write_text("sqlite://", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"journal.url is already set by environment variable LOLIGO__JOURNAL__URL"):
        load(JOURNAL__URL="sqlite://", JOURNAL__URL_FILE=str(tmp_path / "url"))


def test_dotenv_takes_quotes_comments_and_export(load: Load, home: Path) -> None:
    lines = ["# mine", "", 'export LOLIGO__LOG__FILE="a b.log"', "LOLIGO__LOG__FORMAT='json'", "OTHER=1"]
    (home / ".env").write_text("\n".join(lines), encoding="utf-8")
    log = load().log
    assert (log.file, log.format) == ("a b.log", "json")


def test_dotenv_line_that_is_none_is_named_but_not_repeated(load: Load, home: Path) -> None:
    (home / ".env").write_text("A=1\nmy secret\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"\.env:2: expected KEY=VALUE") as caught:
        load()
    assert "secret" not in str(caught.value)


def test_every_fault_is_told_at_once_with_line_key_value_and_expectation(load: Load) -> None:
    text = SMALL.replace("    capital: 600", "    capitol: 600").replace("account: paper", "account: papr")
    text += "log:\n  level: loud\njournal:\n  keep_snapshots: 0\n"
    with pytest.raises(ConfigError) as caught:
        load(text)
    assert str(caught.value).splitlines()[0].endswith("config/loligo.yaml: 5 problems")
    assert set(str(caught.value).splitlines()[1:]) == {
        '  config/loligo.yaml:13: desks.trend.capitol = 600: unknown key (did you mean "capital"?)',
        "  config/loligo.yaml:9: desks.trend.capital: missing; it has no default",
        '  config/loligo.yaml:11: desks.trend.account = "papr": not in accounts, which has paper'
        ' (did you mean "paper"?)',
        "  config/loligo.yaml:20: log.level = \"loud\": expected 'debug', 'info', 'warning', 'error' or 'critical'",
        "  config/loligo.yaml:22: journal.keep_snapshots = 0: expected greater than or equal to 1",
    }


def test_instrument_that_the_venue_does_not_have_is_refused(load: Load) -> None:
    with pytest.raises(ConfigError, match=r'loligo.yaml:12: desks.trend.instruments = "BTC/EUR": not in venues.coin'):
        load(SMALL.replace("[BTC/USD]", "[BTC/EUR]"))


def test_fault_of_a_variable_names_the_variable(load: Load) -> None:
    with pytest.raises(ConfigError, match=r"environment variable LOLIGO__LOG__LEVL: log.levl = 1: unknown key"):
        load(LOG__LEVL="1")


@pytest.mark.parametrize(
    ("variable", "said"),
    [("LOG__LEVEL__X", None), ("DESKS__TREND__VENUE__X", "is a single value"), ("FEEDS__7__TENTACLE", "a list of 1")],
)
def test_variable_that_leads_nowhere_is_refused(load: Load, variable: str, said: str | None) -> None:
    with pytest.raises(ConfigError, match=said or "log.level"):
        load(**{variable: "1"})


def test_value_of_a_secret_is_not_repeated_in_an_error(load: Load) -> None:
    with pytest.raises(ConfigError) as caught:
        load(LOG__API_KEY="Hu5hHu5h")
    assert "log.api_key = ***: unknown key" in str(caught.value)


def test_file_that_is_not_there_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"no such file; `loligo init {tmp_path}` writes one"):
        read_settings(tmp_path, bundled_root=REPOSITORY, environ={})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("log: {level: info\n", r"config/loligo.yaml:\d+: not valid YAML"),
        ("log: {}\nlog: {}\n", r"config/loligo.yaml:\d+: not valid YAML"),
        ("- log\n", "expected sections"),
        ("log: hello\n", 'log = "hello"'),
    ],
)
def test_file_that_is_no_configuration_is_refused_with_its_line(load: Load, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load(text)


def test_unknown_profile_is_refused_with_those_that_exist(load: Load) -> None:
    with pytest.raises(ConfigError, match=r'profile = "krypto": expected one of crypto, stock \(did you mean "crypto"'):
        load(BOT__PROFILE="krypto")


def test_unquoted_date_stays_the_text_that_was_written(load: Load) -> None:
    config = load(SMALL.replace("{speed: 0}", "{since: 2019-07-01}"))
    assert config.feeds[0].settings == {"since": "2019-07-01"}


def test_every_value_knows_where_it_was_set(home: Path) -> None:
    settings = read_settings(home, bundled_root=REPOSITORY, environ={"LOLIGO__LOG__LEVEL": "debug"})
    assert settings.at(("desks", "trend", "capital")) == Setting(600, "config/loligo.yaml:13")
    assert settings.at(("log", "level")) == Setting("debug", "environment variable LOLIGO__LOG__LEVEL")


def test_section_that_only_a_variable_has_begun_is_blamed_on_it(load: Load) -> None:
    with pytest.raises(
        ConfigError, match=r"environment variable LOLIGO__DESKS__NEW__VENUE: desks.new.capital: missing"
    ):
        load(DESKS__NEW__VENUE="coinbase")


def test_merge_key_of_yaml_brings_what_it_names(load: Load) -> None:
    desk = "  dips:\n    <<: *desk\n    capital: 100\nfeeds:"
    desks = load(SMALL.replace("  trend:\n", "  trend: &desk\n").replace("feeds:", desk)).desks
    assert (desks["dips"].venue, str(desks["dips"].capital)) == ("coinbase", "100")
