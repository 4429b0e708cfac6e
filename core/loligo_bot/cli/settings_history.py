"""`loligo config history`, `diff` and `undo`: every configuration that ran, by the number of its generation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loligo_bot.cli.output import Shell, show_table

if TYPE_CHECKING:
    from loligo_bot.recipe import Recipe

NOW = "now"
MOST_LINES = 6  # of one generation in a table; `diff` has all


@dataclass(frozen=True, slots=True)
class _Past:
    """The generations of a journal that ran, oldest first, and how the wishes for them ended."""

    home: Path
    generations: list[dict[str, Any]]
    swaps: Mapping[int, Mapping[str, Any]]

    def recipe(self, number: int) -> Recipe:
        """Return the settings of a generation. NothingToDo when there is none of that number."""
        from loligo.model.command import SlotVersion
        from loligo.registry.content import CONTENT_FOLDER, ContentStore
        from loligo_bot.cli.outcome import NothingToDo
        from loligo_bot.recipe import read_recipe

        found = [row for row in self.generations if row["number"] == number]
        if not found:
            known = ", ".join(str(row["number"]) for row in self.generations[-20:])
            raise NothingToDo(f"there is no generation {number}; the newest ones that ran: {known or 'none'}")
        slots = tuple(SlotVersion(*slot) for slot in found[-1]["slots"])
        return read_recipe(ContentStore(self.home / CONTENT_FOLDER), slots)


def history(
    context: typer.Context, limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 20
) -> None:
    """Show which settings ran: generation, when, who, why, and what they changed against those before."""
    from loligo.errors import JournalError
    from loligo.model.timeframe import iso
    from loligo_bot.recipe import differences

    shell: Shell = context.obj
    told: list[dict[str, Any]] = []
    before: Recipe | None = None
    with _past(shell.home) as past:
        for row in past.generations:
            swap = past.swaps.get(row["number"], {})
            words = {name: swap.get(name, "") for name in ("by", "why")}
            entry = {"number": row["number"], "time": iso(row["ts"]), "phase": row["phase"], **words}
            try:
                recipe = past.recipe(row["number"])
            except JournalError as exc:
                told.append({**entry, "changed": [], "lost": str(exc)})
                continue
            changed = [str(one) for one in differences(before, recipe)] if before is not None else []
            if before is None or changed:
                told.append({**entry, "changed": changed})
            before = recipe
    rows = [(str(one["number"]), one["time"][:19], one["by"], one["why"], one["phase"], _brief(one)) for one in told]
    columns = ("generation", "time", "by", "why", "phase", "changed")
    data = {"ok": True, "settings": told[-limit:]}
    shell.result(data, lambda console: show_table(console, columns, rows[-limit:]))


def diff(
    context: typer.Context,
    number: Annotated[
        int, typer.Argument(min=1, metavar="N", help="A generation; `loligo config history` lists them.")
    ],
    other: Annotated[
        int | None, typer.Argument(min=1, metavar="M", help="Another one; what the files say now by default.")
    ] = None,
) -> None:
    """Show what differs between the settings of two generations, the registry included."""
    from loligo_bot.recipe import differences

    shell: Shell = context.obj
    with _past(shell.home) as past:
        found = differences(past.recipe(number), past.recipe(other) if other is not None else _now(shell.home))
    lines = [{"key": ".".join(one.way), "before": one.before, "after": one.after} for one in found]
    data = {"ok": True, "from": number, "to": other or NOW, "differences": lines}
    rows = [(line["key"], *one.values.split(" → ", 1)) for line, one in zip(lines, found, strict=True)]
    columns = ("setting", f"generation {number}", f"generation {other}" if other is not None else NOW)
    if not rows:
        shell.result(data, lambda console: console.print("nothing differs"))
        return
    shell.result(data, lambda console: show_table(console, columns, rows))


def undo(
    context: typer.Context,
    number: Annotated[
        int | None,
        typer.Argument(min=1, metavar="N", help="A generation; by default the newest that had other settings."),
    ] = None,
) -> int:
    """Write the settings of an earlier generation into config/loligo.yaml; a running bot takes them up."""
    from loligo_bot.recipe import differences
    from loligo_bot.undo import undo_settings

    shell: Shell = context.obj
    now = _now(shell.home)
    with _past(shell.home) as past:
        number = number if number is not None else _newest_other(past, now)
        wanted = past.recipe(number)
    changed = [str(one) for one in differences(now, wanted) if one.way[0] != "tentacles"]
    registry = [str(one) for one in differences(now, wanted) if one.way[0] == "tentacles"]
    data: dict[str, Any] = {"ok": True, "generation": number, "changed": changed, "registry": registry}
    lines = changed or [f"config/loligo.yaml has the settings of generation {number} already"]
    if changed:
        done = undo_settings(shell.home, now, wanted)
        lines += [f"the file before is {done.previous}"]
        lines += [f"comments were lost at {', '.join(done.rewritten)}"] if done.rewritten else []
        data |= {"previous": str(done.previous), "comments_lost_at": done.rewritten}
    if registry:
        lines += [f"the registry differs, too, and stays: {len(registry)} entries; `loligo config diff {number}` lists"]
    bot = shell.followed(f"config undo to generation {number}") if changed else None
    data |= {"running_bot": bot, "ok": bot["ok"]} if bot is not None else {}
    lines += bot["lines"] if bot is not None else []
    shell.lines(data, lines)
    return 0 if data["ok"] and changed else 1 if changed else 4


def _newest_other(past: _Past, now: Recipe) -> int:
    """Return the newest generation whose settings are not those of now."""
    from loligo_bot.cli.outcome import NothingToDo

    masked = now.masked().config
    for row in reversed(past.generations):
        if past.recipe(row["number"]).config != masked:
            return int(row["number"])
    raise NothingToDo("no generation had other settings than those of now; there is nothing to undo")


def _now(home: Path) -> Recipe:
    from loligo.host import Host, bundled_root
    from loligo.registry.registry_file import load_registry
    from loligo_bot.assembly import read_config
    from loligo_bot.recipe import recipe_of

    return recipe_of(read_config(home), load_registry(Host(home, bundled_root()).registry_path))


@contextmanager
def _past(home: Path) -> Iterator[_Past]:
    from loligo_bot.cli.journal_verbs import caught_up, open_journal
    from loligo_store.projector import Projector

    with open_journal(home) as engine:
        rows = caught_up(Projector(engine))
        ran = [row for row in rows.rows("generations") if row["phase"] in ("good", "probation", "rolled_back")]
        yield _Past(home, ran, {row["number"]: row for row in rows.rows("swaps")})


def _brief(entry: Mapping[str, Any]) -> str:
    changed = entry["changed"]
    more = [f"and {len(changed) - MOST_LINES} more"] if len(changed) > MOST_LINES else []
    return entry.get("lost") or "\n".join([*changed[:MOST_LINES], *more])


VERBS = (history, diff, undo)
