"""What is wrong with the settings of an automation in this bot: desks and markets that it does not have, and arguments
that a verb does not take.

What watches nothing never fires, and what is asked wrongly is refused when it fires, at night: both are told before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from loligo.config import LoligoConfig
from loligo.errors import BadArguments
from loligo.ports.tentacles import MakeContext
from loligo.registry.faults import did_you_mean
from loligo_automation import Act, AutomationSettings
from loligo_bot.door.inside import Inside
from loligo_bot.door.problems import checked


def made_of(inside: Inside, slot: str, settings: AutomationSettings) -> Any:
    """Return an automation with these settings that is at work nowhere; StopIteration when its tentacle is off."""
    loaded = next(one for one in inside.reconciler.running.loaded if one.entry.slot == slot)
    return loaded.create(settings, MakeContext())


def faults_of(config: LoligoConfig, made: Any, settings: AutomationSettings, prefix: str) -> dict[str, str]:
    """Return a sentence for each setting that cannot do here, by its path, which begins with `prefix`."""
    return _not_there(config, settings, prefix) | _not_asked_right(made.acts(), settings, prefix)


def _not_there(config: LoligoConfig, settings: AutomationSettings, prefix: str) -> dict[str, str]:
    accounts = [f"account:{name}" for name in config.accounts]
    instruments = [f"{venue}:{symbol}" for venue, one in config.venues.items() for symbol in one.instruments]
    known = {"desk": [*config.desks, *accounts, "*"], "instrument": instruments}
    faults = {}
    for path, value in _leaves(settings.model_dump(mode="json"), prefix):
        expected = known.get(path.rpartition(".")[2])
        if expected and value and value not in expected and ".arguments." not in path:
            meant = did_you_mean(str(value), expected) or f"; expected one of {', '.join(expected)}"
            faults[path] = f'{path} = "{str(value)[:60]}": the bot has none of that name{meant}'
    return faults


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict | list):
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(inner, f"{path}.{name}")
    else:
        yield path, value


def _not_asked_right(acts: Sequence[Act], settings: AutomationSettings, prefix: str) -> dict[str, str]:
    from loligo_bot.door.catalogue import OFFERS  # which is made of those that ask here, too

    verbs = {offer.verb.name: offer.verb for offer in OFFERS}
    path = f"{prefix}.{'arguments' if 'arguments' in type(settings).model_fields else 'actions'}"
    faults = {}
    for act in acts:
        try:
            checked(verbs[act.verb].arguments, act.arguments, act.verb)
        except BadArguments as exc:
            faults[path] = f"{path}: {exc}"
        except KeyError:
            faults[path] = f'{path}: there is no verb "{act.verb}"'
    return faults
