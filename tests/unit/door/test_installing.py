"""What waits for a person's yes, what a permission is called, what differs; profiles as files."""

from __future__ import annotations

from pathlib import Path

import pytest

from loligo.errors import ConfigError, NotFound
from loligo_bot.door.looked import MOST, Looked
from loligo_bot.door.packages import wanted
from loligo_bot.profiles import add_profile, export_profile, profiles_of, put_back, remove_profile
from loligo_kit.bot_folder import BotFolder
from loligo_kit.compare import LONGEST_DIFF, LONGEST_FILE, compare
from loligo_kit.plans import NothingNew, Plan, plan_upload
from tests.fakes.packages import archive


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    (tmp_path / "tentacle_registry.json").write_text('{"tentacles": []}')
    return plan_upload(BotFolder(tmp_path, tmp_path), archive())


def test_a_plan_waits_for_its_time_and_no_longer(plan: Plan) -> None:
    clock = Clock()
    looked = Looked(now_s=clock, kept_s=60)
    name = looked.keep(plan, "web:anna")
    clock.now_s = 59
    assert looked.find(name, "web:anna") is plan
    clock.now_s = 60
    with pytest.raises(NotFound, match="nobody did for 1 minutes; look at it again"):
        looked.find(name, "web:anna")


def test_nobody_else_agrees_to_what_somebody_was_shown(plan: Plan) -> None:
    looked = Looked()
    name = looked.keep(plan, "web:anna")
    with pytest.raises(NotFound):
        looked.find(name, "web:ben")
    with pytest.raises(NotFound):
        looked.take(name, "web:ben")
    assert looked.find(name, "web:anna") is plan


def test_what_was_taken_is_gone_until_it_is_put_back(plan: Plan) -> None:
    looked = Looked()
    name = looked.keep(plan, "web:anna")
    put_back = looked.take(name, "web:anna")
    with pytest.raises(NotFound):
        looked.take(name, "web:anna")
    put_back()
    assert looked.find(name, "web:anna") is plan


def test_few_plans_wait_and_the_oldest_goes_first(plan: Plan) -> None:
    looked = Looked()
    names = [looked.keep(plan, "web:anna") for _ in range(MOST + 1)]
    with pytest.raises(NotFound):
        looked.find(names[0], "web:anna")
    assert looked.find(names[1], "web:anna") is plan


def test_an_upload_of_what_is_there_brings_nothing_new(tmp_path: Path, plan: Plan) -> None:
    entry = plan.entry.model_dump_json()
    (tmp_path / "tentacle_registry.json").write_text(f'{{"tentacles": [{entry}]}}')
    BotFolder(tmp_path, tmp_path).store.put(plan.files)
    with pytest.raises(NothingNew, match="is what upload has; there is nothing newer"):
        plan_upload(BotFolder(tmp_path, tmp_path), archive())


@pytest.mark.parametrize(
    ("permission", "sentence", "is_dangerous"),
    [
        ("net:api.example.org", "opens connections to api.example.org", False),
        ("net:*", "opens connections to any host", True),
        ("threads", "starts threads of its own", False),
        ("process", "starts other programs", True),
        ("keys", "holds a venue's API keys; venues only", True),
    ],
)
def test_a_permission_is_a_sentence_and_some_are_dangerous(permission: str, sentence: str, is_dangerous: bool) -> None:
    told = wanted(permission, is_held=False)
    assert (told.sentence, told.is_dangerous) == (sentence, is_dangerous)


def test_files_that_differ_are_told_line_by_line() -> None:
    before = {"a.py": b"x = 1\ny = 2\n", "gone.py": b"z\n", "same.py": b"s\n"}
    after = {"a.py": b"x = 1\ny = 3\n", "new.py": b"n\nm\n", "same.py": b"s\n"}
    found = {one.path: (one.state, one.plus, one.minus) for one in compare(before, after)}
    assert found == {"a.py": ("changed", 1, 1), "gone.py": ("removed", 0, 1), "new.py": ("added", 2, 0)}
    assert compare(before, after)[0].diff.splitlines()[-2:] == ["-y = 2", "+y = 3"]


def test_what_would_take_too_long_or_is_no_text_is_only_named() -> None:
    long_file, large = b"x\n" * (LONGEST_FILE + 1), b"y" * 300 + b"\n"
    after = {"a.bin": b"\xff\x00", "b.py": long_file, **{f"c{n:03}.py": large * 40 for n in range(20)}}
    found = compare({}, after)
    assert [one.why_not for one in found[:2]] == ["no text", "too long to compare"]
    assert sum(len(one.diff) for one in found) <= LONGEST_DIFF
    assert found[-1].why_not == "too much to show"


def test_a_profile_is_added_once_and_a_bundled_one_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/loligo.yaml").write_text("bot:\n  name: x\n")
    add_profile(tmp_path, "mine", "log:\n  level: error\n")
    with pytest.raises(ConfigError, match='name = "mine": there is a profile of that name'):
        add_profile(tmp_path, "mine", "log:\n  level: info\n")
    assert export_profile(tmp_path, "mine").text.splitlines()[1:] == ["log:", "  level: error"]
    with pytest.raises(ConfigError, match="came with Loligo"):
        remove_profile(tmp_path, "crypto")
    remove_profile(tmp_path, "mine")
    assert "mine" not in profiles_of(tmp_path)


def test_a_choice_is_put_back_only_where_nobody_wrote_since(tmp_path: Path) -> None:
    file = tmp_path / "config/loligo.yaml"
    file.parent.mkdir()
    file.write_bytes(b"after")
    put_back(tmp_path, b"before", b"after")
    assert file.read_bytes() == b"before"
    put_back(tmp_path, b"older", b"something else")
    assert file.read_bytes() == b"before"
