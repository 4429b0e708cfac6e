"""Installing, updating, going back and removing, in a bot folder with real store, lock and registry.

The judge is a fake that remembers; the real one works in tests/scenario/test_install.py.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from loligo.errors import TentacleError
from loligo.registry.registry_file import RegistryEntry, editing, load_registry, save_registry
from loligo.registry.tree import hash12
from loligo_kit.bot_folder import BotFolder
from loligo_kit.discovery import refresh
from loligo_kit.installer import Installer, PermissionWanted
from loligo_kit.lock import load_lock
from loligo_kit.pack import pack
from loligo_kit.plans import NothingNew, plan_agreement, plan_install, plan_rollback, plan_update, plan_upload
from loligo_kit.sources import HashMismatch
from loligo_kit.verify import verify
from loligo_packages.package_set import NO_PACKAGES, PackageSet
from tests.fakes.package_server import PackageServer
from tests.fakes.tentacle_folder import write_registry, write_tentacle


class Bot:
    """A bot folder, sources beside it, and what the judge was asked."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = root / "bot"
        self.home.mkdir()
        self.registry = self.home / "tentacle_registry.json"
        save_registry(self.registry, [])
        self.folder = BotFolder(self.home, root / "bundled")
        self.judged: list[str] = []
        self.refusal = ""
        self.installer = Installer(self.folder, self.judge)

    def judge(
        self,
        entry: RegistryEntry,
        files: Mapping[str, bytes],
        folder: Path,
        enabled: Sequence[RegistryEntry],
        packages: PackageSet = NO_PACKAGES,
    ) -> None:
        self.judged.append(f"{entry.name} {entry.version}")
        if self.refusal:
            raise TentacleError(self.refusal)

    def source(self, name: str, version: str = "1.0", kind: str = "evaluator", **manifest: str) -> str:
        """Write a package and return its folder."""
        root = self.root / f"{name}-{version}"
        values = {"version": f'"{version}"', **manifest}
        return str(write_tentacle(root, kind, name, body=f"\n# {version}\n", manifest=values))

    def install(self, name: str, version: str = "1.0", grants: Sequence[str] = (), **more: Any) -> RegistryEntry:
        plan = plan_install(self.folder, self.source(name, version, **more))
        self.installer.carry_out(plan, grants)
        return self.folder.find(name)

    def update(self, name: str, version: str, grants: Sequence[str] = (), **more: Any) -> RegistryEntry:
        plan = plan_update(self.folder, name, self.source(name, version, **more))
        self.installer.carry_out(plan, grants)
        return self.folder.find(name)

    def states(self) -> list[str]:
        return [row.state for row in verify(self.folder)]


@pytest.fixture
def bot(tmp_path: Path) -> Bot:
    return Bot(tmp_path)


def test_an_installed_tentacle_lies_in_the_store_and_is_known_to_registry_and_lock(bot: Bot) -> None:
    entry = bot.install("mean", permissions='["files"]', grants=["files"])
    assert (entry.path, entry.source, entry.enabled, entry.permissions) == (None, "installed", True, ["files"])
    assert bot.folder.content(entry)[1]["tentacle.toml"]
    locked = bot.folder.locked(entry).find(entry.tree_hash)
    assert locked is not None and locked.permissions == ["files"] and locked.source.endswith("/mean")
    assert (bot.judged, bot.states()) == (["mean 1.0"], ["ok"])


def test_a_zip_is_known_by_the_hash_of_its_archive_too(bot: Bot) -> None:
    folder = Path(bot.source("mean"))
    (bot.root / "mean.zip").write_bytes(pack(folder))
    bot.installer.carry_out(plan_install(bot.folder, str(bot.root / "mean.zip")))
    locked = bot.folder.locked(bot.folder.find("mean")).versions[0]
    assert locked.archive_hash is not None and locked.tree_hash == bot.folder.find("mean").tree_hash


def test_nothing_is_run_or_changed_before_a_person_granted_what_it_wants(bot: Bot) -> None:
    plan = plan_install(bot.folder, bot.source("mean", permissions='["files", "net:a.example"]'))
    assert list(plan.wanted) == ["files", "net:a.example"]
    with pytest.raises(PermissionWanted, match=r"evaluator mean wants the permission net:a\.example; nothing was"):
        bot.installer.carry_out(plan, ["files"])
    assert (bot.judged, bot.folder.entries(), load_lock(bot.home).tentacles) == ([], {}, [])


