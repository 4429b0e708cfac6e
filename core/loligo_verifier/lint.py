"""What a tentacle's source reaches for, compared with the permissions and packages that its manifest names.

Every import and every dotted name of every module is looked at, inside functions and `if TYPE_CHECKING` too. This is
honesty between author and user, not a wall: Python in one process has none. What hides from it (imports by computed
names, code made from text) is refused for that reason. What a tentacle does when it runs is watched by `trial`. The
packages that it brings are looked at in the same way, so that none is a way around its permissions.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import packages_distributions

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from loligo.errors import TentacleError
from loligo.registry.manifest import MANIFEST_FILE, Manifest
from loligo_packages.package_set import NO_PACKAGES, PackageSet

_SHOWN = 5  # faults in one refusal
_GIVEN = {"loligo", "pydantic"}  # what every tentacle may use without naming it; of loligo its api

NEEDS: Mapping[str, str] = {  # module, or name in one: the permission
    **dict.fromkeys(("socket", "ssl", "_socket", "_ssl", "socketserver", "http", "urllib.request", "xmlrpc"), "net"),
    **dict.fromkeys(("ftplib", "imaplib", "nntplib", "poplib", "smtplib", "telnetlib", "webbrowser"), "net"),
    **dict.fromkeys(("aiohttp", "requests", "httpx", "urllib3", "websockets", "websocket", "ccxt"), "net"),
    **dict.fromkeys(("telegram", "discord", "grpc", "paramiko", "redis", "nats", "openai", "mcp", "apprise"), "net"),
    **dict.fromkeys(("asyncio.open_connection", "asyncio.open_unix_connection"), "net"),
    **dict.fromkeys(("asyncio.start_server", "asyncio.start_unix_server"), "net"),
    **dict.fromkeys(("subprocess", "multiprocessing", "pty", "signal", "_posixsubprocess"), "process"),
    **dict.fromkeys(("os.system", "os.popen", "os.fork", "os.forkpty", "os.kill", "os.killpg"), "process"),
    **dict.fromkeys(("asyncio.create_subprocess_exec", "asyncio.create_subprocess_shell"), "process"),
    **dict.fromkeys(("concurrent.futures.ProcessPoolExecutor", "concurrent.futures.process"), "process"),
    **dict.fromkeys((f"os.exec{way}" for way in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")), "process"),
    **dict.fromkeys((f"os.spawn{way}" for way in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")), "process"),
    **dict.fromkeys(("os.posix_spawn", "os.posix_spawnp"), "process"),
    **dict.fromkeys(("threading", "_thread", "asyncio.to_thread", "concurrent.futures.thread"), "threads"),
    **dict.fromkeys(("concurrent.futures.ThreadPoolExecutor", "multiprocessing.pool.ThreadPool"), "threads"),
    **dict.fromkeys(("ctypes", "_ctypes", "cffi", "_cffi_backend"), "native"),
    **dict.fromkeys(("os.environ", "os.environb", "os.getenv", "os.getenvb", "os.putenv"), "environment"),
    **dict.fromkeys(("shutil", "tempfile", "sqlite3", "dbm", "shelve", "mmap", "fcntl", "open", "io.open"), "files"),
    **dict.fromkeys(("os.open", "os.remove", "os.unlink", "os.rename", "os.replace", "os.rmdir"), "files"),
    **dict.fromkeys(("os.mkdir", "os.makedirs", "os.link", "os.symlink", "os.truncate", "os.chmod"), "files"),
}
_OUTSIDE = "the import"
_NATIVE = 'with the permission "native" a package may'
NEVER: Mapping[str, str] = {  # what no permission opens: why
    _OUTSIDE: "reaches outside of the tentacle's own folder",
    **dict.fromkeys(("importlib", "__import__", "runpy", "imp"), "hides what it imports; import it by name"),
    **dict.fromkeys(("pkgutil.resolve_name", "pkgutil.walk_packages"), "hides what it imports; import it by name"),
    **dict.fromkeys(
        ("pkgutil.find_loader", "pkgutil.get_importer", "pkgutil.get_loader", "pkgutil.iter_importers"),
        "reaches into the bot's imports",
    ),
    **dict.fromkeys(("eval", "exec", "compile", "code"), "runs code that nobody could read before"),
    **dict.fromkeys(("sys.modules", "sys.meta_path", "sys.path", "sys.path_hooks"), "reaches into the bot's imports"),
    **dict.fromkeys(("sys.settrace", "sys.setprofile", "sys.addaudithook", "sys._getframe"), "reaches into the bot"),
    **dict.fromkeys(("gc.get_objects", "gc.get_referrers", "builtins", "__builtins__"), "reaches into the bot"),
    **dict.fromkeys(("tentacles", "_tentacles"), "is another tentacle; let strategies read boards, or bring a copy"),
    **dict.fromkeys(
        (
            "loligo",
            *(
                f"loligo_{room}"
                for room in (
                    "bot",
                    "chat",
                    "files",
                    "indicators",
                    "kit",
                    "lab",
                    "notify",
                    "packages",
                    "store",
                    "testing",
                    "verifier",
                    "web",
                )
            ),
        ),
        "is not for tentacles; use loligo.api",
    ),
}
_FREE = dict.fromkeys(("importlib.metadata", "importlib.resources", "loligo.api"), "")
_BUILTINS = {"open", "eval", "exec", "compile", "__import__", "__builtins__"}


def lint(
    trees: Mapping[str, ast.Module], manifest: Manifest, packages: PackageSet = NO_PACKAGES
) -> tuple[list[str], list[str]]:
    """Return the modules of others that a tentacle imports and the permissions that it needs, both sorted.

    `trees` are its modules by path, `packages` those that it brings. TentacleError names every use that the manifest
    does not cover, with its line.
    """
    uses = uses_of(trees)
    held = _held(manifest)
    declared: set[str] = {canonicalize_name(Requirement(text).name) for text in manifest.requires.python}
    brought = {_top(path): one.name for path, one in packages.owners.items()}
    _refuse(
        f"{path}, line {use.line}: {fault}" for path, use in uses if (fault := _fault(use, held, declared, brought))
    )
    needed = {permission for _, use in uses for _, permission in [_covering(use.name, NEEDS)] if permission}
    return sorted({use.module for _, use in uses if use.module}), sorted(needed)


def lint_packages(uses: Uses, packages: PackageSet, manifest: Manifest) -> list[str]:
    """Return the permissions that the packages of a tentacle need, sorted. TentacleError as of `lint`.

    They are not the author's own work: what no permission opens to a tentacle (imports by computed names, code made
    from text) is open to them with "native", which says that nothing is checked.
    """
    held, brought, needed = _held(manifest), packages.tops, set[str]()
    faults = []
    for path, use in uses:
        permission, fault = _of_package(use, held, brought)
        needed |= {permission} - {""}
        if fault:
            owner = packages.owners.get(path)
            whose = f"{owner.name} {owner.version}" if owner is not None else "(no package's)"
            faults.append(f"the package {whose}, {path}, line {use.line}: {fault}")
    _refuse(faults)
    return sorted(needed)


def _of_package(use: _Use, held: set[str], brought: frozenset[str]) -> tuple[str, str]:
    """Return the permission that a use in a package needs, and what is wrong with it; "" for nothing."""
    if use.name.partition(".")[0] in brought:
        return "", ""  # whatever it is of the packages, it was looked at there
    name, why = _covering(use.name, NEVER)
    if why and not _covering(use.name, _FREE)[0]:
        if name == _OUTSIDE or name.startswith(("loligo", "tentacles", "_tentacles")):
            return "", f"{name} {why}"
        return "native", "" if "native" in held else f"{name} {why}; {_NATIVE}"
    if use.name.endswith(".*"):
        return "native", "" if "native" in held else f"imports {use.name}, which hides what is used; {_NATIVE}"
    name, permission = _covering(use.name, NEEDS)
    lacks = "" if permission in ("", *held) else _lacking(name, permission)
    return permission, lacks


def _refuse(faults: Iterable[str]) -> None:
    found = list(dict.fromkeys(faults))
    if found:
        more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise TentacleError("; ".join(found[:_SHOWN]) + more)


def _held(manifest: Manifest) -> set[str]:
    return {permission.partition(":")[0] for permission in manifest.permissions}


def _top(path: str) -> str:
    return path.partition("/")[0].removesuffix(".py")


@dataclass(frozen=True, slots=True)
class _Use:
    """One place that reaches for something of others: its full name, and the module if this imports one."""

    line: int
    name: str
    module: str = ""


Uses = list[tuple[str, _Use]]  # with the path of the module


def uses_of(trees: Mapping[str, ast.Module]) -> Uses:
    """Return everything that modules reach for, in the order of paths and lines."""
    uses = [(path, use) for path, tree in trees.items() for use in _uses(tree, depth=path.count("/") + 1)]
    return sorted(uses, key=lambda found: (found[0], found[1].line))


def _fault(use: _Use, held: set[str], declared: set[str], brought: Mapping[str, str]) -> str:
    """Return what is wrong with one use, "" when nothing is; `brought` are packages by the modules that they bring."""
    name, why = _covering(use.name, NEVER)
    if why and not _covering(use.name, _FREE)[0]:
        return f"{name} {why}"
    if use.name.endswith(".*"):
        return f"imports {use.name}, which hides what is used; name it"
    name, permission = _covering(use.name, NEEDS)
    if permission and permission not in held:
        return _lacking(name, permission)
    top = use.module.partition(".")[0]
    if not top or top in _GIVEN or top in sys.stdlib_module_names:
        return ""
    sellers = {brought[top]} if top in brought else _sellers(top)
    return "" if sellers & declared else f"imports {top}, which requires.python of {MANIFEST_FILE} does not name"


def _lacking(name: str, permission: str) -> str:
    how = "net:HOST" if permission == "net" else permission
    return f'{name} needs the permission "{how}"; name it in permissions of {MANIFEST_FILE}'


def _uses(tree: ast.Module, *, depth: int) -> Iterator[_Use]:
    nodes = list(ast.walk(tree))
    known: dict[str, str] = {}  # local name: what it stands for
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                known[alias.asname or top] = alias.name if alias.asname else top
                yield _Use(node.lineno, alias.name, alias.name)
        elif isinstance(node, ast.ImportFrom) and node.level > depth:
            yield _Use(node.lineno, _OUTSIDE)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                known[alias.asname or alias.name] = full = f"{node.module}.{alias.name}"
                yield _Use(node.lineno, full, node.module or "")
    own = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    own |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    builtins = _BUILTINS - known.keys() - (own & {"open"})  # a price may have that name
    for node in nodes:
        if isinstance(node, ast.Attribute) and (dotted := _dotted(node, known)):
            yield _Use(node.lineno, dotted)
        elif isinstance(node, ast.Name) and node.id in builtins:
            yield _Use(node.lineno, node.id)


def _dotted(node: ast.expr, known: Mapping[str, str]) -> str:
    """Return what an attribute of an imported name is called in full, "" for attributes of anything else."""
    if isinstance(node, ast.Name):
        return known.get(node.id, "")
    if isinstance(node, ast.Attribute) and (owner := _dotted(node.value, known)):
        return f"{owner}.{node.attr}"
    return ""


def _covering(name: str, table: Mapping[str, str]) -> tuple[str, str]:
    """Return the entry of the table that is a dotted name, or holds it, and what it says; two "" for none."""
    while name and name not in table:
        name = name.rpartition(".")[0]
    return name, table.get(name, "")


@cache
def _sellers(module: str) -> frozenset[str]:
    """Return the distributions that bring a module; its own name when none is installed."""
    return frozenset(canonicalize_name(name) for name in _distributions().get(module, [module]))


@cache
def _distributions() -> Mapping[str, list[str]]:
    return packages_distributions()
