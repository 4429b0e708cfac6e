"""All verbs of the page itself. Those whose ground the bot does not offer are absent, as their pages are."""

from __future__ import annotations

from collections.abc import Mapping

from loligo.api import Door

from . import hooks_line, hooks_verbs, investor, shares_verbs
from .access import verbs as access_verbs
from .own import OwnVerb

_EVERY: tuple[tuple[str, tuple[OwnVerb, ...]], ...] = (  # the verb of the door that it needs, "" for none
    ("", access_verbs.VERBS),
    (hooks_line.VERB, hooks_verbs.VERBS),
    (investor.VERB, shares_verbs.VERBS),
)


def own_verbs(door: Door) -> Mapping[str, OwnVerb]:
    return {one.verb.name: one for need, verbs in _EVERY if not need or need in door.verbs for one in verbs}