def test_what_the_judge_refuses_changes_neither_registry_nor_lock(bot: Bot) -> None:
    bot.install("mean")
    before = (bot.registry.read_bytes(), (bot.home / "tentacles.lock").read_bytes())
    bot.refusal = "it is bad"
    with pytest.raises(TentacleError, match="it is bad"):
        bot.update("mean", "1.1")
    assert (bot.registry.read_bytes(), (bot.home / "tentacles.lock").read_bytes()) == before


def test_a_url_must_be_confirmed_unless_the_hash_was_given(bot: Bot, server: PackageServer) -> None:
    url = server.gives("/mean.zip", pack(Path(bot.source("mean"))))
    plan = plan_install(bot.folder, url)
    assert plan.needs_confirmation
    assert not plan_install(bot.folder, url, plan.tree_hash).needs_confirmation
    with pytest.raises(HashMismatch):
        plan_install(bot.folder, url, "h1:" + "0" * 64)


def test_a_package_does_not_replace_one_of_its_name_by_being_installed(bot: Bot) -> None:
    bot.install("mean")
    with pytest.raises(NothingNew, match="this very content is there already"):
        plan_install(bot.folder, str(bot.root / "mean-1.0/tentacles/evaluators/mean"))
    with pytest.raises(TentacleError, match=r"evaluator mean 1\.0 is there already; .*update evaluator/mean /"):
        plan_install(bot.folder, bot.source("mean", "1.1"))


def test_an_update_keeps_what_a_person_chose(bot: Bot) -> None:
    bot.install("mean")
    bot.installer.switch("mean", is_on=False)
    with editing(bot.registry) as entries:
        entries["evaluator mean"] = entries["evaluator mean"].model_copy(update={"settings": {"period": 3}})
    entry = bot.update("mean", "1.1")
    assert (entry.version, entry.enabled, entry.settings) == ("1.1", False, {"period": 3})


def test_an_update_that_wants_more_waits_while_the_old_version_stays(bot: Bot) -> None:
    old = bot.install("mean")
    assert bot.update("mean", "1.1", permissions='["threads"]') == old
    assert bot.judged == ["mean 1.0"]  # nothing of the new one ran
    assert bot.states() == ["note"]
    plan = plan_agreement(bot.folder, "mean")
    assert list(plan.wanted) == ["threads"]
    bot.installer.carry_out(plan, ["threads"])
    entry = bot.folder.find("mean")
    assert (entry.version, entry.permissions, bot.states()) == ("1.1", ["threads"], ["ok"])
    with pytest.raises(NothingNew, match="no update of evaluator mean waits"):
        plan_agreement(bot.folder, "mean")


def test_permissions_that_were_granted_before_are_not_asked_for_again(bot: Bot) -> None:
    bot.install("mean", permissions='["files", "threads"]', grants=["files", "threads"])
    assert bot.update("mean", "1.1", permissions='["files"]').permissions == ["files"]


def test_a_pin_holds_against_update_and_agreement(bot: Bot) -> None:
    bot.install("mean")
    bot.update("mean", "1.1", permissions='["files"]')
    bot.installer.pin("mean", is_pinned=True)
    with pytest.raises(TentacleError, match=r"evaluator mean 1\.0 is pinned; `loligo tentacle unpin mean`"):
        plan_update(bot.folder, "mean", bot.source("mean", "1.2"))
    with pytest.raises(TentacleError, match="is pinned"):
        plan_agreement(bot.folder, "mean")
    bot.installer.pin("mean", is_pinned=False)
    assert not bot.folder.find("mean").pin


def test_an_update_is_of_the_same_tentacle_newer_and_other(bot: Bot) -> None:
    bot.install("mean", "1.1")
    with pytest.raises(TentacleError, match=r"holds evaluator other, not evaluator mean; nothing was changed"):
        plan_update(bot.folder, "mean", bot.source("other"))
    with pytest.raises(TentacleError, match=r"has 1\.0, older than 1\.1; `loligo tentacle rollback mean`"):
        plan_update(bot.folder, "mean", bot.source("mean", "1.0"))
    with pytest.raises(NothingNew, match="there is nothing newer"):
        plan_update(bot.folder, "mean")


def test_rollback_goes_to_the_version_before_and_again_forth(bot: Bot) -> None:
    first = bot.install("mean", permissions='["files"]', grants=["files"])
    second = bot.update("mean", "1.1")
    bot.installer.carry_out(plan_rollback(bot.folder, "mean"))
    assert bot.folder.find("mean") == first
    bot.installer.carry_out(plan_rollback(bot.folder, "mean"))
    assert bot.folder.find("mean") == second


