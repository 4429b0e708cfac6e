"""What commands print: exactly one JSON object with --json, a table or lines for people without it."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from loligo.ports.runner import Runner


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """The global options of one call, and how its results are printed."""

    home: Path
    is_json: bool = False
    is_quiet: bool = False
    is_plain: bool = False  # no colours
    began_s: float = field(default_factory=time.monotonic)

    @property
    def is_live(self) -> bool:
        """Say whether a person watches: progress may be drawn."""
        return sys.stderr.isatty() and not (self.is_json or self.is_quiet)

    def result(self, data: Mapping[str, Any], show: Callable[[Console], None]) -> None:
        """Print the result of a command: `data` as JSON, or what `show` draws; nothing for people when quiet."""
        if self.is_json:
            sys.stdout.write(json.dumps(data, default=str, ensure_ascii=False) + "\n")
        elif not self.is_quiet:
            show(self.console())

    def lines(self, data: Mapping[str, Any], lines: Sequence[str]) -> None:
        """Print a result: `data` as JSON, or these lines as they are."""

        def show(console: Console) -> None:
            for line in lines:
                console.print(line, markup=False, soft_wrap=True)

        self.result(data, show)

    def instant(self, text: str | None, option: str) -> str | None:
        """Return the text of a time as it is. BadParameter for one that is none."""
        from loligo.errors import ConfigError
        from loligo.model.timeframe import ns_from_iso

        try:
            if text:
                ns_from_iso(text)
        except ConfigError as exc:
            raise typer.BadParameter(f"{option}: {exc}") from exc
        return text

    def runner(self) -> Runner:
        """Return what runs the folder's desks over history, for the verbs of other packages."""
        from loligo.log import configure
        from loligo_bot.backtest import run_backtest

        configure(level="warning")
        return run_backtest

    @property
    def bundled(self) -> Path:
        """Return where the tentacles lie that came with Loligo."""
        from loligo.host import bundled_root

        return bundled_root()

    def judge(self, *version: Any) -> None:
        """Say whether a version may be loaded, for the verbs of other packages; see `loligo_bot.judgement`."""
        from loligo_bot.judgement import judge

        judge(*version)

    def used_at(self, slot: str) -> list[str]:
        """Return the places of the folder's configuration that use a tentacle. ConfigError when it cannot be read."""
        from loligo.config.load import CONFIG_FILE
        from loligo_bot.folder_config import read_config
        from loligo_bot.settings_check import used_at

        return used_at(read_config(self.home), slot) if (self.home / CONFIG_FILE).exists() else []

    def ask(self, request: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        """Return the answer of the bot that runs here, for the verbs of other packages. NotRunning when none does."""
        from loligo_bot.cli.control_client import ask

        return ask(self.home, request, timeout_s)

    def standing(self, slot: str) -> Mapping[str, Any]:
        """Return phase, generation and last good version of a tentacle, kind/name; see `loligo_bot.history`."""
        from loligo.host import Host
        from loligo_bot.cli.standing import standings_in
        from loligo_kit.lock import admission

        host = Host(self.home, self.bundled, admission(self.home))
        host.load_all()
        return standings_in(self, host.list()).get(slot, {})

    def followed(self, why: str) -> Mapping[str, Any] | None:
        """Return what the bot that runs here made of a change of its files, None when none runs: `ok`, and `lines` for
        people. For the verbs of other packages; see `loligo_bot.cli.swap_verbs`."""
        from loligo_bot.cli.swap_verbs import followed

        return followed(self.home, why, time.monotonic() - self.began_s)

    def note(self, text: str) -> None:
        """Tell a person something that is not the result."""
        if not (self.is_json or self.is_quiet):
            self.console(stderr=True).print(text, style="dim", markup=False, highlight=False, soft_wrap=True)

    def console(self, *, stderr: bool = False) -> Console:
        from rich.console import Console

        plain = True if self.is_plain or "NO_COLOR" in os.environ else None
        stream = sys.stderr if stderr else sys.stdout
        return Console(file=stream, no_color=plain, width=None if stream.isatty() else 160, highlight=False)


def check_one_of(option: str, given: str | None, known: Iterable[str]) -> None:
    """BadParameter when an option is given and names none of what there is."""
    from loligo.registry.faults import did_you_mean

    words = [str(each) for each in known]
    if given is not None and given not in words:
        raise typer.BadParameter(f"{option} {given}: expected one of {', '.join(words)}{did_you_mean(given, words)}")


def show_table(console: Console, columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str = "") -> None:
    """Draw rows; columns whose every value is a number stand to the right."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for index, name in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[index], int | float) for row in rows)
        table.add_column(
            name,
            justify="right" if numeric else "left",
            overflow="fold",
            no_wrap=name in ("ts", "time", "opened_at", "closed_at"),
        )
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row))
    console.print(table)


def show_pairs(console: Console, pairs: Mapping[str, Any]) -> None:
    """Draw names with their values, nested ones indented by their name."""
    show_table(console, ("", ""), [(name, value) for name, value in _flat(pairs, "")])


def _flat(pairs: Mapping[str, Any], prefix: str) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for name, value in pairs.items():
        if isinstance(value, Mapping) and value:
            rows += _flat(value, f"{prefix}{name}.")
        else:
            rows.append((f"{prefix}{name}", _cell(value) if value not in ({}, []) else "-"))
    return rows


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.4f}".rstrip("0").rstrip(".") if abs(value) < 10 else f"{value:,.2f}"
    return "" if value is None else str(value)
