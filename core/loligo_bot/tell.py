"""What is worth telling a person: closed trades, pauses, the kill switch, failing tentacles, operator commands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from loligo.model.events import CommandHandled, KillSwitchSet, Record, Resumed, RiskActed, TentacleFailed, TradeClosed
from loligo.ports.tentacles import Message


def messages_of(records: Sequence[Record]) -> Iterator[Message]:
    """Yield one message per event that a person should hear of."""
    for record in records:
        for event in record.events:
            if isinstance(event, TradeClosed):
                trade = event.trade
                text = f"{trade.desk}: {trade.side} {trade.quantity} {trade.instrument} closed by {trade.exit_role}"
                fields = {"net": str(trade.net), "entry": str(trade.entry_price), "exit": str(trade.exit_price)}
                yield Message(level="info", text=text, seq=event.seq, desk=trade.desk, fields=fields)
            elif isinstance(event, RiskActed):
                text = f"{event.scope}: {event.rule} ordered {event.action.kind} ({event.action.code})"
                numbers = {"numbers": " ".join(f"{number:g}" for number in event.action.numbers)}
                yield Message(level="warning", text=text, seq=event.seq, desk=event.desk, fields=numbers)
            elif isinstance(event, Resumed):
                yield Message(
                    level="info", text=f"{event.scope}: resumed by {event.by}", seq=event.seq, desk=event.desk
                )
            elif isinstance(event, KillSwitchSet):
                text = f"kill switch set to {int(event.level)} by {event.by or 'nobody named'}"
                yield Message(level="problem", text=text, seq=event.seq)
            elif isinstance(event, TentacleFailed):
                text = f"{event.tentacle} failed in {event.call}: {event.error}"
                yield Message(
                    level="problem", text=text, seq=event.seq, desk=event.desk, fields={"failures": str(event.count)}
                )
            elif isinstance(event, CommandHandled):
                yield Message(level="info", text=event.message, seq=event.seq, fields={"command": event.command_id})