def test_rollback_takes_a_hash_or_a_version_and_lists_what_there_is(bot: Bot) -> None:
    first = bot.install("mean")
    bot.update("mean", "1.1")
    bot.update("mean", "1.2")
    assert plan_rollback(bot.folder, "mean").manifest.version == "1.1"
    assert plan_rollback(bot.folder, "mean", hash12(first.tree_hash or "")).manifest.version == "1.0"
    with pytest.raises(TentacleError, match=r'1\.2: "7" names none of the versions to go back to, which are: 1\.0 \('):
        plan_rollback(bot.folder, "mean", "7")


def test_an_update_of_a_tentacle_in_a_folder_can_be_taken_back_into_it(bot: Bot) -> None:
    write_tentacle(bot.home, "evaluator", "mean")
    write_registry(bot.home)
    own = bot.folder.find("mean")
    with pytest.raises(TentacleError, match="evaluator mean is local: say from where"):
        plan_update(bot.folder, "mean")
    assert bot.update("mean", "1.1").path is None
    bot.installer.carry_out(plan_rollback(bot.folder, "mean"))
    assert bot.folder.find("mean") == own


def test_a_folder_that_changed_since_is_not_what_rollback_goes_to(bot: Bot) -> None:
    folder = write_tentacle(bot.home, "evaluator", "mean")
    write_registry(bot.home)
    own = bot.folder.find("mean")
    bot.update("mean", "1.1")
    (folder / "new.py").write_text("")
    bot.installer.carry_out(plan_rollback(bot.folder, "mean"))
    entry = bot.folder.find("mean")
    assert (entry.path, entry.tree_hash, bot.states()) == (None, own.tree_hash, ["ok"])


NEEDS = '{ tentacles = { mean = ">=1.0,<2" } }'


def test_a_tentacle_that_is_needed_must_be_there_on_and_in_range(bot: Bot) -> None:
    with pytest.raises(TentacleError, match=r"strategy vote 1\.0 needs mean >=1\.0,<2, which is not there; install"):
        bot.install("vote", kind="strategy", requires=NEEDS)
    bot.install("mean", "2.0")
    plan = plan_install(bot.folder, str(bot.root / "vote-1.0/tentacles/strategies/vote"))
    with pytest.raises(TentacleError, match=r"needs mean >=1\.0,<2, which evaluator mean 2\.0 is not"):
        bot.installer.carry_out(plan)
    bot.installer.switch("mean", is_on=False)
    with pytest.raises(TentacleError, match=r"which is off; `loligo tentacle on mean`"):
        bot.installer.carry_out(plan)
    assert bot.judged == ["mean 2.0"]


def test_what_others_need_is_not_taken_from_them_unless_forced(bot: Bot) -> None:
    mean = bot.install("mean")
    bot.install("vote", kind="strategy", requires=NEEDS)
    assert bot.folder.locked(bot.folder.find("vote")).versions[0].requires == {"evaluator/mean": mean.tree_hash}
    with pytest.raises(TentacleError, match=r"cannot remove evaluator mean: strategy vote 1\.0 needs .*--force"):
        bot.installer.remove("mean")
    with pytest.raises(TentacleError, match=r"cannot switch evaluator mean off: strategy vote 1\.0 needs"):
        bot.installer.switch("mean", is_on=False)
    with pytest.raises(TentacleError, match=r"strategy vote 1\.0 needs mean >=1\.0,<2, which evaluator mean 2\.0 is"):
        bot.update("mean", "2.0")
    bot.installer.remove("mean", is_forced=True)
    assert [entry.name for entry in load_registry(bot.registry).tentacles] == ["vote"]


def test_removing_forgets_the_lock_and_keeps_the_content_for_journals(bot: Bot) -> None:
    entry = bot.install("mean")
    change = bot.installer.remove("mean")
    assert (change.before, change.after, load_lock(bot.home).tentacles) == (entry, None, [])
    assert bot.folder.store.has(entry.tree_hash or "")


def test_the_version_that_a_desk_pins_stays_and_is_known_when_its_tentacle_is_removed(bot: Bot) -> None:
    entry = bot.install("mean")
    bot.install("vote", kind="strategy", requires=NEEDS)
    with editing(bot.registry) as entries:
        pinned = entry.model_copy(update={"name": f"mean@{hash12(entry.tree_hash or '')}"})
        entries[pinned.slot] = pinned
    bot.installer.remove("mean")
    assert (bot.states(), [each.slot for each in load_lock(bot.home).tentacles]) == (
        ["ok", "ok"],
        ["evaluator mean", "strategy vote"],
    )
    with pytest.raises(TentacleError, match=r"strategy vote 1\.0 needs mean"):
        bot.installer.remove(pinned.name)
    bot.installer.remove("vote")
    bot.installer.remove(pinned.name)
    assert load_lock(bot.home).tentacles == []


