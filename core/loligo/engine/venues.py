"""Venues that answer inside the engine, with their calls bound to the instance that works now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from loligo.engine.plan import VenuePlan
from loligo.engine.recorder import Recorder
from loligo.engine.swap import Holder
from loligo.errors import DataError
from loligo.model.order import Order, VenueFailed, VenueReport

Said = Sequence[VenueReport]
_KINDS = tuple(VenueReport.__args__)


class Venue(Holder):
    """One venue (`loligo.ports.venue.EngineVenue`)."""

    def __init__(self, recorder: Recorder, plan: VenuePlan) -> None:
        super().__init__(recorder, plan.name, "", plan.name, plan.key, plan.make)
        self.bind()

    def bind(self) -> None:
        """Bind the calls anew; after each change of the instance, or of a twin."""

        def bound(name: str) -> Callable[..., Said]:
            call = self.call(name)
            assert call is not None  # the protocol has them all
            return call

        self.submit: Callable[[Order, int], Said] = bound("submit")
        self.cancel: Callable[[str, int, str], Said] = bound("cancel")
        self.amend: Callable[[str, int, Decimal, Decimal | None, Decimal | None], Said] = bound("amend")
        self.on_candle = bound("on_candle")
        self.on_tick = {kind: bound(f"on_{kind}") for kind in ("trade", "quote", "book")}
        self.on_funding = bound("on_funding")
        self.on_status = bound("on_status")
        self.settle: Callable[[str], Said] = bound("settle")
        self.advance_to: Callable[[int], Said] = bound("advance_to")


def accept_reports(said: Any) -> None:
    """DataError unless these are reports of a venue."""
    for report in said:
        if isinstance(report, VenueFailed):
            raise DataError(report.error)
        if not isinstance(report, _KINDS):
            raise DataError(f"it said {report!r}, which is not a VenueReport")
