"""For authors of tentacles: what their tests and `loligo tentacle check` are made of.

`check` is the conformance kit. `SimulatedDesk` lets a tentacle work in the real engine, against the simulated venue.
`ReplayClock` is time that a test moves, `CollectingInbox` keeps what a feed publishes, and `Filled...` are what
tentacles are shown, filled by hand. `loligo_testing.tape` makes candles, trades, quotes, books and news. A tentacle
imports none of it: its tests do.
"""

from loligo_testing import tape
from loligo_testing.clock import ReplayClock
from loligo_testing.desk import DeskRun, SimulatedDesk
from loligo_testing.inbox import CollectingInbox
from loligo_testing.kit import check
from loligo_testing.report import Award, Check, Outcome, Report
from loligo_testing.tape import BTC
from loligo_testing.views import FilledBoard, FilledDeskView, FilledInput, FilledRiskView

__all__ = [
    "BTC",
    "Award",
    "Check",
    "CollectingInbox",
    "DeskRun",
    "FilledBoard",
    "FilledDeskView",
    "FilledInput",
    "FilledRiskView",
    "Outcome",
    "ReplayClock",
    "Report",
    "SimulatedDesk",
    "check",
    "tape",
]
