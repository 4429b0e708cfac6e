"""What is wrong with the settings of an automation in this bot: desks and markets that it does not have, and arguments
that a verb does not take.

What watches nothing never fires, and what is asked wrongly is refused when it fires, at night: both are told before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from loligo.config import LoligoConfig
from loligo.config.layers import dotted
from loligo.errors import BadArguments
from loligo.ports.tentacles import MakeContext
from loligo_automation import Act, AutomationSettings
from loligo_bot.door.inside import Inside
from loligo_bot.door.problems import checked
from loligo_bot.settings_check import not_there


def made_of(inside: Inside, slot: str, settings: AutomationSettings) -> Any:
    """Return an automation with these settings that is at work nowhere; StopIteration when its tentacle is off."""
    loaded = next(one for one in inside.reconciler.running.loaded if one.entry.slot == slot)
    return loaded.create(settings, MakeContext())


def faults_of(config: LoligoConfig, made: Any, settings: AutomationSettings, prefix: str) -> dict[str, str]:
    """Return a sentence for each setting that cannot do here, by its path, which begins with `prefix`."""
    lost = {dotted(path): (value, said) for path, value, said in not_there(config, settings, (prefix,))}
    faults = {path: f'{path} = "{value}": {said}' for path, (value, said) in lost.items()}
    return faults | _not_asked_right(made.acts(), settings, prefix)


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
