"""Recipes: what they hold and never hold, what differs between two, and how settings come back into the file."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from loligo.errors import ConfigError, JournalError
from loligo.host import bundled_root
from loligo.model.command import SlotVersion
from loligo.registry.content import ContentStore
from loligo.registry.registry_file import Registry, RegistryEntry, load_registry
from loligo.registry.tree import tree_hash
from loligo_bot import undo
from loligo_bot.folder_config import read_config
from loligo_bot.profiles import choose, chosen_profile
from loligo_bot.recipe import RECIPE, Recipe, changes, differences, is_named, read_recipe, recipe_of
from loligo_bot.undo import undo_settings


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with the bundled configuration."""
    shutil.copytree(bundled_root() / "config", tmp_path / "config")
    return tmp_path


def edited(home: Path, change: Any) -> None:
    yaml, file = YAML(), home / "config" / "loligo.yaml"
    yaml.indent(mapping=2, sequence=4, offset=2)  # as it is written
    content = yaml.load(file)
    change(content)
    yaml.dump(content, file)


def wanted(home: Path) -> Recipe:
    return recipe_of(read_config(home), load_registry(bundled_root() / "tentacle_registry.json"))


def with_key(home: Path, value: str) -> None:
    edited(home, lambda config: config["venues"]["coinbase"].update(fills={"api_key": value, "password": ["a", "b"]}))


def test_secrets_do_not_enter_and_come_back_from_the_file_of_today(home: Path) -> None:
    with_key(home, "hunter2")
    entry = RegistryEntry(name="telegram", kind="notifier", version="1.0.0", path="x", settings={"token": "hunter2"})
    recipe = recipe_of(read_config(home), Registry(tentacles=[entry]))
    masked = recipe.masked()
    assert all(b"hunter2" in content for content in recipe.files.values())
    assert not any(b"hunter2" in content for content in masked.files.values())
    assert masked.config["venues"]["coinbase"]["fills"]["password"] == ["***", "***"]
    assert masked.filled(recipe) == recipe


def test_recipe_is_read_back_from_the_content_store(home: Path) -> None:
    masked, content = wanted(home).masked(), ContentStore(home / "content")
    content.put(masked.files)
    slots = (SlotVersion(RECIPE, tree_hash(masked.files), ""),)
    assert read_recipe(content, slots) == masked
    with pytest.raises(JournalError, match="settings of that generation are not in"):
        read_recipe(ContentStore(home / "other"), slots)


def test_differences_name_each_setting_and_no_secret(home: Path) -> None:
    with_key(home, "hunter2")
    before = wanted(home)
    with_key(home, "hunter3")
    edited(home, lambda config: config["desks"]["trend"].update(capital=9_000, limits={"min_confidence": 0.9}))
    assert [str(one) for one in differences(before, wanted(home))] == [
        "desks.trend.capital: 50000 → 9000",
        "desks.trend.limits.min_confidence: 0.7 → 0.9",
    ]


def test_changes_tell_code_by_hash_settings_by_value_and_the_registry_by_entry(home: Path) -> None:
    content = ContentStore(home / "content")

    def generation(digit: str, is_pinned: bool) -> tuple[SlotVersion, ...]:
        entries = [RegistryEntry(name="rsi", kind="evaluator", version="1.0.0", path="x", pin=is_pinned)]
        recipe = recipe_of(read_config(home), Registry(tentacles=entries)).masked()
        content.put(recipe.files)
        code = SlotVersion("evaluator/rsi", "h1:" + 64 * digit, "")
        return (code, SlotVersion("desk/trend", "", digit), SlotVersion(RECIPE, tree_hash(recipe.files), ""))

    before = generation("a", is_pinned=False)
    edited(home, lambda config: config["desks"]["trend"].update(limits={"min_confidence": 0.9}))
    assert changes(before, generation("b", is_pinned=True), content) == (
        f"evaluator/rsi {12 * 'a'} → {12 * 'b'}",
        "desk/trend limits.min_confidence: 0.7 → 0.9",
        "evaluator/rsi pin: false → true",
    )
    assert changes(before[:2], (), content) == ("desk/trend a → off", f"evaluator/rsi {12 * 'a'} → off")


