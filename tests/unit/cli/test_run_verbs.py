"""`run`, `backtest`, `why` and `journal` over bundled candles, from the command line to the journal and back."""

from __future__ import annotations

from pathlib import Path

from .conftest import Call

UNTIL = "2017-12-01"


def test_run_ends_with_a_summary_and_the_journal_explains_its_trades(call: Call, bot: Path) -> None:
    ran = call("run", "--headless", "--until", UNTIL, "--home", bot, "--json")
    assert ran.code == 0
    assert ran.json["reason"] == "feeds ended"
    newest = ran.json["desks"]["trend"]["newest_trade"]
    story = call("why", newest["order"], "--home", bot, "--json").json
    names = [step["step"] for step in story["steps"]]
    in_order = ["candle", "evaluation", "decision", "request", "check", "approved", "order", "fill", "trade"]
    assert sorted(in_order, key=names.index) == in_order
    assert story["steps"][-1]["seq"] == newest["seq"]


def test_second_run_continues_and_fresh_begins_anew(call: Call, bot: Path) -> None:
    first = call("run", "--headless", "--until", "2017-08-01", "--home", bot, "--json").json
    again = call("run", "--headless", "--until", "2017-08-01", "--home", bot, "--json").json
    anew = call("run", "--headless", "--fresh", "--until", "2017-08-01", "--home", bot, "--json").json
    assert (first["is_resumed"], again["is_resumed"], anew["is_resumed"]) == (False, True, False)
    assert (again["records"], anew["records"]) == (0, first["records"])
    assert (bot / "state" / "journal.sqlite.1").exists()


def test_journal_verbs_show_check_and_rebuild_the_same_rows(call: Call, bot: Path) -> None:
    call("run", "--headless", "--until", UNTIL, "--home", bot)
    before = call("journal", "show", "trades", "--home", bot, "--json").json["rows"]
    assert before
    assert call("journal", "check", "--home", bot, "--json").json["records"] > 1_000
    assert call("journal", "rebuild", "--home", bot).code == 0
    assert call("journal", "show", "trades", "--home", bot, "--json").json["rows"] == before
    [record] = call("journal", "events", "--since", "5", "--limit", "1", "--home", bot, "--json").json["records"]
    assert record[0] == 5


def test_journal_that_is_not_there_yet_ends_with_four(call: Call, bot: Path) -> None:
    called = call("why", "1", "--home", bot)
    assert called.code == 4
    assert f"no journal yet; `loligo run --home {bot}` writes one" in called.err


def test_arguments_that_are_wrong_are_named_and_end_with_two_or_four(call: Call, bot: Path) -> None:
    assert call("run", "--headless", "--until", "2017-07-05", "--home", bot).code == 0
    for words, code, said in (
        (("run", "--until", "soon"), 2, '--until: time "soon": expected ISO 8601'),
        (("backtest", "--since", "soon"), 2, '--since: time "soon": expected ISO 8601'),
        (("reality", "--desk", "dips", "--to", "soon"), 2, '--to: time "soon": expected ISO 8601'),
        (("journal", "show", "dreams"), 2, 'there is no table "dreams": expected one of orders, fills'),
        (("journal", "show", "trades", "--desk", "trned"), 4, 'there is no desk "trned"'),
        (("export", "trades", "--desk", "trned"), 4, 'there is no desk "trned"'),
        (("export", "dreams"), 2, "table = 'dreams': expected 'trades', 'fills' or 'orders'"),
        (("export", "trades", "--since", "soon"), 2, 'time "soon": expected ISO 8601'),
    ):
        called = call(*words, "--home", bot)
        assert (called.code, said in called.err) == (code, True), (words, called)
    assert call("journal", "show", "trades", "--desk", "trend", "--home", bot).code == 0


def test_backtest_prints_one_object_with_the_promised_keys(call: Call, bot: Path) -> None:
    config = bot / "config" / "loligo.yaml"
    report = call("backtest", "--config", config, "--until", UNTIL, "--home", bot, "--json").json
    assert {"trades", "equity", "metrics", "counts", "versions"} <= set(report)
    assert {"candles", "orders", "refusals"} <= set(report["counts"])
    assert report["counts"]["candles"] > 1_000


def test_backtest_of_a_time_without_data_says_so_and_shows_no_result(call: Call, bot: Path) -> None:
    done = call("backtest", "--since", "2031-01-01", "--home", bot, "--json")
    assert done.code == 1
    assert done.json["error"]["kind"] == "DataError"
    assert done.json["error"]["message"].startswith("the feeds have no data between since and until: choose another")


def test_tentacles_are_listed_with_state_and_shown_with_settings(call: Call, bot: Path) -> None:
    listed = call("tentacle", "list", "--home", bot, "--json").json["tentacles"]
    assert {("evaluator", "rsi"), ("strategy", "weighted_vote"), ("feed", "replay")} <= {
        (row["kind"], row["name"]) for row in listed
    }
    shown = call("tentacle", "show", "evaluator/rsi", "--home", bot, "--json").json["tentacle"]
    assert shown["state"] == "loaded"
    assert "period" in shown["settings"]
    missing = call("tentacle", "show", "rsy", "--home", bot)
    assert missing.code == 1
    assert 'did you mean "rsi"?' in missing.err
