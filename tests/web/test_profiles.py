"""Profiles over HTTP with a bot at work: copied, tried, switched, taken along as a file without secrets, brought in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.web.running import RunningPage, running_page
from tests.web.test_attacks import ask
from tests.web.test_install import get, post, sent

SECRET = "hunter2-hunter2"
CAREFUL = "desks:\n  '*':\n    limits:\n      max_position_share: 0.03\n"


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPage]:
    with running_page(tmp_path_factory.mktemp("profiles") / "bot") as page:
        page.bot.wait_until(lambda status: status["next_seq"] > 500)
        yield page


def profile(bot: RunningPage, name: str) -> dict[str, Any] | None:
    return next((one for one in get(bot, "profiles")["profiles"] if one["name"] == name), None)


def test_a_profile_is_tried_chosen_and_taken_back_while_the_bot_trades(bot: RunningPage) -> None:
    assert profile(bot, "crypto") is not None
    _, trial = post(bot, "profile.switch", name="crypto", dry_run=True)
    changed = {one["key"]: (one["before"], one["after"]) for one in trial["differences"]}
    assert any(key.startswith("desks.trend.limits.") for key in changed)
    assert (trial["at_start"], get(bot, "profiles")["active"]) == ([], "")

    status, done = post(bot, "profile.switch", name="crypto")
    assert (status, done["is_done"], done["result"]) == (200, True, "good")
    assert get(bot, "profiles")["active"] == "crypto"
    history = get(bot, "tentacle.history", limit=1)["swaps"][0]
    assert (history["why"], history["by"]) == ("switch to profile crypto", "token:admin")
    assert post(bot, "profile.remove", name="crypto")[0] == 409  # in use
    undo = done["undo"]
    assert post(bot, undo["verb"], **undo["arguments"])[1]["result"] == "good"
    assert get(bot, "profiles")["active"] == ""


def test_a_profile_leaves_as_a_file_and_comes_in_again(bot: RunningPage) -> None:
    exported = get(bot, "profile.export", name="stock")
    assert exported["file"] == "stock.yaml"
    status, trial = post(bot, "profile.import", name="home", text=exported["text"], dry_run=True)
    assert (status, profile(bot, "home")) == (200, None)
    assert trial["differences"] != []
    assert post(bot, "profile.import", name="home", text=exported["text"])[0] == 200
    ours, theirs = profile(bot, "home"), profile(bot, "stock")
    assert ours is not None
    assert theirs is not None
    assert ours["sets"] == theirs["sets"]
    status, refused = post(bot, "profile.import", name="home", text=exported["text"])
    assert (status, "there is a profile of that name" in refused["detail"]) == (409, True)
    assert post(bot, "profile.remove", name="home")[0] == 200
    assert profile(bot, "home") is None


def test_what_is_exported_holds_no_secret_and_says_so(bot: RunningPage) -> None:
    post(bot, "profile.import", name="plain", text=CAREFUL)
    file = bot.bot.home / "config/profiles/plain.yaml"
    token = "notifiers:\n- tentacle: log\n  settings:\n    api_token: " + SECRET
    url = f"journal:\n  url: postgresql://bot:{SECRET}@db.example/loligo"
    file.write_text(f"# {SECRET}\n{CAREFUL}{token}\n{url}\n")
    exported = get(bot, "profile.export", name="plain")
    assert exported["left_out"] == ["notifiers.0.settings.api_token", "journal.url"]
    assert SECRET not in exported["text"]
    assert "0.03" in exported["text"]
    assert post(bot, "profile.remove", name="plain")[0] == 200


def test_the_settings_as_they_are_become_a_profile(bot: RunningPage) -> None:
    status, _ = post(bot, "profile.duplicate", to="as-it-is")
    assert status == 200
    _, trial = post(bot, "profile.switch", name="as-it-is", dry_run=True)
    assert trial["differences"] == []
    written = YAML(typ="safe").load((bot.bot.home / "config/profiles/as-it-is.yaml").read_text())
    assert "swap" not in written  # of the environment alone
    assert post(bot, "profile.duplicate", name="crypto", to="as-it-is")[0] == 409
    post(bot, "profile.remove", name="as-it-is")


def test_what_only_a_start_can_take_up_is_said_before_anything_is_written(bot: RunningPage) -> None:
    text = "desks:\n  trend:\n    tick_s: 5\n"
    post(bot, "profile.import", name="other", text=text)
    before = (bot.bot.home / "config/loligo.yaml").read_bytes()
    status, done = post(bot, "profile.switch", name="other")
    assert (status, done["is_done"]) == (200, False)
    assert done["message"].startswith("nothing was changed: desks.trend.tick_s changes with the next start")
    assert (bot.bot.home / "config/loligo.yaml").read_bytes() == before
    post(bot, "profile.remove", name="other")


BAD_FILES = {
    "a loop of names": ("desks: &a\n  x: *a\n", "anchors and aliases"),
    "a billion laughs": ("a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]\n", "anchors and aliases"),
    "an object of Python": ("desks: !!python/object/apply:os.system ['true']\n", "is not taken"),
    "deeper than any setting": ("desks: " + "[" * 50 + "]" * 50 + "\n", "levels deep"),
    "no YAML": ("desks: [\n", "not valid YAML"),
    "no sections": ("- a\n- b\n", "expected sections"),
    "an unknown key": ("desks:\n  '*':\n    limits:\n      max_position_shares: 0.1\n", "unknown key"),
    "a value out of bounds": (
        "desks:\n  '*':\n    limits:\n      stop_loss: 7\n",
        "bad.yaml:4: desks.trend.limits.stop_loss = 7",
    ),
    "another profile": ("bot:\n  profile: crypto\n", "chooses no other one"),
    "a secret": ("notifiers:\n- tentacle: log\n  settings:\n    api_token: abc\n", "holds no secrets"),
}


@pytest.mark.parametrize(("text", "said"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_file_that_is_no_sound_profile_is_refused_and_nothing_written(bot: RunningPage, text: str, said: str) -> None:
    before = sorted(path.name for path in (bot.bot.home / "config").rglob("*"))
    status, refused = post(bot, "profile.import", name="bad", text=text)
    assert status == 409
    assert said in refused["detail"]
    assert "/tmp" not in refused["detail"]
    assert sorted(path.name for path in (bot.bot.home / "config").rglob("*")) == before


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/evil", "a/b", "..", ".hidden", "UPPER", "x" * 40, "a\x00", "", "a.yaml"]
)
def test_the_name_of_a_profile_leads_nowhere(bot: RunningPage, name: str) -> None:
    assert post(bot, "profile.import", name=name, text=CAREFUL)[0] == 422
    assert post(bot, "profile.duplicate", name="crypto", to=name)[0] == 422
    assert post(bot, "profile.remove", name=name or "none-such")[0] in (404, 422)
    assert post(bot, "profile.switch", name=name or "none-such")[0] in (404, 422)


@pytest.mark.parametrize("verb", ["profile.switch", "profile.duplicate", "profile.import", "profile.remove"])
def test_nobody_but_an_admin_changes_profiles(bot: RunningPage, verb: str) -> None:
    for role in ("view", "trade"):
        assert post(bot, verb, role, name="crypto", to="x", text="x")[0] == 403


def test_the_page_gives_a_file_to_keep_and_refuses_one_that_is_too_large(bot: RunningPage) -> None:
    status, headers, text = ask(bot, "GET", "/configuration/export/profile?name=crypto", Accept="text/html")
    assert (status, headers["Content-Disposition"]) == (200, 'attachment; filename="crypto.yaml"')
    assert "max_leverage" in text
    status, _ = sent(bot, "/configuration/profiles", b"do=import&text=" + b"x" * 300_000,
                     Content_Type="application/x-www-form-urlencoded")  # fmt: skip
    assert status == 413