def test_an_automation_keeps_the_permission_that_no_manifest_asks_for(bot: Bot) -> None:
    entry = bot.install("timer", kind="automation", permissions='["files"]', grants=["files"])
    with editing(bot.registry) as entries:
        entries[entry.slot] = entry.model_copy(update={"permissions": ["files", "admin"]})
    assert bot.update("timer", "1.1", kind="automation").permissions == ["admin"]
    bot.installer.carry_out(plan_rollback(bot.folder, "timer"))
    assert bot.folder.find("timer").permissions == ["files", "admin"]


def test_an_entry_that_somebody_changed_since_the_plan_is_left_alone(bot: Bot) -> None:
    bot.install("mean")
    plan = plan_update(bot.folder, "mean", bot.source("mean", "1.1"))
    bot.installer.switch("mean", is_on=False)
    with pytest.raises(TentacleError, match=r"evaluator mean was changed in .*meanwhile; look at it and try again"):
        bot.installer.carry_out(plan)
    entry = bot.folder.find("mean")
    assert (entry.version, entry.enabled) == ("1.0", False)


def test_tampered_content_fails_the_verification_active_or_not(bot: Bot) -> None:
    first = bot.install("mean")
    second = bot.update("mean", "1.1")
    for entry in (first, second):
        (bot.folder.store.path(entry.tree_hash or "") / "__init__.py").write_text("import os")
    active, earlier = verify(bot.folder)
    assert (active.state, earlier.state) == ("failed", "failed")
    assert "was changed: it holds" in active.reason and earlier.reason.startswith("no way back to it")


def test_what_another_machine_lacks_is_fetched_again_by_its_hash(bot: Bot) -> None:
    entry = bot.install("mean")
    kept = bot.folder.store.path(entry.tree_hash or "")
    kept.rename(bot.root / "away")
    assert bot.states() == ["failed"]
    assert bot.installer.fetch_missing() == ("evaluator mean",)
    assert (bot.states(), bot.installer.fetch_missing()) == (["ok"], ())


@pytest.mark.parametrize("is_there", [True, False])
def test_content_that_is_not_as_it_was_is_replaced_by_its_source(bot: Bot, is_there: bool) -> None:
    entry = bot.install("mean", permissions='["files"]', grants=["files"])
    kept = bot.folder.store.path(entry.tree_hash or "")
    spoil(kept, is_there)
    assert bot.installer.fetch_missing() == ("evaluator mean",)
    assert bot.states() == ["ok"]
    spoil(kept, is_there)
    source = str(bot.root / "mean-1.0/tentacles/evaluators/mean")
    change = bot.installer.carry_out(plan_install(bot.folder, source))
    assert (change.is_restored, change.before, change.after) == (True, entry, entry)
    assert bot.states() == ["ok"]
    spoil(kept, is_there)
    bot.installer.remove("mean")
    bot.installer.carry_out(plan_install(bot.folder, source), ["files"])
    assert bot.states() == ["ok"]


def spoil(kept: Path, is_there: bool) -> None:
    if is_there:
        (kept / "__init__.py").write_text("import os")
    else:
        shutil.rmtree(kept)


def test_what_somebody_sent_cannot_be_fetched_and_is_asked_for(bot: Bot) -> None:
    content = pack(Path(bot.source("mean")))
    bot.installer.carry_out(plan_upload(bot.folder, content))
    entry = bot.folder.find("mean")
    shutil.rmtree(bot.folder.store.path(entry.tree_hash or ""))
    with pytest.raises(
        TentacleError, match=r"does not say where evaluator mean .* came from; run `loligo tentacle ins"
    ):
        bot.installer.fetch_missing()
    bot.installer.carry_out(plan_upload(bot.folder, content))
    assert bot.states() == ["ok"]