def as_it_stands(home: Path, content: ContentStore) -> tuple[SlotVersion, ...]:
    """Return the generation of the settings as they are, without a tentacle."""
    recipe = recipe_of(read_config(home), Registry(tentacles=[])).masked()
    content.put(recipe.files)
    return (SlotVersion(RECIPE, tree_hash(recipe.files), ""),)


def test_a_setting_at_a_place_is_told_with_the_tentacle_that_has_it_there(home: Path) -> None:
    content = ContentStore(home / "content")

    def change(config: Any) -> None:
        config["desks"]["trend"]["limits"] = {"stop_loss": 0.05}
        config["desks"]["trend"]["evaluators"][2]["settings"]["period"] = 9
        config["desks"]["dips"]["strategy"]["settings"]["trend_floor"] = 0.5
        config["venues"]["coinbase"]["fills"] = {"slippage_rate": 0.5}
        config["feeds"][0]["settings"]["speed"] = 7

    before = as_it_stands(home, content)
    edited(home, change)
    told = changes(before, as_it_stands(home, content), content)
    assert {line.rpartition(" (")[2] for line in told if line.endswith(")")} == {
        "evaluator/rsi)",
        "strategy/dip_buyer)",
        "venue/simulated)",
        "feed/replay)",
    }
    assert "desk/trend evaluators.2.settings.period: 28 → 9 (evaluator/rsi)" in told
    assert [line for line in told if "stop_loss" in line and "(" in line] == []
    for name in ("rsi", "evaluator/rsi", "dip_buyer", "simulated", "feed/replay", "desk/trend"):
        assert is_named(told, name), name
    for name in ("macd", "strategy/rsi", "trend_floor", "weighted_vote"):
        assert not is_named(told, name), name
    back = changes(as_it_stands(home, content), before, content)
    assert "desk/trend evaluators.2.settings.period: 9 → 28 (evaluator/rsi)" in back


def test_a_setting_is_of_the_tentacle_that_had_it_where_another_came_to_its_place(home: Path) -> None:
    content = ContentStore(home / "content")
    before = as_it_stands(home, content)
    edited(home, lambda config: config["desks"]["trend"]["evaluators"].pop(0))
    told = changes(before, as_it_stands(home, content), content)
    assert "desk/trend evaluators.0.settings.fast: 50 → nothing (evaluator/ema_cross)" in told
    assert "desk/trend evaluators.1.settings.period: nothing → 28 (evaluator/rsi)" in told
    assert "desk/trend evaluators.2.settings.period: 28 → nothing (evaluator/rsi)" in told


def test_an_exchange_for_another_tentacle_is_in_the_history_of_both(home: Path) -> None:
    content = ContentStore(home / "content")

    def change(config: Any) -> None:
        config["desks"]["trend"]["strategy"] = {"tentacle": "dip_buyer"}
        config["desks"]["dips"]["evaluators"][0]["tentacle"] = "macd@0123456789ab"
        config["notifiers"] = [{"tentacle": "telegram"}]

    before = as_it_stands(home, content)
    edited(home, change)
    told = changes(before, as_it_stands(home, content), content)
    assert "desk/trend strategy.tentacle: weighted_vote → dip_buyer" in told
    for name in ("weighted_vote", "strategy/weighted_vote", "dip_buyer", "rsi", "evaluator/macd", "log", "telegram"):
        assert is_named(told, name), name
    for name in ("evaluator/dip_buyer", "trading_mode/weighted_vote", "ema_cross", "nothing/log"):
        assert not is_named(told, name), name


def test_tentacle_that_is_listed_and_does_not_run_is_one_line(home: Path) -> None:
    content = ContentStore(home / "content")

    def generation(*entries: RegistryEntry) -> tuple[SlotVersion, ...]:
        recipe = recipe_of(read_config(home), Registry(tentacles=list(entries))).masked()
        content.put(recipe.files)
        return (SlotVersion(RECIPE, tree_hash(recipe.files), ""),)

    refused = RegistryEntry(name="surf", kind="evaluator", version="1.0.0", path="x", permissions=["threads"])
    off = RegistryEntry(name="wave", kind="evaluator", version="2.0.0", path="y", enabled=False)
    come, gone = generation(refused, off), generation()
    permissions = "evaluator/surf permissions: {}"
    assert changes(gone, come, content) == (
        "evaluator/surf not listed → 1.0.0",
        "evaluator/wave not listed → 2.0.0, off",
        permissions.format('nothing → ["threads"]'),
    )
    assert changes(come, gone, content) == (
        "evaluator/surf 1.0.0 → not listed",
        "evaluator/wave 2.0.0, off → not listed",
        permissions.format('["threads"] → nothing'),
    )


