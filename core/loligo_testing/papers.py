"""Checks that run nothing of a tentacle here: its manifest and schema, what its source reaches for, README, tests."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from loligo.errors import LoligoError, TentacleError
from loligo.host.finder import modules_of
from loligo.host.loader import check_wishes
from loligo.host.verifier import Findings, TentacleVersion, shared_verifier
from loligo.registry.manifest import SETTINGS_FILE
from loligo_kit.views import declared_places, read_view
from loligo_packages.importing import modules_of_set
from loligo_testing.report import Check, failed, missing, passed
from loligo_testing.subject import read_declared
from loligo_verifier.lint import lint, lint_packages, uses_of

_TESTS_S = 300.0
_README = "README.md"
_LEAST_README = 200  # characters
_SOURCE = re.compile(
    r"https?://|^#+ *(source|formula|rule)|\bsource\b|\([A-Z][\w.' -]+,? (18|19|20)\d\d\)", re.I | re.M
)


def manifest(version: TentacleVersion, findings: Findings | None, *, write: bool) -> tuple[Check, TentacleVersion]:
    """Return the check, and the version with a schema that was written anew."""
    name, given = "manifest", version.manifest
    try:
        check_wishes(version, ())
        read_declared(version)
        for place in declared_places(given):
            read_view(given, place)
    except LoligoError as exc:
        if not str(exc).startswith("needs the tentacle"):  # that is for the bot in which it is to work
            return failed(name, str(exc), "correct the manifest, or what it wants"), version
    wanted = {key for key in ("hooks", "changelog") if not getattr(given, key)}
    if wanted:
        return failed(name, f"it lacks {' and '.join(sorted(wanted))}", "say it in tentacle.toml"), version
    if findings is None:
        return passed(name, f"{given.id} {given.version}, api {given.api}; its settings were not compared"), version
    text = findings.settings_schema.encode()
    fields = len(json.loads(text).get("properties", {}))
    if version.files.get(SETTINGS_FILE) == text:
        return passed(name, f"{given.id} {given.version}, api {given.api}; schema equal, settings: {fields}"), version
    if not write:
        state = "differs from the settings class" if SETTINGS_FILE in version.files else "is not there"
        return failed(name, f"{SETTINGS_FILE} {state}", "generate it: `loligo tentacle check DIR --write`"), version
    (version.folder / SETTINGS_FILE).write_bytes(text)
    return passed(name, f"{given.id} {given.version}; {SETTINGS_FILE} written, settings: {fields}"), replace(
        version, files={**version.files, SETTINGS_FILE: text}
    )


def permissions(version: TentacleVersion) -> Check:
    """Compare what the source reaches for with the manifest."""
    name = "permissions"
    try:
        sources = modules_of(version.files)
        trees = {path: ast.parse(source, path) for path, source in sources.items()}
        imports, needed = lint(trees, version.manifest, version.packages)
        brought = modules_of(modules_of_set(version.packages)) if version.packages.files else {}
        uses = uses_of({path: ast.parse(source, path) for path, source in brought.items()})
        needed = sorted({*needed, *lint_packages(uses, version.packages, version.manifest)})
    except SyntaxError as exc:
        return failed(name, f"{exc.filename}, line {exc.lineno}: {exc.msg}", "correct that line")
    except TentacleError as exc:
        return failed(name, str(exc), "name the permission or package in the manifest, or do without")
    held = {permission.partition(":")[0] for permission in version.manifest.permissions}
    unused = sorted(held - set(needed) - {"keys"})
    more = f"; {', '.join(unused)} named and not seen in its source" if unused else ""
    return passed(
        name, f"{len(trees)} modules, {len(imports)} imports; uses {_listed(needed)} of {_listed(sorted(held))}{more}"
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"


def loads(version: TentacleVersion) -> tuple[Check, Findings | None]:
    """Ask the verifier, as a bot would, but for the schema, which has a check of its own."""
    name = "loads"
    files = {path: content for path, content in version.files.items() if path != SETTINGS_FILE}
    try:
        verified = shared_verifier().verify(replace(version, files=files))
    except TentacleError as exc:
        return failed(name, str(exc), "correct that: a bot refuses it"), None
    found = verified.findings
    size = f", state of {found.state_bytes} bytes" if found.state_bytes else ""
    return passed(name, f"verified in {verified.took_ms:.0f} ms, hooks {_listed(found.hooks)}{size}"), found


def readme(version: TentacleVersion) -> Check:
    """Look for a README that explains it: long enough, every setting named, a source."""
    name, text = "readme", version.files.get(_README, b"").decode(errors="replace")
    if not text:
        return missing(name, f"there is no {_README}", "say what it does, what its settings mean and from which source")
    schema = json.loads(version.files.get(SETTINGS_FILE, b"{}"))
    unsaid = [key for key in schema.get("properties", {}) if key not in text]
    if unsaid:
        return missing(name, f"{_README} does not name the settings {', '.join(unsaid)}", "say what each setting means")
    if len(text) < _LEAST_README or not _SOURCE.search(text):
        return missing(
            name, f"{_README} names no source", 'say where the rule or formula is from: "## Source", a book, a link'
        )
    return passed(name, f"{len(text):,} characters, every setting and a source named")


def tests(version: TentacleVersion, elsewhere: Path | None = None) -> Check:
    """Run the tests that it brings, or those that lie elsewhere, in a process of their own."""
    name, folder = "tests", version.folder
    brought = [path for path in version.files if re.fullmatch(r"(.*/)?test_\w+\.py", path)]
    if not brought and elsewhere is None:
        return missing(
            name, "it brings no test_*.py", "write one; `loligo tentacle new` shows how, or name --tests PATH"
        )
    where = elsewhere or folder
    with tempfile.TemporaryDirectory() as scratch:
        options = [
            "-q",
            "-W",
            "error",
            "-p",
            "no:cacheprovider",
            "--import-mode=importlib",
            f"--basetemp={scratch}/tests",
        ]
        command = [sys.executable, "-m", "pytest", *options, str(where)]
        brought = [str(version.packages.folder)] if version.packages.files else []
        paths = os.pathsep.join([*(path for path in sys.path if path), *brought])
        environment = {**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            ran = subprocess.run(
                command, cwd=where if where.is_dir() else where.parent, env=environment,
                capture_output=True, text=True, timeout=_TESTS_S, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return failed(name, f"they did not end within {_TESTS_S:g} s", "let no test wait for the outside")
    said = ran.stdout.strip().splitlines()
    if "No module named pytest" in ran.stderr:
        return missing(name, "pytest is not installed", "run `pip install pytest`")
    if ran.returncode:
        faults = [line for line in said if line.startswith(("FAILED", "ERROR"))]
        return failed(
            name, (faults or said[-1:] or ran.stderr.splitlines()[-1:] or ["they failed"])[0][:200], "let them pass"
        )
    return passed(name, said[-1] if said else "passed")
