"""Versions of the five tentacles that are exchanged: good ones, which behave alike, and twelve kinds of faulty ones.

A fault is an edit of the good source, as a person makes it. Those that the verifier would see in its trial are also
made so that it does not: they show only on an instance that has worked for longer than a trial lasts, so that engine
and watchdog are put to the test, and not the verifier alone.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

TENTACLES = Path(__file__).with_name("tentacles")
SWAPPED = {
    "evaluators/trend": 'Evaluation(float("nan"), "nan")',  # and what is no sound answer of its kind
    "evaluators/flow": 'Evaluation(float("nan"), "nan")',
    "strategies/turn": 'Signal(Direction.LONG, float("nan"), "nan")',
    "trading_modes/rester": '[CancelIntent("no order", float("nan"))]',
    "risk_rules/counted": 'RiskAction(ActionKind.PAUSE, "nan", until_ns=float("nan"))',
}
_LATE = {"trend": 19, "flow": 131, "turn": 19, "rester": 19, "counted": 300}  # calls of one instance in 300 events
_MAIN_CALL = {"trend": "on_candle", "flow": "on_trade", "turn": "decide", "rester": "on_signal", "counted": "check"}
_TRIED = 200  # calls; more than the verifier makes of one
_ASKED = "self.asked += 1\n"

Files = dict[str, str]
Fault = Callable[[str, str], str]  # tentacle, source -> source


def _before_answer(code: str) -> Fault:
    def edit(tentacle: str, source: str) -> str:
        when = code.replace("LATE", str(_LATE[tentacle.split("/")[1]]))
        return _edited(source, _ASKED, f"{_ASKED}        {when}\n")

    return edit


def _edited(source: str, old: str, new: str) -> str:
    if old not in source:
        raise ValueError(f"no {old!r} in the source: the fault would be none")
    return source.replace(old, new, 1)


def _answering(what: str) -> Fault:
    return lambda tentacle, source: _edited(
        source, "return said  # answer", f"return {what} if self.asked > {_TRIED} else said"
    )


def _without_call(tentacle: str, source: str) -> str:
    name = _MAIN_CALL[tentacle.split("/")[1]]
    return _edited(source, f"def {name}(", f"def {name}_(")


FAULTS: dict[str, Fault] = {
    "syntax error": lambda tentacle, source: source + "\ndef broken(:\n",
    "import of what is not there": lambda tentacle, source: _edited(
        source, "VERSION", "import no_such_module\n\nVERSION"
    ),
    "raises in the constructor": lambda tentacle, source: _edited(source, "self.asked = 0", "self.asked = 1 // 0"),
    "raises in restore_state": lambda tentacle, source: _edited(
        source, 'self.asked = state["asked"]', f'self.asked = state["asked" if state["asked"] <= {_TRIED} else "lost"]'
    ),
    "lacks a call": _without_call,
    "answers garbage": _answering("7"),
    "raises at its first call": _before_answer(f"if self.asked > {_TRIED}: raise OSError('first')"),
    "raises once it leads": _before_answer("if self.own == LATE: raise OSError('late')"),
    "answers NaN": lambda tentacle, source: _answering(SWAPPED[tentacle])(tentacle, source),
    "hangs": _before_answer("while self.own == LATE: pass"),
    "another state and no migration": lambda tentacle, source: _edited(
        source, "state_version = 1", "state_version = 2"
    ),
    "import that is not allowed": lambda tentacle, source: _edited(source, "VERSION", "import socket\n\nVERSION"),
}


def good(tentacle: str, number: int) -> Files:
    """Return the files of a version that behaves as all good ones do."""
    folder = TENTACLES / tentacle
    source = (folder / "__init__.py").read_text()
    return {
        "__init__.py": _edited(source, "VERSION = 0", f"VERSION = {number}"),
        "tentacle.toml": (folder / "tentacle.toml").read_text(),
    }


def faulty(tentacle: str, number: int, fault: str) -> Files:
    """Return the files of a version with this fault."""
    files = good(tentacle, number)
    files["__init__.py"] = FAULTS[fault](tentacle, files["__init__.py"])
    if "another state" in fault:
        files["tentacle.toml"] = _edited(files["tentacle.toml"], "[state]\nversion = 1", "[state]\nversion = 2")
    return files
