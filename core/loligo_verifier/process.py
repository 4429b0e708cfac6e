"""The verifier process: one request after the other, each run in a fork that ends with it.

This process itself only parses, lints and compiles; it never runs a tentacle, so code objects are made by what no
tentacle has touched, and forks start with everything imported that is slow to import.
"""

from __future__ import annotations

import ast
import gc
import marshal
import os
import resource
import signal
import socket
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

import msgspec
import numpy  # noqa: F401  # here and below: so that a fork need not

from loligo.errors import LoligoError, TentacleError
from loligo.host.finder import compile_module, modules_of
from loligo.host.verifier import Findings, TentacleVersion
from loligo.ports.tentacles import TentacleSettings
from loligo.registry.manifest import read_manifest, settings_text
from loligo.registry.registry_file import RegistryEntry
from loligo_packages.importing import code_path, modules_of_set
from loligo_packages.package_set import PackageSet
from loligo_verifier.client import READY, Reply, Request, receive_frame, send_frame
from loligo_verifier.lint import Uses, lint, lint_packages, uses_of
from loligo_verifier.trial import try_version

_CPU_S = 20  # of one fork; the host does not wait longer
_MEMORY_BYTES = 2 * 2**30  # that one fork may take
_ANSWER_BYTES = 2**20  # the most that one may say
_MOST_KNOWN = 8  # sets of packages
_NICENESS = 10  # whoever trades beside it goes first


class _Settings(TentacleSettings):
    """Of nobody: what pydantic does for the first class and schema of a process need not be done in each fork."""

    number: float = 0.0


def serve(handle: int) -> None:
    """Answer the requests that come through a socket until it is closed at the other end."""
    warnings.simplefilter("ignore")  # they are the author's to see, not the user's
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(_NICENESS)
    settings_text(_Settings)
    gc.collect()
    gc.freeze()  # or each fork would copy all pages, as soon as it collects
    with socket.socket(fileno=handle) as host:
        send_frame(host, READY)
        while True:
            try:
                request = msgspec.msgpack.decode(receive_frame(host), type=Request)
            except (EOFError, ConnectionError):  # the latter when it never read that we are ready
                return
            send_frame(host, msgspec.msgpack.encode(judge(request, host)))


def judge(request: Request, host: socket.socket) -> Reply:
    """Return the verdict on one version; `host` is what a fork must not reach."""
    try:
        folder = Path(request.folder)
        version = TentacleVersion(
            entry=RegistryEntry.model_validate_json(request.entry),
            manifest=read_manifest(folder, request.files),
            tree_hash=request.tree_hash,
            folder=folder,
            files=request.files,
            packages=PackageSet(request.packages_hash, Path(request.packages_folder), request.packages),
        )
        sources = modules_of(version.files)
        trees = {path: _parsed(path, source) for path, source in sources.items()}
        seen = lint(trees, version.manifest, version.packages)
        known = _known_packages(version.packages)
        needed = lint_packages(known.uses, version.packages, version.manifest)
        seen = seen[0], sorted({*seen[1], *needed})
        code = {path: compile_module(source, str(folder / path)) for path, source in sources.items()} | known.code
        findings = _tried(version, code, seen, host) if request.runs else _read(seen)
    except LoligoError as exc:
        return Reply(refusal=str(exc))
    except (ValueError, RecursionError, MemoryError, OverflowError) as exc:  # of compile, for monstrous sources
        return Reply(refusal=f"its source cannot be compiled: {type(exc).__name__}: {exc}")
    return Reply(code={path: marshal.dumps(each) for path, each in code.items()}, findings=findings)


@dataclass(frozen=True, slots=True)
class _Packages:
    """What is known of a set of packages, whoever brings it."""

    uses: Uses
    code: dict[str, CodeType]


_KNOWN: dict[str, _Packages] = {}  # by tree hash; a tentacle that is worked on is judged at every save


def _known_packages(packages: PackageSet) -> _Packages:
    """Return what the modules of a set reach for, and their code. TentacleError for one that is no Python."""
    known = _KNOWN.get(packages.tree_hash)
    if known is None:
        sources = modules_of(modules_of_set(packages))
        trees = {path: _parsed(path, source, "the package ") for path, source in sources.items()}
        code = {
            code_path(packages, path): compile_module(source, str(packages.folder / path))
            for path, source in sources.items()
        }
        known = _Packages(uses_of(trees), code)
        while len(_KNOWN) >= _MOST_KNOWN:
            del _KNOWN[next(iter(_KNOWN))]
        _KNOWN[packages.tree_hash] = known
    return known


def _read(seen: tuple[list[str], list[str]]) -> Findings:
    """Return what is known of a version that did not run."""
    imports, permissions = seen
    return Findings(imports=imports, permissions=permissions, hooks=[], calls=[], settings_schema="", state_bytes=None)


def _parsed(path: str, source: bytes, of: str = "") -> ast.Module:
    try:
        return ast.parse(source, path)
    except SyntaxError as exc:
        raise TentacleError(f"{of}{path}, line {exc.lineno}: SyntaxError: {exc.msg}") from exc


def _tried(
    version: TentacleVersion, code: Mapping[str, CodeType], seen: tuple[list[str], list[str]], host: socket.socket
) -> Findings:
    """Return what a fork finds. TentacleError when it refuses, crashes or says what cannot be read."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        host.close()
        os.close(reading)
        _answer(version, code, seen, writing)
    os.close(writing)
    with open(reading, "rb") as answer:
        packed = answer.read(_ANSWER_BYTES)
    _, status = os.waitpid(child, 0)
    try:
        reply = msgspec.msgpack.decode(packed, type=Reply)
    except msgspec.MsgspecError as exc:
        ended = os.waitstatus_to_exitcode(status)
        how = f"was killed by {signal.Signals(-ended).name}" if ended < 0 else f"ended with exit code {ended}"
        raise TentacleError(f"its code {how} while it was tried, without an answer that can be read") from exc
    if reply.findings is None:
        raise TentacleError(reply.refusal)
    return reply.findings


def _answer(version: TentacleVersion, code: Mapping[str, CodeType], seen: tuple[list[str], list[str]], to: int) -> None:
    """Try the version, write the verdict and end this process; nothing that the tentacle left behind runs any more."""
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S))
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY_BYTES, _MEMORY_BYTES))
    os.dup2(os.open(os.devnull, os.O_RDWR), 2)
    try:
        reply = Reply(findings=try_version(version, code, seen))
    except TentacleError as exc:
        reply = Reply(refusal=str(exc))
    with open(to, "wb") as answer:
        answer.write(msgspec.msgpack.encode(reply))
    os._exit(0)
