"""The books: postings of the double-entry ledger, positions and closed trades. All amounts are exact."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec

from loligo.model.market import Side

HOUSE_BOOK = "house"  # deposits not given to a desk, dust and foreign trades
MARKET_BOOK = "market"  # the other side of every fill, fee, funding payment and deposit: sums with the rest to zero


class PostingKind(StrEnum):
    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    ALLOCATION = "allocation"  # between the house and a desk
    FILL = "fill"
    FEE = "fee"
    FUNDING = "funding"
    DUST = "dust"  # less than a lot, which cannot be sold, from a desk to the house
    LIQUIDATION = "liquidation"


class Posting(msgspec.Struct, frozen=True, array_like=True):
    """One line of a booking: `amount` of `asset` added to `book` of `account`. A booking sums to zero per asset."""

    account: str
    book: str  # a desk's name, HOUSE_BOOK or MARKET_BOOK
    asset: str
    amount: Decimal


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """What a desk holds of an instrument: `quantity` is signed, negative when short. Realised figures are in quote
    units since the position was last flat; `average_entry` is rounded and for display."""

    desk: str
    account: str
    instrument: str
    quantity: Decimal
    average_entry: Decimal
    realised: Decimal
    fees: Decimal
    funding: Decimal
    opened_at_ns: int


class ClosedTrade(msgspec.Struct, frozen=True, kw_only=True):
    """A round trip, from flat to flat. Amounts in quote units; `net = gross - fees - funding`. A fee in the base asset
    counts at the price of its fill; dust that was left counts as lost.

    `side` is that of the entry; prices are quantity-weighted averages, rounded, for display.
    """

    desk: str
    account: str
    instrument: str
    side: Side
    quantity: Decimal
    entry_price: Decimal
    exit_price: Decimal
    opened_at_ns: int
    closed_at_ns: int
    gross: Decimal
    fees: Decimal
    funding: Decimal
    net: Decimal
    exit_role: str  # role of the order that closed it: stop, target, trail, exit, flatten, liquidation
    entry_order_id: str
    quote_rate: float = 1.0  # of a quote unit, the newest when it closed, in the account's reference currency