def test_a_folder_in_its_own_place_leads_again_after_it_was_gone_back_from_and_edited(bot: Bot) -> None:
    folder = write_tentacle(bot.home, "evaluator", "mean")
    refresh(bot.registry)
    first = bot.folder.find("mean")
    bot.folder.store.put(bot.folder.content(first)[1])
    for body in ("\n# second\n", "\n# third\n"):
        (folder / "__init__.py").write_text((folder / "__init__.py").read_text() + body)
        refresh(bot.registry)
    bot.installer.carry_out(plan_rollback(bot.folder, "mean", first.tree_hash))
    assert bot.folder.find("mean").path is None
    bot.installer.carry_out(plan_update(bot.folder, "mean", str(folder)))
    leading = bot.folder.find("mean")
    assert (leading.path, leading.source) == ("tentacles/evaluators/mean", "local")
    assert leading.tree_hash not in (None, first.tree_hash) and bot.states() == ["ok"]
    with pytest.raises(NothingNew):
        plan_update(bot.folder, "mean", str(folder))


def test_a_folder_in_its_own_place_is_installed_as_it_stands_there(bot: Bot) -> None:
    folder = write_tentacle(bot.home, "evaluator", "mean")
    bot.installer.carry_out(plan_install(bot.folder, str(folder)))
    entry = bot.folder.find("mean")
    assert (entry.path, entry.source) == ("tentacles/evaluators/mean", "local")
    (folder / "__init__.py").write_text((folder / "__init__.py").read_text() + "\n# edited\n")
    assert refresh(bot.registry).changed == ("evaluator mean",)


def test_a_name_of_two_kinds_must_be_said_with_its_kind(bot: Bot) -> None:
    bot.install("mean")
    bot.installer.carry_out(plan_install(bot.folder, bot.source("mean", "3.0", kind="feed")))
    with pytest.raises(TentacleError, match="say one of evaluator/mean, feed/mean"):
        bot.folder.find("mean")
    assert bot.folder.find("feed/mean").version == "3.0"
    with pytest.raises(TentacleError, match=r'there is no tentacle "meen" \(did you mean "mean"\?\)'):
        bot.folder.find("meen")


def test_any_save_of_a_folder_that_was_loaded_can_be_gone_back_to_and_the_folder_taken_up_again(bot: Bot) -> None:
    folder = write_tentacle(bot.home, "evaluator", "mean")
    write_registry(bot.home)
    hashes = []
    for number in range(3):
        (folder / "new.py").write_text(f"NUMBER = {number}\n")
        hashes.append(bot.folder.store.put(bot.folder.content(bot.folder.find("mean"))[1]))  # as the host does
    refresh(bot.registry)
    own = bot.folder.find("mean")
    with pytest.raises(
        TentacleError, match=rf"which are: 1\.0\.0 \({hash12(hashes[0])}\), 1\.0\.0 \({hash12(hashes[1])}\)$"
    ):
        plan_rollback(bot.folder, "mean", "7")
    assert plan_rollback(bot.folder, "mean").tree_hash == hashes[1]  # the save before
    bot.installer.carry_out(plan_rollback(bot.folder, "mean", hash12(hashes[0])))
    entry = bot.folder.find("mean")
    assert (entry.path, entry.tree_hash, set(bot.states())) == (None, hashes[0], {"ok"})
    bot.installer.carry_out(plan_rollback(bot.folder, "mean"))
    assert bot.folder.find("mean") == own


def test_a_permission_that_is_taken_back_is_held_by_no_earlier_version_either(bot: Bot) -> None:
    bot.install("mean", permissions='["files", "threads"]', grants=["files", "threads"])
    bot.update("mean", "1.1", permissions='["files", "threads"]')
    with pytest.raises(TentacleError, match=r"does not hold keys; it holds: files, threads"):
        bot.installer.revoke("mean", ["keys"])
    after = bot.installer.revoke("mean", ["files"]).after
    assert after is not None and (after.enabled, after.permissions) == (False, ["threads"])
    assert [each.permissions for each in bot.folder.locked(after).versions] == [["threads"], ["threads"]]
    waits = bot.installer.carry_out(plan_rollback(bot.folder, "mean"))
    assert list(waits.waiting) == ["files"]
    assert bot.installer.revoke("mean", []).after == after.model_copy(update={"permissions": []})


def test_what_others_need_loses_a_permission_that_it_needs_only_when_forced(bot: Bot) -> None:
    bot.install("basis", permissions='["files"]', grants=["files"])
    bot.install("needy", **{"requires.tentacles": '{basis = ">=1"}'})
    with pytest.raises(TentacleError, match=r"cannot revoke .* it would go off: .*needy.*--force does it all the same"):
        bot.installer.revoke("basis", [])
    assert bot.folder.find("basis").permissions == ["files"]
    bot.installer.revoke("basis", [], is_forced=True)
    assert not bot.folder.find("basis").enabled
