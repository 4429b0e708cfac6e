"""Which award a tentacle gets, what its report says, and what the command prints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from loligo.errors import TentacleError
from loligo_bot.cli.command_line import run
from loligo_testing import Award, Outcome, check, papers
from loligo_testing.subject import read_version
from tests.unit.testing_kit.bad_tentacles import SCHEMA, Broken, write

README = "# sound\n\nThe change over three candles.\n\n## Source\n\nNobody's. `scale` is the factor.\n" + "Text. " * 40
PASSES = "def test_it() -> None:\n    assert 1 == 1\n"
SOUND = Broken(frozenset(), {})


def cli(capsys: pytest.CaptureFixture[str], home: Path, *arguments: str) -> tuple[int, str]:
    code = run(["--home", str(home), "tentacle", "check", *arguments])
    return code, capsys.readouterr().out


def test_gold_wants_a_readme_and_tests_beside_silver(tmp_path: Path) -> None:
    folder = write(tmp_path, SOUND)
    silver = check(folder)
    assert silver.award is Award.SILVER
    assert [each.name for each in silver.missing(Award.GOLD)] == ["readme", "tests"]
    (folder / "README.md").write_text(README)
    (folder / "test_sound.py").write_text(PASSES)
    gold = check(folder)
    assert (gold.award, gold.next_award) == (Award.GOLD, None), gold.lines()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (README.replace("`scale`", "It"), "does not name the settings scale"),
        (README.replace("Source", "More"), "names no source"),
        ("## Source\n\nscale\n", "names no source"),  # a title is no explanation
    ],
)
def test_a_readme_that_leaves_out_what_matters_is_as_good_as_none(tmp_path: Path, text: str, why: str) -> None:
    folder = write(tmp_path, Broken(frozenset(), {}, files={"README.md": text}))
    found = papers.readme(read_version(folder))
    assert found.outcome is Outcome.MISSING  # which is no fault, see the award above
    assert why in found.evidence


def test_tests_may_lie_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "test_elsewhere.py").write_text(PASSES)
    report = check(write(tmp_path, SOUND), tests=tmp_path / "test_elsewhere.py")
    assert report["tests"].outcome is Outcome.PASSED


def test_write_makes_the_schema_of_the_settings(tmp_path: Path) -> None:
    folder = write(tmp_path, SOUND)
    (folder / "settings.schema.json").write_text("{}")
    assert check(folder, quick=True)["manifest"].outcome is Outcome.FAILED
    report = check(folder, quick=True, write=True)
    assert (report["manifest"].outcome, (folder / "settings.schema.json").read_text()) == (Outcome.PASSED, SCHEMA)


def test_a_folder_without_a_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TentacleError, match=r"has no tentacle\.toml"):
        check(tmp_path)


def test_the_command_prints_every_check_the_award_and_what_the_next_one_wants(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = cli(capsys, tmp_path, str(write(tmp_path, SOUND)))
    assert code == 0
    assert "passed         look-ahead" in said
    assert said.splitlines()[-4:-2] == ["silver: 14 checks passed, 0 failed, 0 not applicable", "for gold:"]


@pytest.mark.parametrize(
    ("changes", "failed"),
    [
        ({"change * self.scale": "-change * self.scale"}, ["sign"]),
        ({"warmup = 4": "warmup = 2"}, ["contract"]),
        ({"class Settings": "RATIO = 1 / 0\n\nclass Settings"}, ["loads"]),
    ],
)
def test_the_command_ends_with_1_when_a_check_failed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, str], failed: list[str]
) -> None:
    code, said = cli(capsys, tmp_path, str(write(tmp_path, Broken(frozenset(), changes))), "--json")
    data = json.loads(said)
    assert (code, data["ok"]) == (1, False)
    assert [each["name"] for each in data["checks"] if each["outcome"] == "failed"] == failed


def test_a_tentacle_of_the_registry_is_found_by_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, Broken(frozenset(), {}, kind="notifier"))
    assert run(["--home", str(tmp_path), "--quiet", "tentacle", "refresh"]) == 0
    code, said = cli(capsys, tmp_path, "sound", "--quick", "--json")
    assert (code, json.loads(said)["tentacle"]) == (0, "notifier/sound")
    code, _ = cli(capsys, tmp_path, "sounds", "--quick", "--json")
    assert code == 1


def test_without_a_name_the_whole_registry_is_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, Broken(frozenset(), {}, kind="notifier"))
    assert run(["--home", str(tmp_path), "--quiet", "tentacle", "refresh"]) == 0
    code, said = cli(capsys, tmp_path)
    assert (code, said.splitlines()) == (
        0,
        ["| tentacle | award | missing for the next |", "|---|---|---|", "| notifier/sound | silver | readme, tests |"],
    )
