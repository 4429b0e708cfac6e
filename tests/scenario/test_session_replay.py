"""`loligo journal replay`: a recorded session comes out the same to the byte, or here is where it first differs."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from sqlalchemy import text

from loligo.model.command import GenerationActivated, OperatorCommand, SlotVersion, SwapEnded
from loligo.model.events import Evaluated, RiskChecked, TentacleFailed
from loligo.model.timeframe import ns_from_iso
from loligo.registry.content import CONTENT_FOLDER, ContentStore
from loligo_bot.cli.control_client import ask
from loligo_store.journal import Journal
from tests.fakes.hanging_tentacles import trade_with_them, write_hanging
from tests.scenario.bots import LOLIGO, ROOT, BotFolder, ended
from tests.scenario.test_edge_swap import bot as bot  # the fixture
from tests.scenario.test_swap_kill import Toll, comes_up, killed_in_a_swap
from tests.scenario.test_swap_running import COUNTER, calls_are_whole
from tests.scenario.test_swap_session import KINDS, QUICK, carry_out, edit

PER_SECOND = "180000"  # 50 candles of an hour in a second
STEPS = ("evaluator", "evaluator that fails late", "limits of the desk", "settings of the venue", "rule")
Forge = Callable[[BotFolder, tuple[SlotVersion, ...]], tuple[SlotVersion, ...]]


def replayed(bot: BotFolder, run: str = "last", code: int = 0) -> dict[str, Any]:
    done = bot.call("journal", "replay", run, "--verify")
    assert done.code == code, done.out + done.err
    return done.data


def recorded(bot: BotFolder, until: str = "2017-12-22") -> None:
    done = bot.call("run", "--headless", "--until", until)
    assert done.code == 0, done.out + done.err


def short(bot: BotFolder) -> BotFolder:
    """Let the bot run through its candles at once."""
    return bot.edit(lambda config: config["feeds"][0]["settings"].update(speed=0))


@pytest.mark.timeout(300)
def test_session_with_swaps_commands_a_kill_and_a_restart_in_other_code_comes_out_identical(bot: BotFolder) -> None:
    bot.environment |= {f"LOLIGO__SWAP__{name}": value for name, value in QUICK.items()}
    steps = [next(kind for kind in KINDS if kind.name == name) for name in STEPS]
    with bot.running("run", "--headless", "--speed", PER_SECOND) as process:
        bot.wait_until(lambda status: status["next_seq"] > 600)  # 90 candles, before which none is late
        for number, step in enumerate(steps):
            carry_out(bot, step, number)
        bot.asked("pause", target="trend")
        bot.asked("resume", target="trend")
        process.send_signal(signal.SIGKILL)
        ended(process)
    edit(COUNTER, '"count', '"anew')(bot, 0)  # taken up by the start
    with bot.running("run", "--headless", "--speed", PER_SECOND) as process:
        seen = bot.wait_until(lambda status: status["generation"] is not None)["next_seq"]
        bot.wait_until(lambda status: status["next_seq"] > seen + 100)
        ask(bot.home, {"do": "stop"})
        assert ended(process).code == 0
    calls_are_whole(bot)
    records = bot.records()
    kinds = [type(record.input) for record in records]
    assert kinds.count(OperatorCommand) == 2
    results = [record.input.result for record in records if isinstance(record.input, SwapEnded)]
    assert results == ["good", "rolled_back", "good", "good", "good", "good"]  # the last one is that of the start
    data = replayed(bot)
    assert (data["is_identical"], data["difference"], data["records"]) == (True, None, len(records))
    assert len(data["generations"]) == kinds.count(GenerationActivated)
    assert [one for one in data["generations"][-1]["changed"] if one.startswith("evaluator/counter ")]
    checked = bot.call("reality", "--desk", "trend").data
    assert (checked["differences_as_it_ran"], checked["not_explained"], checked["left_out"]) == (0, 0, {})
    assert {step["cause"] for step in checked["steps"]} == {"version", "settings", "slippage"}  # what was swapped
    assert checked["trades"]["recorded"] == checked["trades"]["today"] > 5
    total = sum(one["net"] for one in checked["causes"].values())
    assert total == pytest.approx(checked["net"]["today"] - checked["net"]["recorded"])


@pytest.mark.parametrize("place", ["ShadowStarted:2", "GenerationActivated:2"])
def test_session_that_was_killed_in_the_middle_of_a_swap_comes_out_identical(bot: BotFolder, place: str) -> None:
    bot.environment |= {"LOLIGO__SWAP__WATCH": "true", "LOLIGO__SWAP__SHADOW_INPUTS": "20"}
    bot.environment["PYTHONPATH"] += os.pathsep + str(ROOT)  # the script that kills itself is one of ours
    toll = Toll()
    killed_in_a_swap(bot, place, 20.0, toll)
    comes_up(bot, toll)
    kinds = [type(record.input) for record in bot.records()]
    assert place.partition(":")[0] in [kind.__name__ for kind in kinds[1:]]
    data = replayed(bot)
    assert (data["is_identical"], data["records"]) == (True, len(kinds))


def test_tentacle_that_reads_more_than_its_inputs_is_found_at_its_first_opinion(bot: BotFolder) -> None:
    bot = short(bot)
    edit(COUNTER, "Evaluation(1.0,", "Evaluation(hash('salted in each process') % 10_007 / 10_007,")(bot, 0)
    bot.environment["PYTHONHASHSEED"] = "1"
    recorded(bot)
    first = next(e for record in bot.records() for e in record.events if isinstance(e, Evaluated))
    assert replayed(bot)["is_identical"]
    bot.environment["PYTHONHASHSEED"] = "2"
    found = replayed(bot, code=1)["difference"]
    assert found["seq"] == first.seq
    assert found["recorded"]["event"] == msgspec.json.decode(msgspec.json.encode(first))
    assert found["now"]["step"] == "evaluation"
    assert found["now"] != found["recorded"]
    assert [step["step"] for step in found["why_recorded"]] == ["candle"]


def test_call_that_hung_is_not_made_again_and_a_reality_check_says_that_it_goes_no_further(
    template: BotFolder, tmp_path: Path
) -> None:
    bot = template.copy(tmp_path / "hung", LOLIGO__ENGINE__TENTACLE_TIMEOUT_S="0.5")
    write_hanging(bot.home, "strategy", ns_from_iso("2017-12-18T00:00:00Z"))
    bot.edit(lambda config: trade_with_them(config, "2017-12-15", "2017-12-22"))
    recorded(bot)
    [hung] = [e for r in bot.records() for e in r.events if isinstance(e, TentacleFailed) and e.is_interrupted]
    assert replayed(bot)["is_identical"]
    checked = bot.call("reality", "--desk", "trend").data
    assert (checked["differences_as_it_ran"], checked["steps"]) == (0, [])
    assert checked["notes"][0].startswith(f"a call hung at seq {hung.seq}: ")


def other_code(
    bot: BotFolder, slots: tuple[SlotVersion, ...], opinion: bytes = b"(1.0 if self.asked < 20 else 0.5,"
) -> tuple[SlotVersion, ...]:
    """Put an evaluator with another opinion from its 20th candle on in the place of the one that ran."""
    store = ContentStore(bot.home / CONTENT_FOLDER)
    [ran] = [slot for slot in slots if slot.tentacle == "evaluator/counter"]
    files = store.get(ran.tree_hash)
    code = files["__init__.py"].replace(b"Evaluation(1.0,", b"Evaluation" + opinion)
    assert code != files["__init__.py"]
    other = store.put({**files, "__init__.py": code})
    return tuple(replace(slot, tree_hash=other) if slot == ran else slot for slot in slots)


def other_settings(bot: BotFolder, slots: tuple[SlotVersion, ...]) -> tuple[SlotVersion, ...]:
    """Put another limit of the desk into the settings as recorded."""
    store = ContentStore(bot.home / CONTENT_FOLDER)
    [recipe] = [slot for slot in slots if slot.tentacle == "recipe"]
    files = store.get(recipe.tree_hash)
    config = msgspec.json.decode(files["config.json"])
    config["desks"]["trend"]["limits"]["min_confidence"] = 0.25
    other = store.put({**files, "config.json": msgspec.json.encode(config)})
    return tuple(replace(slot, tree_hash=other) if slot == recipe else slot for slot in slots)


def forged(bot: BotFolder, forge: Forge) -> None:
    """Write the journal anew, its first generation naming something else than what ran."""
    first, *rest = bot.records()
    assert isinstance(first.input, GenerationActivated)
    first = replace(first, input=replace(first.input, slots=forge(bot, first.input.slots)))
    file = bot.home / "state" / "journal.sqlite"
    for suffix in ("", "-wal", "-shm"):
        Path(f"{file}{suffix}").unlink(missing_ok=True)
    journal = Journal(file)
    for record in (first, *rest):
        journal.append(record)
    journal.close()


def test_other_code_than_what_ran_is_found_at_its_first_other_opinion(bot: BotFolder) -> None:
    recorded(short(bot))
    forged(bot, other_code)
    said = [e for record in bot.records() for e in record.events if isinstance(e, Evaluated)]
    first = next(event for event in said if event.evaluation.numbers == (20.0,))
    found = replayed(bot, code=1)["difference"]
    assert found["seq"] == first.seq
    assert found["recorded"]["event"] == msgspec.json.decode(msgspec.json.encode(first))
    told = lines(bot)
    assert f"the first difference is at seq {first.seq:,}, " in told[1]
    assert [line.split()[:2] for line in told[2:4]] == [["recorded", "evaluation:"], ["now", "evaluation:"]]


def test_other_settings_than_what_ran_are_found_at_the_first_check_with_the_way_from_the_candle(bot: BotFolder) -> None:
    recorded(short(bot))
    forged(bot, other_settings)
    checks = [e for record in bot.records() for e in record.events if isinstance(e, RiskChecked)]
    first = next(event for event in checks if event.rule == "confidence")
    found = replayed(bot, code=1)["difference"]
    assert found["seq"] == first.seq
    assert (first.numbers[1], found["now"]["event"][-1][1]) == (0.7, 0.25)  # default, forged
    assert [step["step"] for step in found["why_recorded"]] == ["candle", "evaluation", "decision", "request"]


def lines(bot: BotFolder) -> list[str]:
    """What people are told in place of JSON."""
    command = (*LOLIGO, "--home", str(bot.home), "journal", "replay", "last")
    done = subprocess.run(command, env=bot.environment, cwd=bot.home, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr  # without --verify a difference is told, and fails nothing
    return done.stdout.splitlines()


@pytest.mark.parametrize(("spoil", "says"), [("remove", "no such version"), ("edit", "was changed")])
def test_version_that_is_missing_or_was_changed_in_the_store_is_named_and_nothing_is_guessed(
    bot: BotFolder, spoil: str, says: str
) -> None:
    recorded(short(bot))
    generation: Any = bot.records()[0].input
    [ran] = [slot for slot in generation.slots if slot.tentacle == "evaluator/counter"]
    folder = ContentStore(bot.home / CONTENT_FOLDER).path(ran.tree_hash)
    if spoil == "remove":
        os.rename(folder, bot.home / "elsewhere")
    else:
        (folder / "__init__.py").write_text((folder / "__init__.py").read_text() + "\n# edited\n")
    error = replayed(bot, code=1)["error"]
    assert error["kind"] == "JournalError"
    assert "evaluator counter" in error["message"] and says in error["message"]


def test_journal_whose_beginning_was_cut_is_run_again_from_its_oldest_snapshot(season_template: BotFolder) -> None:
    bot = season_template.copy(season_template.home.parent / "cut", LOLIGO__JOURNAL__RETENTION_DAYS="3")
    done = bot.call("run", "--headless")
    assert done.code == 0, done.err
    first, records = bot.records()[0], bot.records()
    assert not isinstance(first.input, GenerationActivated) or first.seq > 1
    data = replayed(bot)
    again = [record for record in records if record.seq >= data["from_snapshot"]]
    assert (data["is_identical"], data["records"]) == (True, len(again))
    assert data["from_snapshot"] >= first.seq > 1
    with bot.database() as engine, engine.begin() as connection:
        connection.execute(text("DELETE FROM snapshot"))
    assert "is in no snapshot" in replayed(bot, code=1)["error"]["message"]


def test_sessions_put_aside_keep_their_number_and_are_replayed_by_it(bot: BotFolder) -> None:
    recorded(short(bot), "2017-12-18")
    old = bot.records()
    assert [one["number"] for one in bot.call("journal", "sessions").data["sessions"]] == [1]
    done = bot.call("run", "--headless", "--fresh", "--until", "2017-12-20")
    assert done.code == 0, done.err
    listed = bot.call("journal", "sessions").data["sessions"]
    assert [(one["number"], one["is_newest"]) for one in listed] == [(1, False), (2, True)]
    assert replayed(bot, "1")["records"] == len(old)
    assert replayed(bot, "2")["records"] == replayed(bot)["records"] == len(bot.records()) > len(old)
    assert "one of 1, 2" in replayed(bot, "7", code=4)["error"]["message"]
