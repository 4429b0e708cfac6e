"""The verifier: what it lets pass and finds out, what it refuses and where, and what a broken process means."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from loligo.errors import TentacleError
from loligo.host import Host, bundled_root
from loligo.host.loader import bind, read_version
from loligo.host.verifier import TentacleVersion
from loligo.registry.manifest import SETTINGS_FILE, settings_text
from loligo.registry.registry_file import load_registry
from loligo_verifier.client import ProcessVerifier
from tests.fakes.tentacle_version import EVALUATOR, make_version


@pytest.fixture(scope="module")
def verifier() -> Iterator[ProcessVerifier]:
    one = ProcessVerifier()
    yield one
    one.close()


def refusal(verifier: ProcessVerifier, version: TentacleVersion) -> str:
    with pytest.raises(TentacleError) as refused:
        verifier.verify(version)
    return str(refused.value)


def test_a_version_that_passes_comes_with_its_code_and_what_was_found(verifier: ProcessVerifier) -> None:
    version = make_version(
        EVALUATOR + "from . import logic", files={"logic.py": "import math", "test_logic.py": "import pytest"}
    )
    verified = verifier.verify(version)
    found = verified.findings
    assert sorted(verified.code) == ["__init__.py", "logic.py"]
    assert (found.hooks, found.imports, found.permissions) == (["evaluator"], ["loligo.api", "math"], [])
    assert found.calls == ["export_state", "on_candle", "restore_state"]
    assert json.loads(found.settings_schema)["properties"]["period"]["default"] == 3
    assert (found.state_bytes, found.not_made) == (1 + 4 + 9 + 6 + 1, "")  # map, "sum" and "count" as text, float64, 64


def test_the_code_objects_are_what_the_host_runs(verifier: ProcessVerifier) -> None:
    version = make_version(EVALUATOR)
    code = verifier.verify(version).code
    loaded = bind(version, code)
    on_candle = loaded.factory.create.on_candle.__code__  # type: ignore[attr-defined]
    (mean,) = [made for made in code["__init__.py"].co_consts if getattr(made, "co_name", "") == "Mean"]
    assert any(made is on_candle for made in mean.co_consts)
    assert on_candle.co_filename == "/nowhere/mean/__init__.py"


def test_nothing_of_the_judged_version_runs_in_this_process(verifier: ProcessVerifier) -> None:
    version = make_version(EVALUATOR + "import sys\nsys.judged = True")
    verifier.verify(version)
    assert not hasattr(sys, "judged")
    assert version.package not in sys.modules


@pytest.mark.parametrize("code", ["(" * 100_000, "x = " + "-" * 500_000 + "1", "\0", "# coding: nonsense\n"])
def test_a_monstrous_source_is_refused(verifier: ProcessVerifier, code: str) -> None:
    assert refusal(verifier, make_version(code)) != ""
    assert verifier.verify(make_version(EVALUATOR)).took_ms > 0


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("import os\nos.mkdir('/nowhere/new')", '__init__.py, line 28: os.mkdir needs the permission "files"'),
        ("from pathlib import Path\nPath('/nowhere/x').mkdir()", "line 28: os.mkdir '/nowhere/x' while it is imported"),
        ("from pathlib import Path\nPath('/etc/passwd').read_text()", "28: open '/etc/passwd' while it is imported"),
        ("from concurrent.futures import *", "imports concurrent.futures.*, which hides what is used"),
        ("raise ValueError('no')", "its code cannot be loaded: ValueError: no (__init__.py, line 27)"),
    ],
)
def test_an_import_that_does_something_is_refused_with_its_line(
    verifier: ProcessVerifier, body: str, said: str
) -> None:
    assert said in refusal(verifier, make_version(EVALUATOR + body))


def test_a_thread_started_by_the_import_is_refused_even_with_the_permission(verifier: ProcessVerifier) -> None:
    body = (
        "from threading import Thread as T\ntry:\n    T(target=print, name='one').start()\nexcept Exception:\n    pass"
    )
    said = refusal(verifier, make_version(EVALUATOR + body, permissions='["threads"]'))
    assert said == "__init__.py, line 29: threading.start 'one' while it is imported; do it in an instance"


def test_what_another_package_does_when_it_is_imported_is_not_the_tentacles(tmp_path: Path) -> None:
    (tmp_path / "noisy.py").write_text(f"open({str(tmp_path / 'made')!r}, 'w').close()")
    knows_noisy = ProcessVerifier(import_path=[*sys.path, str(tmp_path)])
    version = make_version(EVALUATOR + "import noisy", requires='{ python = ["noisy"] }')
    assert knows_noisy.verify(version).findings.imports == ["loligo.api", "noisy"]
    knows_noisy.close()
    assert (tmp_path / "made").exists()


def test_an_instance_may_do_what_it_has_the_permission_for_and_no_more(verifier: ProcessVerifier) -> None:
    code = EVALUATOR.replace("self.sum, self.count = 0.0, 0\n", "self.sum, self.count = len(read()), 0\n", 1)
    code += "from pathlib import Path\ndef read():\n    return Path('/etc/passwd').read_text()"
    said = refusal(verifier, make_version(code))
    assert said == "__init__.py, line 29: open '/etc/passwd' needs the permission \"files\""
    assert verifier.verify(make_version(code, permissions='["files"]')).findings.not_made == ""


def test_code_that_takes_all_memory_is_refused(verifier: ProcessVerifier) -> None:
    said = refusal(verifier, make_version(EVALUATOR + "x = bytearray(3 * 2**30)"))
    assert said == "its code cannot be loaded: MemoryError:  (__init__.py, line 27)"


def test_files_that_are_no_code_count_as_brought(verifier: ProcessVerifier) -> None:
    version = make_version(EVALUATOR, files={"CHANGES.md": "1.0.0"}, changelog='"CHANGES.md"')
    assert verifier.verify(version).findings.not_made == ""


def test_a_verifier_that_cannot_start_is_not_blamed_on_the_tentacle() -> None:
    broken = ProcessVerifier(import_path=["/nowhere"])
    with pytest.raises(TentacleError, match="cannot be judged, no verifier starts: it ended without an answer"):
        broken.verify(make_version(EVALUATOR))
    broken.close()


def test_an_instance_may_read_what_the_tentacle_brings(verifier: ProcessVerifier, tmp_path: Path) -> None:
    (tmp_path / "table.txt").write_text("42")
    version = make_version(EVALUATOR + "from pathlib import Path\nPath(__file__).with_name('table.txt').read_text()")
    assert verifier.verify(replace(version, folder=tmp_path)).findings.state_bytes


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("def on_candle", "def on_candel", "Mean has no on_candle or on_trade or"),
        ("def on_candle", "async def on_candle", "on_candle is `async def`: what runs inside the engine never waits"),
        ("def export_state", "def exprt_state", "Mean has no export_state and restore_state"),
        ("state_version = 1", "state_version = 2", "its manifest says state.version = 1, the code state_version = 2"),
        ('"count": self.count', '"count": object()', "export_state gives what is not plain data"),
        (', state["count"]', ', state["count"] + 1', "export_state after restore_state differs in: count"),
        (', "count": self.count', "", "its code failed: KeyError: 'count' (__init__.py, line 22)"),
        ("1.0 if candle", "1 / 0 if candle", "its code failed: ZeroDivisionError"),
        ("self.sum, self.count = 0.0, 0", "1 / 0", "no instance with default settings: ZeroDivisionError: division by"),
    ],
)
def test_an_instance_that_does_not_keep_the_contract_of_its_kind_is_refused(
    verifier: ProcessVerifier, old: str, new: str, said: str
) -> None:
    assert said in refusal(verifier, make_version(EVALUATOR.replace(old, new, 1)))


def test_a_state_that_leaves_something_out_is_found_by_what_the_instance_says_next(verifier: ProcessVerifier) -> None:
    code = EVALUATOR.replace('return {"sum": self.sum, "count": self.count}', "return {}")
    code = code.replace('self.sum, self.count = state["sum"], state["count"]', "pass")
    assert "after restore_state it judges candles otherwise" in refusal(verifier, make_version(code))


def test_a_manifest_that_says_there_is_no_state_is_compared_with_the_code(verifier: ProcessVerifier) -> None:
    said = refusal(verifier, make_version(EVALUATOR, state='{ mode = "none" }'))
    assert said == 'its manifest says state.mode = "none", but export_state gives a state'


def test_a_settings_schema_that_differs_from_the_class_is_refused_with_the_names(verifier: ProcessVerifier) -> None:
    schema = verifier.verify(make_version(EVALUATOR)).findings.settings_schema
    assert verifier.verify(make_version(EVALUATOR, files={SETTINGS_FILE: schema})).findings.settings_schema == schema
    said = refusal(verifier, make_version(EVALUATOR, files={SETTINGS_FILE: schema.replace("3", "4")}))
    assert said.startswith("settings.schema.json differs from the class Settings in: period; generate it anew")
    assert said.endswith("`loligo tentacle check FOLDER --write`")


def test_settings_that_a_person_must_give_leave_the_instance_unmade(verifier: ProcessVerifier) -> None:
    found = verifier.verify(make_version(EVALUATOR.replace("period: int = 3", "period: int"))).findings
    assert (found.not_made, found.state_bytes) == ("settings of evaluator mean: period is missing", None)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("import os\nos._exit(3)", "ended with exit code 3 while it was tried"),
        ("import os\nos.abort()", "was killed by SIGABRT while it was tried"),
        ("import os\nos.closerange(3, 100)\nos._exit(0)", "without an answer that can be read"),
        (
            "import os\nfor one in range(3, 100):\n    try: os.write(one, b'nonsense')\n    except OSError: pass",
            "can be read",
        ),
    ],
)
def test_a_crash_or_a_garbled_answer_is_a_refusal_and_the_next_version_passes(
    verifier: ProcessVerifier, body: str, said: str
) -> None:
    assert said in refusal(verifier, make_version(EVALUATOR + body))
    assert verifier.verify(make_version(EVALUATOR)).findings.not_made == ""


def test_code_that_kills_the_verifier_is_refused_and_the_next_version_meets_a_new_process(
    verifier: ProcessVerifier,
) -> None:
    code = EVALUATOR.replace(
        "self.sum, self.count = 0.0, 0", "import os, signal; os.kill(os.getppid(), 9); signal.pause()"
    )
    assert "broke the process that judges it" in refusal(verifier, make_version(code, permissions='["process"]'))
    assert verifier.verify(make_version(EVALUATOR)).findings.not_made == ""


def test_code_that_does_not_end_is_refused_in_time() -> None:
    impatient = ProcessVerifier(timeout_s=1.0)  # its own start has more
    try:
        said = refusal(impatient, make_version(EVALUATOR + "while True: pass"))
    finally:
        impatient.close()
    assert said == "its code did not come to an end within 1 s"


def test_the_environment_of_the_bot_does_not_reach_the_code(verifier: ProcessVerifier) -> None:
    assert "HOME" in os.environ, "a variable that is here and must not be there"
    code = EVALUATOR + "import os\nassert not {'HOME', 'USER', 'PWD'} & set(os.environ)"
    verified = verifier.verify(make_version(code, permissions='["environment"]'))
    assert verified.findings.permissions == ["environment"]


def test_every_bundled_tentacle_passes_and_its_manifest_says_everything(verifier: ProcessVerifier) -> None:
    host = Host(bundled_root(), bundled_root())
    sources = host.sources(keeps=False)
    for entry in load_registry(host.registry_path).tentacles:
        version = read_version(entry, sources)
        found = verifier.verify(version).findings
        manifest = version.manifest
        loaded = bind(version, {})
        needed = [name for name, field in loaded.factory.settings.model_fields.items() if field.is_required()]
        assert (bool(found.not_made), found.hooks) == (bool(needed), manifest.hooks), (entry.slot, found.not_made)
        named = {permission.partition(":")[0] for permission in manifest.permissions}  # "net" of "net:HOST"
        assert set(found.permissions) <= named and set(manifest.permissions) == set(entry.permissions), entry.slot
        assert (manifest.state.mode == "export") >= bool(found.state_bytes and found.state_bytes > 1), entry.slot
        assert manifest.changelog, entry.slot
        assert version.files[SETTINGS_FILE] == settings_text(loaded.factory.settings), f"{entry.slot}: generate it anew"
