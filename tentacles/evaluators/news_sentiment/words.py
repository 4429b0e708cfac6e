"""The words by which a headline without a score is read. Compared in lower case, whole words only.

A word stands here when in market news it nearly always means the same for the price; words such as "high", "short" or
"bull" (as in "bull trap") that turn with their neighbours are left out.
"""

from __future__ import annotations

_BULLISH = """
adopt adopts adopted adoption approval approve approved approves beat beats breakthrough bullish buyback gain gains
gained grow grows growth inflow inflows integrate integrates integration launch launches launched optimism outperform
outperforms partner partners partnership profit profits rally rallies rallied rebound rebounds record recover recovers
recovery rise rises rising soar soars soared strong surge surges surged surging upgrade upgraded upgrades win wins
"""
_BEARISH = """
attack attacked ban banned bans bankrupt bankruptcy bearish collapse collapsed collapses crackdown crash crashed crashes
decline declined declines default defaults delist delisted delisting downgrade downgraded drop dropped drops exploit
exploited fall falling falls fear fears fell fine fined fraud hack hacked halt halted halts insolvency insolvent
investigation lawsuit layoffs liquidation liquidations loss losses lost outage outflow outflows plunge plunged plunges
probe recession reject rejected rejects scam slump slumps stolen sue sued sues suspend suspended tumble tumbled tumbles
vulnerability warning weak
"""
_NEGATIONS = "no not never without denies denied deny fails failed fail avoids avoided despite"

BULLISH, BEARISH, NEGATIONS = (frozenset(words.split()) for words in (_BULLISH, _BEARISH, _NEGATIONS))
