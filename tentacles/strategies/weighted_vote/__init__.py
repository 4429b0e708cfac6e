"""The weighted_vote strategy: its hook."""

from __future__ import annotations

from loligo.api import Factory, hookimpl

from .logic import WeightedVote, WeightedVoteSettings


@hookimpl
def strategy() -> Factory:
    return Factory(settings=WeightedVoteSettings, create=WeightedVote)
