"""The story of a canary: a desk that trades at every whim and pays for it in fees, and a version of its strategy that
waits for a clear vote. On the bundled candles of 2018 the calmer one is better by more than luck, whenever the test
begins: fees of 0.4 % a side leave no doubt, so the verdict comes within some fifty days.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

from loligo.model.command import GenerationActivated
from loligo.model.events import OrderSubmitted, PositionChanged, Record, TradeClosed
from tests.scenario.bots import LIMIT_S, ROOT, BotFolder
from tests.scenario.test_swap_running import edit_registry, rewrite

CRAWL, WALK = 60.0, 7_200.0  # a candle of an hour in a minute; two in a second
BRISK = {  # swaps that do not look for long: how long they look is not what is tried here
    "LOLIGO__SWAP__WATCH": "false",
    "LOLIGO__SWAP__REHEARSAL_INPUTS": "5",
    "LOLIGO__SWAP__SHADOW_S": "0.3",
    "LOLIGO__SWAP__PROBATION_S": "0.3",
    "LOLIGO__JOURNAL__COMMIT_EVERY_S": "0.05",
}
VOTE = Path("tentacles/strategies/weighted_vote")
DESK = "trend"
AT_EVERY_WHIM = {
    "evaluators": [{"tentacle": "rsi", "settings": {"mode": "momentum", "period": 7}}],
    "strategy": {"tentacle": "weighted_vote", "settings": {"entry_threshold": 0.02, "exit_threshold": 0.02}},
    "limits": {
        "min_confidence": 0.0,
        "max_position_share": 0.02,  # so small that no guardrail stops the test
        "max_trades_per_day": 100,
        "max_consecutive_losses": 100,
        "stop_guard_count": 100,
        "lock_below_profit": -0.9,
    },
}


def at_every_whim(config: dict[str, Any]) -> None:
    """Leave one desk, which trades far too often."""
    config["desks"].pop("dips", None)
    config["desks"][DESK] |= AT_EVERY_WHIM


def own_strategy(bot: BotFolder) -> None:
    """Let the folder hold the code of weighted_vote, as one that somebody works on."""
    shutil.copytree(ROOT / VOTE, bot.home / VOTE, ignore=shutil.ignore_patterns("__pycache__"))

    def own(entries: list[dict[str, Any]]) -> None:
        (entry,) = (one for one in entries if (one["kind"], one["name"]) == ("strategy", "weighted_vote"))
        entry["source"] = "local"
        del entry["tree_hash"]

    edit_registry(bot, own)


def save_calmer_version(bot: BotFolder) -> None:
    """Save a version that enters on a vote of 0.8 at least, whatever the desk asks for."""
    rewrite(bot, VOTE / "logic.py", "= settings.entry_threshold, ", "= max(settings.entry_threshold, 0.8), ")


def still_with_a_position(bot: BotFolder, desk: str = DESK) -> dict[str, Any]:
    """Let the tape run slowly until the desk holds something, then stand all but still; return the position."""
    until = time.monotonic() + LIMIT_S
    while time.monotonic() < until:
        tape(bot, CRAWL)
        positions: list[dict[str, Any]] = bot.asked("positions", desk=desk)["answer"]["positions"]
        if positions:
            return positions[0]
        tape(bot, WALK)
    raise AssertionError(f"{desk} never held anything")


def tape(bot: BotFolder, speed: float) -> None:
    """Let the replay run at another speed, as of now."""
    bot.edit(lambda config: config["feeds"][0]["settings"].update(speed=speed))
    done = bot.asked("tentacle.apply", why=f"the tape at {speed:g}")["answer"]
    assert done["result"] in ("good", "unchanged"), done


def held_through_the_last_flip(records: list[Record]) -> str:
    """Return what the desk held when the newest generation came, with its entry price; "" when it held nothing.
    AssertionError where that generation itself moved anything."""
    place, flip = [(place, one) for place, one in enumerate(records) if isinstance(one.input, GenerationActivated)][-1]
    moved = [one for one in flip.events if isinstance(one, OrderSubmitted | PositionChanged | TradeClosed)]
    assert not moved, moved
    before = [
        event.position
        for record in records[:place]
        for event in record.events
        if isinstance(event, PositionChanged) and event.desk == DESK
    ]
    held = before[-1] if before else None
    return f"{held.quantity} from {held.average_entry}" if held is not None and held.quantity else ""
