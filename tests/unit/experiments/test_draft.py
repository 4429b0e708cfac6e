"""Arms that are made: the control but for what was asked, on an account of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from loligo.errors import BadArguments
from loligo.host import bundled_root
from loligo.registry.content import CONTENT_FOLDER, ContentStore
from loligo.registry.registry_file import load_registry
from loligo.registry.tree import read_tree
from loligo_bot.experiments.draft import Draft, Variant, Wanted, drafted

TREND: dict[str, Any] = {
    "venue": "coinbase",
    "account": "paper",
    "instruments": ["BTC/USD"],
    "timeframe": "1h",
    "capital": "50000",
    "balances": {"EUR": "10"},
    "evaluators": [{"tentacle": "macd", "settings": {}}, {"tentacle": "rsi", "settings": {"period": 28}}],
    "strategy": {"tentacle": "weighted_vote", "settings": {}},
    "mode": {"tentacle": "signal_spot", "settings": {}},
    "limits": {"stop_loss": 0.02},
    "risk_rules": [],
}
CONFIG: dict[str, Any] = {
    "desks": {"trend": TREND},
    "accounts": {"paper": {"deposits": {"USD": "100000"}, "reference": "USD", "limits": {}}},
}


def made(*variants: Variant, home: Path = Path("nowhere"), **other: Any) -> Draft:
    return drafted(home, CONFIG, Wanted(name="tuned", control="trend", variants=variants, **other))


def test_an_arm_is_the_control_but_for_what_was_asked_on_an_account_of_its_own() -> None:
    draft = made(Variant(changes={"evaluators.rsi.settings.period": 9, "limits.stop_loss": 0.05}))
    arm = draft.config["desks"]["tuned_b"]
    expected = {**TREND, "account": "tuned_b", "balances": {}, "limits": {"stop_loss": 0.05}}
    expected["evaluators"] = [TREND["evaluators"][0], {"tentacle": "rsi", "settings": {"period": 9}}]
    assert arm == expected
    assert draft.config["accounts"]["tuned_b"]["deposits"] == {"USD": "50000"}  # the control's capital
    assert draft.config["experiments"]["tuned"]["challengers"] == ["tuned_b"]
    assert "tuned_b" not in CONFIG["desks"] and TREND["limits"] == {"stop_loss": 0.02}  # what was given stays


def test_arms_have_letters_in_their_order() -> None:
    draft = made(*(Variant(changes={"tick_s": seconds}) for seconds in (1, 2, 3)))
    assert [name for name in draft.config["desks"] if name != "trend"] == ["tuned_b", "tuned_c", "tuned_d"]
    assert [draft.config["desks"][f"tuned_{letter}"]["tick_s"] for letter in "bcd"] == [1, 2, 3]


@pytest.mark.parametrize(
    ("variants", "other", "words"),
    [
        ([Variant()], {}, "changes: an arm that differs in nothing"),
        ([Variant(changes={"capital": 9})], {}, "changes.capital: an arm may differ in timeframe, evaluators"),
        ([Variant(changes={"evaluators.ema.settings.fast": 9})], {}, "changes.evaluators.ema.settings.fast: there is"),
        ([Variant(changes={"tick_s": 1})], {"challengers": ["trend"]}, "changes: are for a desk that is made"),
        ([], {"challengers": ["other"]}, 'challengers: there is no desk "other"; expected some of trend'),
        ([Variant(changes={"tick_s": 1})], {"rule": {"days": 3}}, "days"),
    ],
)
def test_what_cannot_be_is_refused_by_its_field(variants: list[Variant], other: dict[str, Any], words: str) -> None:
    with pytest.raises(BadArguments) as refused:
        made(*variants, **other)
    assert words in str(refused.value)


def test_another_version_stands_beside_the_one_of_the_registry(tmp_path: Path) -> None:
    files = read_tree(bundled_root() / "tentacles" / "evaluators" / "rsi")
    (tmp_path / "tentacle_registry.json").write_bytes((bundled_root() / "tentacle_registry.json").read_bytes())
    kept = ContentStore(tmp_path / CONTENT_FOLDER).put({**files, "note.txt": b"another version"})
    draft = made(Variant(versions={"evaluator/rsi": kept[:12]}), home=tmp_path)
    (pin,) = draft.pins
    assert (pin.slot, pin.tree_hash, pin.path) == (f"evaluator rsi@{kept.removeprefix('h1:')[:12]}", kept, None)
    assert [one["tentacle"] for one in draft.config["desks"]["tuned_b"]["evaluators"]] == ["macd", pin.name]
    assert pin.slot not in {entry.slot for entry in load_registry(tmp_path / "tentacle_registry.json").tentacles}
