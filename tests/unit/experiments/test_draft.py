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
from loligo_bot.experiment_config import is_made_for, name_of
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
        ([Variant(changes={"tick_s": 1})], {"rule": {"days": 3}}, "days = 3: expected greater than or equal to 21"),
        ([Variant(asked="variants.4.")], {}, "variants.4.changes: an arm that differs in nothing"),
        ([Variant(changes={"limits.x.y": 1}, asked="variants.1.")], {}, "variants.1.changes.limits.x.y: there is"),
        (
            [Variant(changes={"tick_s": 1}, name="fast"), Variant(changes={"tick_s": 2}, name="fast", asked="v.")],
            {},
            'v.name: desk or account "tuned_fast" is there already',
        ),
        ([Variant(changes={"tick_s": seconds}) for seconds in range(1, 30)], {}, "variants: 29 arms are asked for"),
        ([Variant(changes={"tick_s": 1})], {"scales": {"x": 2.0}}, 'risk_scale.x: there is no challenger "x"'),
        ([Variant(changes={"tick_s": 1})], {"scales": {"b": 0.0}}, "risk_scale.tuned_b = 0.0: expected greater than 0"),
        ([Variant(changes={"tick_s": 1})], {"rule": {"limits": {"deep": 1.0}}}, "limits: deep is no limit"),
        (
            [Variant(changes={"tick_s": seconds}) for seconds in (1, 2)],
            {"rule": {"mode": "fixed_end"}},
            "mode: fixed_end compares two desks",
        ),
    ],
)
def test_what_cannot_be_is_refused_by_its_field(variants: list[Variant], other: dict[str, Any], words: str) -> None:
    with pytest.raises(BadArguments) as refused:
        made(*variants, **other)
    assert words in str(refused.value)
    (field,) = refused.value.problems
    assert words.startswith(field)


def test_several_arms_have_names_or_letters_and_a_risk_scale_by_either() -> None:
    draft = made(
        Variant(changes={"timeframe": "4h"}, name="slow"),
        Variant(changes={"timeframe": "1d"}),
        scales={"slow": 1.5, "tuned_c": 0.5},
        rule={"margin_per_year": 0.02},
    )
    section = draft.config["experiments"]["tuned"]
    assert section["challengers"] == ["tuned_slow", "tuned_c"]
    assert section["risk_scale"] == {"tuned_slow": 1.5, "tuned_c": 0.5}
    assert section["margin_per_year"] == 0.02
    assert [is_made_for("tuned", desk) for desk in ("tuned_slow", "tuned_c", "trend", "other_slow")] == [
        True,
        True,
        False,
        False,
    ]
    long = name_of("a" * 32, "slow")
    assert len(long) == 32 and is_made_for("a" * 32, long)


def test_a_strategy_a_mode_and_evaluators_are_chosen_by_name_and_begin_with_settings_of_their_own() -> None:
    changes = {
        "strategy.settings.floor": 0.1,
        "strategy": "dip_buyer",
        "mode.tentacle": "grid",
        "evaluators": "rsi, ema_cross",
        "evaluators.ema_cross.settings.fast": 9,
        "risk_rules": ["cooldown"],
    }
    arm = made(Variant(changes=changes)).config["desks"]["tuned_b"]
    assert arm["strategy"] == {"tentacle": "dip_buyer", "settings": {"floor": 0.1}}
    assert arm["mode"] == {"tentacle": "grid", "settings": {}}
    assert arm["evaluators"] == [
        {"tentacle": "rsi", "settings": {"period": 28}},  # the control's
        {"tentacle": "ema_cross", "settings": {"fast": 9}},
    ]
    assert arm["risk_rules"] == ["cooldown"]


def test_another_version_stands_beside_the_one_of_the_registry(tmp_path: Path) -> None:
    files = read_tree(bundled_root() / "tentacles" / "evaluators" / "rsi")
    (tmp_path / "tentacle_registry.json").write_bytes((bundled_root() / "tentacle_registry.json").read_bytes())
    kept = ContentStore(tmp_path / CONTENT_FOLDER).put({**files, "note.txt": b"another version"})
    draft = made(Variant(versions={"evaluator/rsi": kept[:12]}), home=tmp_path)
    (pin,) = draft.pins
    assert (pin.slot, pin.tree_hash, pin.path) == (f"evaluator rsi@{kept.removeprefix('h1:')[:12]}", kept, None)
    assert [one["tentacle"] for one in draft.config["desks"]["tuned_b"]["evaluators"]] == ["macd", pin.name]
    assert pin.slot not in {entry.slot for entry in load_registry(tmp_path / "tentacle_registry.json").tentacles}
