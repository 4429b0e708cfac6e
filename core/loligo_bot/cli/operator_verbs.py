"""What an operator tells a running bot: status, stop, panic, pause, resume. All go over its control socket."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from loligo_bot.cli.outcome import RiskInForce
from loligo_bot.cli.output import Shell, show_pairs

PANIC_LEVELS = ("no-entries", "cancel-orders", "flatten")
STOP_LIMIT_S = 30.0
COMMAND_LIMIT_S = 10.0

Target = Annotated[str, typer.Argument(help='A desk, an account as "account:NAME", or "*" for everything.')]


def status(
    context: typer.Context,
    check: Annotated[bool, typer.Option("--check", help="Exit with 7 while the kill switch is on.")] = False,
) -> None:
    """Say how the running bot is."""
    shell: Shell = context.obj
    answer = _ask(shell, {"do": "status"})
    state: dict[str, Any] = answer.get("status", {})
    shown = {**state, **({"tentacles": _brief(state["tentacles"])} if "tentacles" in state else {})}
    shell.result(answer, lambda console: show_pairs(console, shown))
    if check and state.get("kill_switch"):
        raise RiskInForce(f"the kill switch is at level {state['kill_switch']}; `loligo resume` turns it off")


def stop(context: typer.Context) -> None:
    """Stop the running bot: it takes its last input, commits, and leaves a snapshot. Open orders stay."""
    from loligo.errors import LoligoError
    from loligo_bot.control_socket import running_pid

    shell: Shell = context.obj
    pid = running_pid(shell.home)
    answer = _ask(shell, {"do": "stop"})
    deadline = time.monotonic() + STOP_LIMIT_S
    while running_pid(shell.home) is not None:
        if time.monotonic() > deadline:
            raise LoligoError(f"pid {pid} is still stopping after {STOP_LIMIT_S:g} s; see its log")
        time.sleep(0.05)
    shell.result({**answer, "message": "stopped", "pid": pid}, lambda console: console.print(f"stopped, pid {pid}"))


def panic(
    context: typer.Context,
    level: Annotated[
        str, typer.Option(help="1 no-entries, 2 cancel-orders, 3 flatten; each includes the lower ones.")
    ] = "cancel-orders",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask back before closing positions.")] = False,
) -> None:
    """Pull the kill switch: no new entries, by level also cancel all entry orders and close all positions."""
    name = _level(level)
    shell: Shell = context.obj
    if name == "flatten" and not yes and sys.stdin.isatty():
        typer.confirm("Close all positions at the market?", abort=True, err=True)
    _order(shell, "panic", level=name)


def pause(context: typer.Context, target: Target = "*") -> None:
    """Let no new entries through. Exits, stops and targets stay at work."""
    _order(context.obj, "pause", target=target)


def resume(context: typer.Context, target: Target = "*") -> None:
    """Let entries through again: lifts pauses, and with "*" the kill switch too."""
    _order(context.obj, "resume", target=target)


def _brief(tentacles: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return the phases of tentacles in words, and how many are good; --json has all of each."""
    others = {name: one for name, one in tentacles.items() if one["phase"] != "good"}
    words = {name: f"{one['phase']} {one['reason']}".strip() for name, one in others.items()}
    return {"good": str(len(tentacles) - len(others)), **words}


def _level(text: str) -> str:
    names = {name: name for name in PANIC_LEVELS} | {str(number): name for number, name in enumerate(PANIC_LEVELS, 1)}
    if text not in names:
        raise typer.BadParameter(f'"{text}": expected one of {", ".join(names)}', param_hint="--level")
    return names[text]


def _order(shell: Shell, verb: str, **arguments: str) -> None:
    from loligo.errors import LoligoError
    from loligo_bot.cli.control_client import ask_verb

    answer = ask_verb(shell.home, verb, arguments, timeout_s=COMMAND_LIMIT_S)
    if not answer["ok"]:
        raise LoligoError(str(answer["answer"]["message"]))
    shell.lines({"ok": True, **answer["answer"]}, answer["lines"])


def _ask(shell: Shell, request: dict[str, Any], timeout_s: float = 5.0) -> dict[str, Any]:
    """Return the bot's answer. LoligoError with its words when it refuses."""
    from loligo.errors import LoligoError
    from loligo_bot.cli.control_client import ask

    answer = ask(shell.home, request, timeout_s)
    if not answer.get("ok"):
        raise LoligoError(str(answer.get("error") or answer.get("message") or answer))
    return answer


VERBS = (status, stop, panic, pause, resume)
