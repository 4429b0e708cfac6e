"""The verb tentacle.apply: what the files want is taken up on the terms that are given, or tried as an experiment.

as experiment: the version on disk ─► content store ─► a desk beside the control runs it; the registry goes back to
               what runs, so that the control stays as it is until the challenger is promoted
"""

from __future__ import annotations

from functools import partial

from pydantic import Field

from loligo.config import LoligoConfig
from loligo.errors import BadArguments, ConfigError
from loligo.ports.door import Role
from loligo.registry.registry_file import RegistryEntry, editing
from loligo.registry.tree import hash12
from loligo_bot.door.exchanging import Changing, Exchanged, exchanged
from loligo_bot.door.experiment_starting import NewExperiment, begin
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Asked, Offer, changing
from loligo_bot.door.tentacles import folder
from loligo_bot.experiments.arms import names_of
from loligo_bot.generation import Generation
from loligo_bot.wish import How, When, Wish

KINDS = ("strategy", "trading_mode", "evaluator")  # of which two versions can stand side by side


class Apply(Changing):
    """How the files are taken up."""

    when: When | None = Field(
        default=None, description="now, candle (after the next one) or flat (when nothing is held)"
    )
    how: How | None = Field(default=None, description="replace, shadow (compare, then let it go) or experiment")
    inputs: int | None = Field(default=None, ge=1, description="compare over so many inputs")
    desk: str | None = Field(default=None, description="experiment: the control; by default the one that uses it")
    days: int = Field(default=60, ge=21, le=3_650, description="experiment: planned")


async def apply(inside: Inside, asked: Asked, given: Apply) -> Exchanged:
    """Take up what registry and configuration say now."""
    if given.how is How.EXPERIMENT:
        return await canary(inside, asked, given)
    wish = Wish(by=asked.actor.name, why=given.why, when=given.when, how=given.how, inputs=given.inputs)
    return exchanged(await inside.swap(wish, given.patience_s))


async def canary(inside: Inside, asked: Asked, given: Apply) -> Exchanged:
    """Let the one version that would come run beside the one that runs, as an arm of an experiment."""
    wanted = await inside.reconciler.look()
    running = inside.reconciler.running
    kind, name, tree_hash = _one_new(running, wanted)
    control = _control(inside.config, f"{kind}/{name}", given.desk)
    await inside.read(partial(_put_back, inside, running, f"{kind} {name}"))
    label = f"{name[:20]}_{tree_hash.partition(':')[2][:6]}"
    new = NewExperiment(
        name=label,
        control=control,
        versions={f"{kind}/{name}": tree_hash},
        days=given.days,
        why=given.why,
        patience_s=given.patience_s,
    )
    done, _ = await begin(inside, asked, new)
    if inside.config.swap.watch:
        return done
    swap = await inside.swap(Wish(by=asked.actor.name, why=given.why), given.patience_s)  # that is what was asked for
    return exchanged(swap, before=f"experiment {label} begins")


def _one_new(running: Generation, wanted: Generation) -> tuple[str, str, str]:
    """Return kind, name and hash of what would come. BadArguments unless it is one version of one tentacle."""
    now = running.code()
    new = [item for item in wanted.loaded if now.get(item.entry.slot) not in (None, item.tree_hash)]
    if len(new) != 1 or new[0].kind not in KINDS:
        found = ", ".join(f"{item.entry.slot} {hash12(item.tree_hash)}" for item in new) or "nothing"
        told = f"how = experiment: expected another version of one strategy, trading mode or evaluator; found {found}"
        raise BadArguments(told, {"how": told})
    return new[0].kind, new[0].name, new[0].tree_hash


def _control(config: LoligoConfig, tentacle: str, wanted: str | None) -> str:
    using = [name for name, desk in config.desks.items() if tentacle in names_of(desk.model_dump(mode="json"))]
    if wanted is None and len(using) == 1:
        return using[0]
    if wanted not in using:
        listed = ", ".join(using) or "no desk"
        given = f'desk = "{wanted}"' if wanted else "desk"
        told = f"{given}: {tentacle} is used by {listed}; name one of them as the control"
        raise BadArguments(told, {"desk": told})
    return wanted


def _put_back(inside: Inside, running: Generation, slot: str) -> None:
    """Let the registry want what runs. ConfigError when that was changed meanwhile."""
    ran = next(item for item in running.loaded if item.entry.slot == slot)
    with editing(folder(inside).registry) as entries:
        entry = entries.get(slot)
        if entry is None:
            raise ConfigError(f"{slot} has gone from the registry meanwhile; look at it and try again")
        source = "local" if entry.source == "bundled" else entry.source
        entries[slot] = _as_it_runs(entry, ran.entry, ran.tree_hash, source)


def _as_it_runs(entry: RegistryEntry, ran: RegistryEntry, tree_hash: str, source: str) -> RegistryEntry:
    changes = {"version": ran.version, "tree_hash": tree_hash, "path": None, "source": source, "packages": ran.packages}
    return entry.model_copy(update=changes)


OFFERS: tuple[Offer, ...] = (
    changing("tentacle.apply", "take up what registry and configuration say now", Role.ADMIN, Apply, Exchanged, apply),
)
