"""`loligo run`."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, MutableMapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from functools import partial
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO, cast
from uuid import uuid4

import typer

from loligo_bot.cli.outcome import ExitCode
from loligo_bot.cli.output import Shell, show_table
from loligo_bot.cli.terminal import asking

if TYPE_CHECKING:
    from loligo.config import LoligoConfig
    from loligo.engine.engine import Engine
    from loligo_bot.assembly import Bot
    from loligo_bot.session import Observer

PAGE = "web"  # the interface that --page names
_BROWSER = "LOLIGO__WEB__OPEN_BROWSER"  # by which it is added
SCREENS = ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")
STAYS = "All data is read. The bot stays, and so does its page; Ctrl-C ends it with a summary."
UNTIL = "Stop at this time of the data, ISO 8601 such as 2019-07-01."


def run(
    context: typer.Context,
    headless: Annotated[
        bool, typer.Option("--headless", help="No live view; the log goes where it is set to go.")
    ] = False,
    speed: Annotated[
        float | None, typer.Option(min=0, help="Of replaying feeds: 1 real time, 0 as fast as it goes.")
    ] = None,
    until: Annotated[str | None, typer.Option(help=UNTIL)] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Put an existing journal aside and begin anew.")] = False,
    page: Annotated[
        bool, typer.Option("--page", help="With the page in the browser, also where the configuration names none.")
    ] = False,
    stay: Annotated[
        bool, typer.Option("--stay", help="When the feeds have ended, go on for those who look, until Ctrl-C.")
    ] = False,
    safe: Annotated[
        bool | None,
        typer.Option("--safe/--no-safe", help="Leave out tentacles of others; by itself after crashed starts."),
    ] = None,
) -> None:
    """Run the bot in the foreground. Ctrl-C or SIGTERM stops it cleanly; the next run goes on where it stopped.

    Ends with 0, after Ctrl-C (SIGINT) with 130 unless that ended a bot that stayed, and with 1 when something had to be
    cut off.
    """
    from loligo_bot.folder_config import read_config
    from loligo_bot.run import run_bot
    from loligo_bot.vault import unlock

    shell: Shell = context.obj
    until = shell.instant(until, "--until")
    unlock(shell.home, ask=asking())
    config = read_config(shell.home)
    if page:
        config = _with_page(shell.home, config)
    if fresh:
        _put_aside(shell, config)
    is_drawn = shell.is_live and not headless
    lines = _Lines()
    _configure_log(shell.home, config, is_drawn, lines)
    view, drawing = _view(shell, config) if is_drawn else (None, nullcontext())
    observers: tuple[Observer, ...] = () if view is None else (view.observe,)
    with drawing:
        summary = run_bot(
            shell.home,
            config,
            speed=speed,
            until=until,
            observers=observers,
            on_start=partial(_begin, view, lines),
            is_safe=safe,
            on_read=_staying(shell, view) if stay else None,
        )
    data = {"ok": summary.is_clean, **asdict(summary), "desks": _desks(shell.home, config)}
    shell.result(data, lambda console: _show_summary(console, data))
    if not summary.is_clean:
        raise typer.Exit(ExitCode.FAILURE)
    if summary.reason == f"signal {signal.SIGINT.name}" and not (stay and summary.is_read_to_end):
        raise typer.Exit(ExitCode.INTERRUPTED)


def _with_page(home: Path, config: LoligoConfig) -> LoligoConfig:
    """Return the configuration with the page, by the environment: there an exchange of tentacles finds it, too."""
    from loligo_bot.folder_config import read_config

    if any(one.tentacle == PAGE for one in config.interfaces):
        return config
    os.environ[_BROWSER] = json.dumps(_has_screen())
    found = read_config(home)
    if len(found.interfaces) > len(config.interfaces):
        return found
    # The profile names the interfaces, and one that is added would stand in for them: so all are named.
    del os.environ[_BROWSER]
    named = [one.model_dump(mode="json", exclude_defaults=True) for one in config.interfaces]
    os.environ["LOLIGO__INTERFACES"] = json.dumps(
        [*named, {"tentacle": PAGE, "settings": {"open_browser": _has_screen()}}]
    )
    return read_config(home)


def _has_screen() -> bool:
    """Say whether a browser can be shown: without a screen one made of text would take the terminal."""
    return sys.platform in ("darwin", "win32") or any(map(os.environ.get, SCREENS))


def _staying(shell: Shell, view: Any) -> Callable[[], object]:
    """Return what says that the feeds have ended and the bot has not."""

    def on_read() -> None:
        if view is not None:
            view.hint = STAYS
        else:
            shell.note(STAYS)

    return on_read


def _begin(view: Any, lines: _Lines, bot: Bot, _tasks: Any) -> None:
    """Put safe mode into the live view, and where the engine is into the log."""
    lines.engine = bot.engine
    if view is not None and bot.wanted.safe_mode:
        view.notice = f"SAFE MODE: {bot.wanted.safe_mode}; `loligo run --no-safe` starts with everything"


def _put_aside(shell: Shell, config: LoligoConfig) -> None:
    """Rename the journal's files. AlreadyRunning while a bot writes to them."""
    from loligo.errors import AlreadyRunning, ConfigError
    from loligo_bot.control_socket import running_pid
    from loligo_bot.replay.sessions import journal_address

    address = journal_address(shell.home, config.journal.get("url"))
    if not isinstance(address, Path):
        raise ConfigError("--fresh works for journals in a file; for a database set another journal.url")
    if (pid := running_pid(shell.home)) is not None:
        raise AlreadyRunning(f"{shell.home}: already running, pid {pid}; stop it first with `loligo stop`")
    if not address.exists():
        return
    number = 1
    while (aside := address.with_name(f"{address.name}.{number}")).exists():
        number += 1
    for suffix in ("", "-wal", "-shm"):
        old = address.with_name(f"{address.name}{suffix}")
        if old.exists():
            old.rename(aside.with_name(f"{aside.name}{suffix}"))
    shell.note(f"the journal before this run is {aside}")