def test_undo_writes_what_differs_and_keeps_comments_and_mode(home: Path) -> None:
    file = home / "config" / "loligo.yaml"
    file.chmod(0o600)
    before, text = wanted(home).masked(), file.read_text()

    def change(config: Any) -> None:
        config["desks"]["trend"].update(capital=9_000, limits={"min_confidence": 0.9})
        config["desks"]["trend"]["evaluators"][0]["tentacle"] = "rsi"
        config["venues"]["coinbase"]["instruments"]["BTC/USD"]["maker_fee_rate"] = 0.1
        config["accounts"]["savings"] = {"deposits": {"USD": 5}}

    edited(home, change)
    changed = file.read_text()
    done = undo_settings(home, wanted(home), before)
    assert wanted(home).masked().config == before.config
    assert [line for line in file.read_text().splitlines() if "#" in line] == [
        line for line in text.splitlines() if "#" in line
    ]
    assert (done.previous.read_text(), done.rewritten) == (changed, ["accounts.savings"])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert sorted(path.name for path in file.parent.glob(".*")) == [".loligo.yaml.previous"]


def test_undo_and_the_choice_of_a_profile_write_what_a_link_leads_to(home: Path) -> None:
    file = home / "config" / "loligo.yaml"
    real = file.rename(home / "elsewhere.yaml")
    file.symlink_to(real)
    before = wanted(home).masked()
    edited(home, lambda config: config["desks"]["trend"].update(capital=9_000))
    undo_settings(home, wanted(home), before)
    choose(home, "stock")
    assert (wanted(home).config["desks"]["trend"]["capital"], chosen_profile(home)[0]) == ("50000", "stock")
    assert (file.is_symlink(), list(home.glob(".*"))) == (True, [])


def test_undo_keeps_the_secrets_of_today(home: Path) -> None:
    with_key(home, "hunter2")
    before = wanted(home).masked()
    edited(home, lambda config: config["desks"]["trend"].update(capital=9_000))
    with_key(home, "hunter3")
    undo_settings(home, wanted(home), before)
    assert wanted(home).config["venues"]["coinbase"]["fills"]["api_key"] == "hunter3"
    assert wanted(home).config["desks"]["trend"]["capital"] == before.config["desks"]["trend"]["capital"]


def test_undo_brings_back_what_was_taken_out(home: Path) -> None:
    before = wanted(home).masked()
    edited(home, lambda config: config["desks"].pop("dips"))
    undo_settings(home, wanted(home), before)
    assert wanted(home).masked().config == before.config


def test_undo_leaves_alone_what_an_editor_saves_while_the_new_file_is_read_back(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, file = wanted(home).masked(), home / "config" / "loligo.yaml"
    edited(home, lambda config: config["desks"]["trend"].update(capital=9_000))
    now, saved = wanted(home), file.read_text() + "# of an editor\n"

    def read_while_saved(*asked: Any, **more: Any) -> Any:
        file.write_text(saved)
        return read_config(*asked, **more)

    monkeypatch.setattr(undo, "read_config", read_while_saved)
    with pytest.raises(ConfigError, match=r"loligo\.yaml was changed meanwhile by somebody else; look at it and try"):
        undo_settings(home, now, before)
    assert file.read_text() == saved


def test_undo_names_what_the_file_does_not_decide_and_writes_nothing(home: Path) -> None:
    before, text = wanted(home).masked(), (home / "config" / "loligo.yaml").read_text()
    (home / ".env").write_text("LOLIGO__DESKS__TREND__CAPITAL=9000\n")
    with pytest.raises(ConfigError, match=r"desks.trend.capital: 9000 → 50000 \(set by .env LOLIGO__DESKS__TREND__C"):
        undo_settings(home, wanted(home), before)
    assert (home / "config" / "loligo.yaml").read_text() == text
