"""Installing and profiles, done by a browser: a file with its prompt, seen live, rolled back, removed; a profile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import running_bot
from tests.browser.test_pages import CHECKED, violations
from tests.browser.visits import PHONE, Bot, Watched, browse, sign_in
from tests.fakes.packages import archive, commit, package
from tests.fakes.pure_wheels import environment_of, write_wheel
from tests.fakes.tentacle_folder import write_tentacle
from tests.scenario.bots import BotFolder
from tests.scenario.test_packages import Shop

WANTS = {"permissions": '["net:a.example", "files"]'}


@pytest.fixture(scope="module")
def bot(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bot]:
    """A running bot whose person lets the page install from folders of this machine."""
    home = tmp_path_factory.mktemp("browser") / "bot"
    with running_bot(home, lambda config: config.update(install={"folders": True})) as running:
        sign_in(browser, running)
        yield running


@pytest.fixture
def zips(tmp_path: Path) -> dict[str, Path]:
    found = {"1.0.0": archive(**WANTS), "1.1.0": archive("1.1.0", code="STEP = 2\n", **WANTS)}
    for version, content in found.items():
        (tmp_path / f"drift-{version}.zip").write_bytes(content)
    return {version: tmp_path / f"drift-{version}.zip" for version in found}


def look_at(page: Page, file: Path) -> None:
    """Open the dialog and look at a file."""
    page.get_by_role("button", name="Install …").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.get_by_label("Zip of the tentacle").set_input_files(file)
    page.get_by_role("button", name="Look at it").click()


def test_a_file_is_installed_with_its_prompt_seen_live_rolled_back_and_removed(
    page: Watched, zips: dict[str, Path]
) -> None:
    here, row = page.open("/tentacles"), page.page.locator("#row-evaluator-drift")
    look_at(here, zips["1.0.0"])
    expect(here.get_by_role("heading", name="Drift 1.0.0")).to_be_visible()
    here.get_by_label("It opens connections to a.example").check()
    here.get_by_role("button", name="Install", exact=True).click()
    expect(here.get_by_role("heading", name="Drift 1.0.0")).to_be_visible()  # one permission is not ticked
    here.get_by_label("It writes files").check()
    here.get_by_role("button", name="Install", exact=True).click()
    expect(here.get_by_role("dialog")).to_contain_text("It runs.")
    expect(here.locator(".stages .done")).not_to_have_count(0)
    expect(row).to_contain_text("1.0.0")
    here.get_by_role("button", name="Remove it again").click()
    expect(here.get_by_role("dialog")).to_have_count(0)
    expect(row).to_have_count(0)  # by itself, without loading the page
    expect(here.locator("#install [data-install]")).to_contain_text("Where is it?")
    look_at(here, zips["1.0.0"])
    here.get_by_label("It opens connections to a.example").check()
    here.get_by_label("It writes files").check()
    here.get_by_role("button", name="Install", exact=True).click()
    expect(here.get_by_role("dialog")).to_contain_text("It runs.")
    here.get_by_role("dialog").get_by_role("button", name="Close", exact=True).click()
    expect(row).to_contain_text("1.0.0")

    look_at(here, zips["1.1.0"])  # in the same dialog
    expect(here.locator(".code-diff").first).to_contain_text("__init__.py changed +1")
    here.locator(".code-diff summary").first.click()
    expect(here.locator(".code-diff .plus").first).to_have_text("+STEP = 2")
    expect(here.get_by_label("It writes files")).to_be_disabled()  # it may already
    here.get_by_role("button", name="Update", exact=True).click()
    expect(here.get_by_role("dialog")).to_contain_text("It runs.")
    with here.expect_response("**/do/tentacle.rollback"):  # else leaving the page takes it back
        here.get_by_role("button", name="Roll back").click()
    expect(here.locator("#row-evaluator-drift .name")).to_contain_text("1.0.0")

    page.open("/tentacles/evaluator/drift")
    rolled_back = "tentacle rollback evaluator drift"
    expect(here.get_by_role("region", name="History")).to_contain_text(rolled_back)
    versions = here.get_by_role("region", name="Versions").get_by_role("listitem")
    versions.filter(has_text="1.1.0").get_by_role("button", name="Go back to it").click()
    expect(here.locator("#state .name")).to_contain_text("1.1.0")
    for button, other, count in (
        ("Pin this version", "Let it be updated", 1),
        ("Let it be updated", "Pin this version", 0),
    ):
        here.get_by_role("button", name=button).click()
        expect(here.locator("#state .badge").filter(has_text="pinned")).to_have_count(count)
        expect(here.get_by_role("button", name=other)).to_be_visible()  # by itself
    expect(versions.filter(has_text="1.1.0")).to_contain_text("in use")
    here.get_by_role("button", name="Take permissions back …").click()
    asks = here.get_by_role("dialog", name="What may Drift no longer do?")
    expect(asks).to_contain_text("It needs net:a.example, files: without, it goes off until")
    assert violations(here) == []
    asks.get_by_role("listitem").filter(has_text="writes files").get_by_role("button", name="Take it back").click()
    lost = here.get_by_role("region", name="Permissions").get_by_role("listitem").filter(has_text="writes files")
    expect(lost).to_contain_text("not granted")
    expect(here.get_by_role("button", name="Look at what it lacks")).to_be_visible()
    here.get_by_role("button", name="Remove …").click()
    here.get_by_role("button", name="Remove it").click()
    here.wait_for_url(f"{page.bot.address}/tentacles")
    expect(here.locator("#row-evaluator-drift")).to_have_count(0)


def test_a_commit_of_a_repository_is_installed_and_an_update_that_wants_more_waits_for_a_yes(
    page: Watched, tmp_path: Path
) -> None:
    folder, repository = BotFolder(page.bot.home), tmp_path / "repository"
    first = commit(repository, package(name="tide", permissions='["files"]'))
    here = page.open("/tentacles")
    here.get_by_role("button", name="Install …").click()
    here.get_by_role("radio", name="Git").check()
    here.get_by_label("Repository").fill(f"file://{repository}")
    here.get_by_label("Commit").fill(first)
    here.get_by_role("button", name="Look at it").click()
    expect(here.get_by_role("heading", name="Tide 1.0.0")).to_be_visible()
    here.get_by_label("It writes files").check()
    here.get_by_role("button", name="Install", exact=True).click()
    expect(here.get_by_role("dialog")).to_contain_text("It runs.")

    second = commit(repository, package("1.2.0", name="tide", permissions='["files", "threads"]'))
    source = f"git+file://{repository}@{second}"
    assert "waits" in folder.asked("tentacle.update", name="tide", source=source)["answer"]["message"]
    here = page.open("/tentacles/evaluator/tide")
    expect(here.locator("#state .name")).to_contain_text("1.2.0 waits")
    here.get_by_role("button", name="Look at the update").click()
    expect(here.get_by_label("It writes files")).to_be_disabled()  # it may already
    here.get_by_label("It starts threads of its own").check()
    here.get_by_role("button", name="Update", exact=True).click()
    expect(here.get_by_role("main")).to_contain_text("It runs.")
    here.get_by_role("button", name="To its page").click()
    expect(here.locator("#state .name")).to_contain_text("1.2.0")
    may = here.get_by_role("region", name="Permissions").get_by_role("listitem")
    expect(may.filter(has_text="threads").locator(".badge")).to_have_text("granted")


def test_what_a_tentacle_of_the_folder_lacks_is_granted_on_its_page(page: Watched) -> None:
    folder = BotFolder(page.bot.home)
    write_tentacle(folder.home, "evaluator", "lacking", manifest={"permissions": '["threads"]'})
    assert folder.call("tentacle", "refresh").code == 0
    here = page.open("/tentacles/evaluator/lacking")
    lacks, may = (
        here.get_by_role("button", name="Look at what it lacks"),
        here.get_by_role("region", name="Permissions"),
    )
    expect(may.locator(".badge")).to_have_text("not granted")
    lacks.first.click()
    here.get_by_label("It starts threads of its own").check()
    here.get_by_role("button", name="Grant it").click()
    expect(here.get_by_role("main")).to_contain_text("It runs.")
    page.open("/tentacles/evaluator/lacking")
    expect(may.locator(".badge")).to_have_text("granted")
    expect(lacks).to_have_count(0)


def test_packages_are_named_agreed_to_one_by_one_and_told_again_only_when_they_are_new(
    browser: Browser, tmp_path: Path
) -> None:
    shop = Shop(tmp_path / "shop", tmp_path)
    write_wheel(shop.folder, "ripple", "1.0", {"ripple.py": "SIGN = '~'\n"})
    shop.publish("1.0", "low")
    shop.publish("2.0", "high")
    first, second = Path(shop.surf("1.0.0", "wavy<2")), Path(shop.surf("2.0.0", "wavy>=2"))
    with running_bot(tmp_path / "bot", lambda config: None, **environment_of(shop.folder)) as bot:
        sign_in(browser, bot)
        with browse(browser, bot) as watched:
            here = watched.open("/tentacles")
            look_at(here, first)
            card = here.get_by_role("group", name="It brings Python packages")
            expect(card).to_contain_text("for this tentacle alone")
            assert violations(here) == []
            card.get_by_label("ripple 1.0").check()
            here.get_by_role("button", name="Install", exact=True).click()
            expect(card).to_be_visible()  # one of them is not ticked
            card.get_by_label("wavy 1.0").check()
            here.get_by_role("button", name="Install", exact=True).click()
            expect(here.get_by_role("dialog")).to_contain_text("It runs.")
            look_at(watched.open("/tentacles"), second)
            expect(card.get_by_label("ripple 1.0")).to_be_disabled()
            expect(card).to_contain_text("you agreed to it before")
            card.get_by_label("wavy 2.0").check()
            here.get_by_role("button", name="Update", exact=True).click()
            expect(here.get_by_role("dialog")).to_contain_text("It runs.")
            row = here.request.get(f"{bot.address}/api/v1/tentacle/info?name=evaluator/surf").json()
    assert row["version"] == "2.0.0", row


def test_what_is_wrong_is_said_above_the_form_and_the_keyboard_suffices(page: Watched, tmp_path: Path) -> None:
    here = page.open("/tentacles")
    (tmp_path / "no.zip").write_bytes(b"#!/bin/sh\n")
    here.get_by_role("button", name="Install …").press("Enter")
    here.get_by_label("Zip of the tentacle").set_input_files(tmp_path / "no.zip")
    here.get_by_role("button", name="Look at it").press("Enter")
    expect(here.get_by_role("alert")).to_contain_text("not a zip")
    page.expect_fault("409")
    here.get_by_role("radio", name="Git").press("Space")
    here.get_by_label("Repository").fill("https://127.0.0.1:1/x.git")
    here.get_by_label("Commit").fill("main")
    here.get_by_label("Commit").press("Enter")
    expect(here.get_by_role("alert")).to_contain_text("a branch or a short hash can move")
    page.expect_fault("409")
    expect(here.get_by_label("Repository")).to_have_value("https://127.0.0.1:1/x.git")
    here.keyboard.press("Escape")
    expect(here.get_by_role("dialog")).to_have_count(0)


def test_a_profile_is_exported_brought_in_tried_and_chosen(page: Watched, tmp_path: Path) -> None:
    here = page.open("/configuration")
    card = here.get_by_role("region", name="Profiles")
    with here.expect_download() as coming:
        card.locator("li").filter(has_text="crypto").get_by_role("link", name="Export").click()
    coming.value.save_as(tmp_path / "crypto.yaml")
    card.get_by_text("Import a file").click()
    card.get_by_label("Its name here").fill("mine")
    card.get_by_label("File", exact=True).set_input_files(tmp_path / "crypto.yaml")
    card.get_by_role("button", name="See what it would change").click()
    expect(card.get_by_role("status")).to_contain_text("What it would change")
    card.get_by_role("button", name="Import", exact=True).click()
    expect(card.get_by_role("status")).to_contain_text("profile mine is there")

    card.get_by_text("Duplicate").first.click()
    card.get_by_label("What").select_option("mine")
    card.get_by_label("Its name", exact=True).fill("spare")
    card.get_by_role("button", name="Duplicate").click()
    expect(card.get_by_role("status")).to_contain_text("spare")
    spare = card.locator("li").filter(has_text="spare")
    spare.get_by_role("button", name="Remove …").click()
    here.get_by_role("button", name="Remove it").click()
    expect(spare).to_have_count(0)
    with here.expect_download() as coming:
        card.get_by_role("link", name="Export the settings as they are").click()
    assert "desks:" in coming.value.path().read_text()

    mine = card.locator("li").filter(has_text="mine")
    mine.get_by_role("button", name="Use …").click()
    card.get_by_role("button", name="Use mine").click()
    expect(card.locator("header")).to_contain_text("mine in use")
    mine.get_by_role("button", name="Use none …").click()
    card.get_by_role("button", name="Use none", exact=True).click()
    expect(card.locator("header")).to_contain_text("none in use")
    mine.get_by_role("button", name="Remove …").click()
    here.get_by_role("button", name="Remove it").click()
    expect(card.locator("li").filter(has_text="mine")).to_have_count(0)


@pytest.mark.parametrize("look", CHECKED.values(), ids=CHECKED)
def test_the_dialog_is_for_everybody(
    browser: Browser, bot: Bot, zips: dict[str, Path], look: dict[str, object]
) -> None:
    with browse(browser, bot, **look) as watched:  # type: ignore[arg-type]
        page = watched.open("/tentacles")
        page.get_by_role("button", name="Install …").click()
        assert violations(page) == []
        page.get_by_label("Zip of the tentacle").set_input_files(zips["1.0.0"])
        page.get_by_role("button", name="Look at it").click()
        expect(page.get_by_role("heading", name="Drift 1.0.0")).to_be_visible()
        assert violations(page) == []
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= (PHONE["width"] if look.get("phone") else 1280)


def test_without_scripts_it_is_a_page(browser: Browser, bot: Bot, zips: dict[str, Path]) -> None:
    context = browser.new_context(storage_state=bot.cookies, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{bot.address}/tentacles")
    page.get_by_role("button", name="Install …").click()
    page.get_by_label("Zip of the tentacle").set_input_files(zips["1.0.0"])
    page.get_by_role("button", name="Look at it").click()
    expect(page.get_by_role("heading", name="Drift 1.0.0")).to_be_visible()
    context.close()
