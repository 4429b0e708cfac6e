"""The section `experiments`: who competes, by which rule. All that a verdict depends on is fixed from the start: a
change of it begins the test anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel, field_validator, model_validator

from loligo.config import LoligoConfig
from loligo.config.schema import DeskConfig, Name
from loligo.errors import ConfigError
from loligo.model.instrument import InstrumentKind
from loligo.model.risk import AccountLimits
from loligo_lab.experiment import Arm, Limits, Mode, Plan

LIMITS = {one.name for one in fields(Limits)}
MOST_ARMS = 20
LONGEST_NAME = 32  # of a desk
VERDICT = "verdict"  # kind of the notes that tell of them in the journal


class ExperimentConfig(BaseModel):
    """One A/B test. Rates are fractions."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    control: Name = Field(description="the desk that is there, called A")
    challengers: tuple[Name, ...] = Field(min_length=1, max_length=MOST_ARMS - 1, description="desks against it")
    mode: Literal["open_ended", "fixed_end"] = Field(
        default="open_ended", description="open_ended: for as long as you like; fixed_end: sooner sure, never extended"
    )
    days: int = Field(default=180, ge=21, le=3_650, description="planned; with a fixed end the last that counts")
    margin_per_year: float = Field(default=0.05, ge=0, lt=10, description="arms no further apart are the same")
    risk_scale: dict[Name, Annotated[float, Field(gt=0, lt=1_000)]] = Field(
        default={}, description="by challenger: the control's returns count so many times, for equal risk"
    )
    limits: dict[str, float | None] = Field(default={}, description="guardrails other than usual; null: off")
    on_win: Literal["tell", "promote"] = Field(default="tell", description="promote: a challenger that wins takes over")
    ended: bool = Field(default=False, description="no longer judged; the verdict of its last day stays")

    @field_validator("limits")
    @classmethod
    def _limits_exist(cls, limits: dict[str, float | None]) -> dict[str, float | None]:
        if unknown := sorted(limits.keys() - LIMITS):
            raise ValueError(f"{unknown[0]} is no limit; expected some of {', '.join(sorted(LIMITS))}")
        return limits

    @model_validator(mode="after")
    def _arms_differ(self) -> ExperimentConfig:
        if len({*self.arms}) < len(self.arms):
            raise ValueError(f"arms are {', '.join(self.arms)}; expected different desks")
        if unknown := sorted(self.risk_scale.keys() - {*self.challengers}):
            raise ValueError(f"risk_scale: {unknown[0]} is no challenger")
        if self.mode == "fixed_end" and len(self.challengers) > 1:
            raise ValueError("mode fixed_end compares two desks; with more choose open_ended")
        return self

    @property
    def arms(self) -> tuple[str, ...]:
        return (self.control, *self.challengers)

    def plan(self, name: str, hashes: Mapping[str, str]) -> Plan:
        """Return the rule of decision; `hashes` are the arms' as they began."""
        scales = {self.control: 1.0, **self.risk_scale}
        return Plan(
            name=name,
            arms=tuple(Arm(name=one, config_hash=hashes[one], risk_scale=scales.get(one, 1.0)) for one in self.arms),
            mode=Mode(self.mode),
            days=self.days,
            margin_per_year=self.margin_per_year,
            limits=Limits(**self.limits),
        )


class ExperimentsConfig(RootModel[dict[Name, ExperimentConfig]]):
    """The whole section, by name."""


def experiments_of(config: LoligoConfig) -> dict[str, ExperimentConfig]:
    """Return every experiment of a configuration, those that ended, too."""
    return ExperimentsConfig.model_validate(config.experiments).root


def name_of(experiment: str, suffix: str) -> str:
    """Return what an arm is called that is made for an experiment, and its account; `suffix` is its name or letter."""
    return f"{experiment[: LONGEST_NAME - 1 - len(suffix)]}_{suffix}"


