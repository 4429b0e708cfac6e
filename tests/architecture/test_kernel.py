"""What must hold of the source as a whole: the kernel's size, who may approve, names, folders, documented API."""

from __future__ import annotations

import ast
import inspect
import io
import tokenize
from pathlib import Path

import loligo.api

ROOT = Path(__file__).resolve().parents[2]
KERNEL = ROOT / "core" / "loligo"
SOURCES = sorted(path for folder in ("core", "web", "tentacles") for path in (ROOT / folder).rglob("*.py"))
LIMIT = 6000
FOLDERS = {"core", "tentacles", "config", "web", "tests"}
NOT_OURS = {"state", "data", "logs", "reports", "dist", "build", "node_modules"}  # what runs and builds leave behind
UNCOUNTED = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


def code_lines(source: str) -> int:
    """Return how many lines hold code: not blank, not only a comment, not part of a docstring."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in UNCOUNTED:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and ast.get_docstring(node):
                lines.difference_update(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    return len(lines)


def test_code_lines_are_counted_without_docstrings_comments_and_blanks() -> None:
    before = '"""Module."""\n\nX = """a\nb"""  # two\n\n\n'
    source = before + 'def f() -> int:\n    """One.\n\n    Two."""\n    # why\n    return 1\n'
    assert code_lines(source) == 4  # X over two lines, def, return


def test_the_kernel_stays_small() -> None:
    parts: dict[str, int] = {}
    for path in sorted(KERNEL.rglob("*.py")):
        room = path.relative_to(KERNEL).parts[0]
        parts[room] = parts.get(room, 0) + code_lines(path.read_text())
    assert sum(parts.values()) <= LIMIT, f"{sum(parts.values())} code lines of {LIMIT}: {parts}"


def makes(node: ast.AST, name: str) -> bool:
    """Return whether a call makes a value of this class, or hands the class to something that may."""
    if not isinstance(node, ast.Call) or ast.unparse(node.func) in ("isinstance", "issubclass"):
        return False
    return any(ast.unparse(part).rpartition(".")[2] == name for part in (node.func, *node.args))


def test_only_the_risk_stage_makes_an_approval() -> None:
    trees = {path.relative_to(ROOT).as_posix(): ast.walk(ast.parse(path.read_bytes())) for path in SOURCES}
    makers = {path for path, nodes in trees.items() if any(makes(node, "Approved") for node in nodes)}
    assert makers == {"core/loligo/engine/risk.py"}


def test_no_module_is_a_drawer_for_odds_and_ends() -> None:
    drawers = {"utils", "util", "common", "helpers", "helper", "constants", "misc"}
    assert [path for path in SOURCES if drawers & {path.stem, path.parent.name}] == []


def test_the_top_level_is_fixed() -> None:
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")}
    assert {name for name in folders - NOT_OURS if not name.endswith(".egg-info")} == FOLDERS


def test_every_class_and_function_of_the_api_says_what_it_is() -> None:
    bare = []
    for name in loligo.api.__all__:
        value = getattr(loligo.api, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            text = vars(value).get("__doc__") if inspect.isclass(value) else value.__doc__
            if not text or text.startswith(f"{name}("):  # dataclasses write a docstring of their own
                bare.append(name)
    assert bare == []


def test_all_names_of_the_api_exist_and_are_listed_once() -> None:
    assert len(set(loligo.api.__all__)) == len(loligo.api.__all__)
    assert [name for name in loligo.api.__all__ if not hasattr(loligo.api, name)] == []
