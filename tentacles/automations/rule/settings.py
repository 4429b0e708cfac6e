"""Settings of a rule: what fires it, under which conditions, what it does then."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from loligo.api import ConfigError, timeframe_ns
from loligo.api.automation import AutomationSettings

Trigger = Literal["price", "profit", "period", "drawdown", "holding", "volatility"]
Relation = Literal["above", "below", "crosses"]


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError) as exc:
        raise ValueError(f'"{text}": expected a time zone such as Europe/Berlin or UTC') from exc
    return text


def _clock(text: str) -> str:
    try:
        datetime.strptime(text, "%H:%M").replace(tzinfo=UTC)
    except ValueError as exc:
        raise ValueError(f'"{text}": expected a time of day such as 07:30') from exc
    return text


Zone = Annotated[str, AfterValidator(_zone)]
TimeOfDay = Annotated[str, AfterValidator(_clock)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Condition(_Part):
    """One thing that has to hold as well."""

    kind: Literal["hours", "desk", "position", "value"]
    desk: str = ""
    instrument: str = ""
    is_held: bool = True  # position: held, or not
    state: Literal["running", "paused"] = "running"  # desk
    begins: TimeOfDay = "00:00"  # hours, from here
    ends: TimeOfDay = "23:59"  # to before here, over midnight where it is earlier; 23:59: to the end of the day
    zone: Zone = "UTC"
    value: Literal["price", "equity", "profit", "drawdown"] = "price"
    relation: Literal["above", "below"] = "above"
    level: float = 0.0  # percent for profit and drawdown

    @model_validator(mode="after")
    def _is_whole(self) -> Condition:
        if self.kind == "value" and self.value == "price" and not self.instrument:
            raise ValueError("expected an instrument whose price is looked at")
        if (self.kind == "desk" or (self.kind == "value" and self.value != "price")) and not self.desk:
            raise ValueError("expected a desk")
        return self


class Action(_Part):
    """One thing to do."""

    do: Literal["notify", "cancel_orders", "flatten", "pause", "resume", "switch", "backtest", "report", "retry"]
    desk: str = ""  # or "account:NAME"; empty or "*": everything
    instrument: str = ""  # flatten: only this one of the desk
    tentacle: str = ""  # switch: KIND/NAME
    on: bool = False  # switch
    level: Literal["info", "warning", "problem"] = "warning"  # notify
    text: str = Field(default="", max_length=500)  # notify: may name {why}, {value}, {level}, {time}, {name}
    arguments: dict[str, Any] = {}  # backtest, report

    @model_validator(mode="after")
    def _is_whole(self) -> Action:
        if self.do == "switch" and not self.tentacle:
            raise ValueError('expected a tentacle, such as "evaluator/rsi"')
        if self.instrument and (self.do != "flatten" or self.desk in ("", "*")):
            raise ValueError("instrument: expected with flatten and a desk alone")
        return self


class Settings(AutomationSettings):
    """When it fires, under which conditions, and what it does."""

    trigger: Trigger = Field(default="period", description="What is watched.")
    instrument: str = Field(
        default="", description="Whose price, volatility or position, such as coinbase:BTC/USD; empty: any position."
    )
    desk: str = Field(
        default="", description="Whose profit, drawdown or position; account:NAME for the drawdown of an account."
    )
    relation: Relation = Field(default="below", description="Of the value to the level; crosses is either way.")
    level: float = Field(
        default=0.0, description="Quote units for a price and money, percent for shares, hours for holding."
    )
    unit: Literal["percent", "money"] = Field(default="percent", description="Of a profit.")
    re_arm: float = Field(
        default=1.0,
        ge=0,
        title="Re-arm (percent)",
        description="It fires again once the value has gone back by so many percent of the level.",
    )
    every_hours: float = Field(
        default=0.0, ge=0, le=8_760, description="Period: every so many hours; 0: daily at `at`."
    )
    at: TimeOfDay = Field(default="00:00", description="Period: time of the day.")
    zone: Zone = Field(default="UTC", description="Time zone of `at`.")
    measure: Literal["atr", "stdev"] = Field(
        default="atr", description="Volatility: mean true range, or deviation of the returns; percent of the price."
    )
    candles: int = Field(default=24, ge=2, le=1_000, description="Volatility: over so many.")
    timeframe: str = Field(default="1h", description="Volatility: of these candles.")
    conditions: tuple[Condition, ...] = Field(default=(), description="All of them have to hold as well.")
    actions: tuple[Action, ...] = Field(
        default=(Action(do="notify"),), min_length=1, max_length=10, description="Done in this order."
    )

    @field_validator("timeframe")
    @classmethod
    def _is_timeframe(cls, text: str) -> str:
        try:
            timeframe_ns(text)
        except ConfigError as exc:
            raise ValueError(str(exc)) from exc
        return text

    @model_validator(mode="after")
    def _is_whole(self) -> Settings:
        needs_instrument = self.trigger in ("price", "volatility")
        if needs_instrument and not self.instrument:
            raise ValueError(f"instrument: expected one for the trigger {self.trigger}, such as coinbase:BTC/USD")
        if self.trigger in ("drawdown", "holding", "profit") and not self.desk:
            raise ValueError(f"desk: expected one for the trigger {self.trigger}")
        if self.trigger == "price" and self.level <= 0:
            raise ValueError(f"level = {self.level:g}: expected a price above 0")
        return self