def is_made_for(experiment: str, desk: str) -> bool:
    """Say whether a desk is called as those are that are made for an experiment."""
    suffixes = (desk[place + 1 :] for place, sign in enumerate(desk) if sign == "_")
    return any(suffix and desk == name_of(experiment, suffix) for suffix in suffixes)


def check_experiments(config: LoligoConfig) -> None:
    """ConfigError where arms cannot be compared, or a desk is a challenger of two experiments."""
    taken: dict[str, str] = {}
    for name, one in experiments_of(config).items():
        if one.ended:
            continue
        check_arms(name, one, config)
        for arm in one.challengers:
            if arm in taken:
                raise ConfigError(f'experiments.{name}: desk "{arm}" is a challenger of {taken[arm]} already')
            taken[arm] = name


def check_arms(name: str, one: ExperimentConfig, config: LoligoConfig) -> None:
    """ConfigError where the arms of an experiment cannot be compared: they need desks of one venue, with the same
    instruments and the same capital, in accounts of one currency. A desk that was made for it began with what the
    control was worth then, which no file has."""
    where = f"experiments.{name}"
    for arm in one.arms:
        if arm not in config.desks:
            raise ConfigError(f'{where}: there is no desk "{arm}"; expected some of {", ".join(config.desks)}')
    desks = {arm: config.desks[arm] for arm in one.arms}
    accounts = {arm: config.accounts[desk.account] for arm, desk in desks.items()}
    declared = [arm for arm in one.arms if arm == one.control or not is_made_for(name, arm)]
    owned = {arm: _assets(desks[arm]) for arm in declared}
    alike: dict[str, Mapping[str, str]] = {
        "venue": {arm: desk.venue for arm, desk in desks.items()},
        "instruments": {arm: ", ".join(sorted(desk.instruments)) for arm, desk in desks.items()},
        "reference currency": {arm: account.reference for arm, account in accounts.items()},
        "capital": {arm: f"{owned[arm]} {accounts[arm].reference}" for arm in declared},
        # A promotion does not take them over: what won under others would go on under the control's.
        "limits of their accounts": {arm: _set(account.limits) for arm, account in accounts.items()},
    }
    for what, by_arm in alike.items():
        if len({*by_arm.values()}) > 1:
            raise ConfigError(f"{where}: the arms differ in {what}: {_listed(by_arm)}; expected the same for all")
    _check_shared(where, one, config)


def _set(limits: AccountLimits) -> str:
    """Return the limits that are not the default."""
    own, usual = asdict(limits), asdict(AccountLimits())
    return ", ".join(f"{name} {own[name]:g}" for name in own if own[name] != usual[name]) or "those by default"


def _assets(desk: DeskConfig) -> str:
    """Return what a desk takes out of its account: other assets first, its capital last."""
    others = [f"{amount.normalize():f} {asset}," for asset, amount in sorted(desk.balances.items())]
    return " ".join([*others, f"{desk.capital.normalize():f}"])


def _listed(by_arm: Mapping[str, str]) -> str:
    return "; ".join(f"{arm} has {value}" for arm, value in by_arm.items())


def _check_shared(where: str, one: ExperimentConfig, config: LoligoConfig) -> None:
    """ConfigError where arms of one account trade a perpetual: the venue would net their positions."""
    desks = [config.desks[arm] for arm in one.arms]
    accounts = [desk.account for desk in desks]
    for arm, desk in zip(one.arms, desks, strict=True):
        terms = config.venues[desk.venue].instruments if desk.venue in config.venues else {}
        margined = [name for name in desk.instruments if name in terms and terms[name].kind is InstrumentKind.PERPETUAL]
        if accounts.count(desk.account) > 1 and margined:
            raise ConfigError(
                f'{where}: arm "{arm}" trades {margined[0]}, a perpetual, on account "{desk.account}" of another arm: '
                "the venue would net their positions. Give each arm an account of its own"
            )
