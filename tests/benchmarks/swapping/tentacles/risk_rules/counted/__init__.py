"""Lets everything pass and says how often it was asked, about requests and about marks."""

from __future__ import annotations

from loligo.api import (
    ActionKind,
    Factory,
    MakeContext,
    OrderRequest,
    PlainState,
    RiskAction,
    RiskView,
    TentacleSettings,
    Tier,
    Verdict,
    hookimpl,
    passed,
)

VERSION = 0


class Settings(TentacleSettings):
    pauses_below: float = 1.0  # equity of the desk


class Counted:
    state_version = 1
    tier = Tier.POSITION

    def __init__(self, settings: Settings, context: MakeContext) -> None:
        self.asked = 0
        self.own = 0  # calls of this very instance
        self.checked = 0
        self.pauses_below = settings.pauses_below

    def watch(self, view: RiskView) -> RiskAction | None:
        self.own += 1
        self.asked += 1
        said = RiskAction(ActionKind.PAUSE, "poor") if view.equity < self.pauses_below else None
        return said  # answer

    def check(self, request: OrderRequest, view: RiskView) -> Verdict:
        self.checked += 1
        return passed("counted", float(self.checked), float(self.asked))

    def export_state(self) -> PlainState:
        return {"asked": self.asked, "checked": self.checked}

    def restore_state(self, state: PlainState) -> None:
        self.asked = state["asked"]
        self.checked = state["checked"]


@hookimpl
def risk_rule() -> Factory:
    return Factory(settings=Settings, create=Counted)