def _configure_log(home: Path, config: LoligoConfig, is_drawn: bool, lines: _Lines) -> None:
    """Send the log where it is set to go; beside a live view, which owns the terminal, to a file at least."""
    import structlog

    from loligo import log
    from loligo_bot.log_file import RotatingLog, patient

    name = config.log.file or ("logs/loligo.log" if is_drawn else None)
    stream = RotatingLog(home / name) if name else patient(sys.stderr)
    log.configure(level=config.log.level, format=config.log.format, stream=cast(TextIO, stream))
    structlog.configure(processors=[lines, *structlog.get_config()["processors"]])


class _Lines:
    """Writes into each line which run of the bot it is from, as one file holds many, and the newest seq of the engine
    in those that do not tell of an event of their own."""

    def __init__(self) -> None:
        self.engine: Engine | None = None  # once it runs
        self._run = uuid4().hex[:8]

    def __call__(self, _logger: Any, _method: str, line: MutableMapping[str, Any]) -> dict[str, Any]:
        newest = {} if self.engine is None else {"seq": self.engine.next_seq - 1}
        return {**newest, **line, "run": self._run}


def _view(shell: Shell, config: LoligoConfig) -> tuple[Any, AbstractContextManager[Any]]:
    from rich.live import Live

    from loligo_bot.cli.live_view import LiveView

    view = LiveView({name: float(desk.capital) for name, desk in config.desks.items()})
    return view, Live(view, console=shell.console(stderr=True), refresh_per_second=8)


def _desks(home: Path, config: LoligoConfig) -> dict[str, dict[str, Any]]:
    """Return what each desk has done since its journal began."""
    from loligo_bot.replay.sessions import journal_address
    from loligo_store.database import open_engine
    from loligo_store.rows import ProjectionReader

    engine = open_engine(journal_address(home, config.journal.get("url")))
    reader = ProjectionReader(engine)
    try:
        return {name: _desk(reader, name, float(desk.capital)) for name, desk in sorted(config.desks.items())}
    finally:
        engine.dispose()


def _desk(reader: Any, name: str, capital: float) -> dict[str, Any]:
    trades = reader.rows("trades", desk=name)
    marks = reader.rows("equity", desk=name, limit=1)
    roles = [row["exit_role"] for row in trades]
    return {
        "equity": (capital if not marks else marks[0]["equity"]),  # null: the rate of a currency is missing
        "capital": capital,
        "trades": len(trades),
        "net": sum(float(row["net"]) * (row["quote_rate"] or nan) for row in trades),
        "fees": sum(float(row["fees"]) * (row["quote_rate"] or nan) for row in trades),
        "refusals": len(reader.rows("refusals", desk=name)),
        "exits": {role: roles.count(role) for role in sorted(set(roles))},
        "newest_trade": {"seq": trades[-1]["seq"], "order": trades[-1]["entry_order_id"]} if trades else None,
    }


def _show_summary(console: Any, data: dict[str, Any]) -> None:
    resumed = (
        f", continued from a journal ({data['recovered_records']:,} records read again)" if data["is_resumed"] else ""
    )
    console.print(f"ended: {data['reason']}; {data['records']:,} records in this run{resumed}", markup=False)
    rows = [
        (name, desk["equity"], desk["trades"], desk["net"], desk["fees"], desk["refusals"], _exits(desk["exits"]))
        for name, desk in data["desks"].items()
    ]
    show_table(console, ("desk", "equity", "trades", "net", "fees", "refused", "exits"), rows)
    newest = next((desk["newest_trade"] for desk in data["desks"].values() if desk["newest_trade"]), None)
    console.print("What to try next:")
    if newest is not None:
        console.print(f"  loligo why {newest['order']}      why that trade was made, from candle to fill", markup=False)
    console.print("  loligo journal show trades       what was traded; also orders, refusals, declined, equity")
    console.print("  loligo backtest --json           the same desks as a report")
    console.print("  loligo run --fresh               once more from the beginning")


def _exits(exits: dict[str, int]) -> str:
    return ", ".join(f"{role} {count}" for role, count in exits.items())


VERBS = (run,)
