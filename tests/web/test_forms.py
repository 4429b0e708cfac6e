"""Settings forms: every shape of a schema is a field, and what a field holds comes back as it was."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, Field

from loligo.registry.manifest import settings_schema
from loligo_web.forms import fields_of, settings_from


class Pace(StrEnum):
    SLOW = "slow"
    FAST = "fast"


class Inner(BaseModel):
    depth: int = 1


class Settings(BaseModel):
    period: int = Field(default=14, ge=2, le=200, description="Candles.")
    share: Decimal = Field(default=Decimal("0.10"), gt=0)
    is_on: bool = True
    pace: Pace = Pace.SLOW
    name: str | None = None
    tags: list[str] = []
    inner: Inner = Inner()
    token: str = Field(default="", json_schema_extra={"writeOnly": True})
    cool_down_s: float = 60.0
    back_by: float = Field(default=1.0, title="Back by (percent)")


SCHEMA = settings_schema(Settings)


def read(form: dict[str, str], given: dict[str, Any] | None = None) -> tuple[dict[str, Any], dict[str, str]]:
    return settings_from(fields_of(SCHEMA, given or {}, {}), form)


def shown(given: dict[str, Any] | None = None) -> dict[str, str]:
    return {one.name: one.value for one in fields_of(SCHEMA, given or {}, {})}


def test_every_shape_is_a_field() -> None:
    kinds = {one.name: one.kind for one in fields_of(SCHEMA, {}, {})}
    assert kinds == {
        "period": "number",
        "share": "number",
        "is_on": "switch",
        "pace": "choice",
        "name": "text",
        "tags": "json",
        "inner": "json",
        "token": "secret",
        "cool_down_s": "number",
        "back_by": "number",
    }
    period = fields_of(SCHEMA, {}, {"period": "too small"})[0]
    assert (period.minimum, period.maximum, period.step, period.hint) == ("2", "200", "1", "Candles")
    assert period.fault == "too small"


def test_a_label_is_the_title_that_somebody_wrote_or_the_name_with_its_unit() -> None:
    labels = {one.name: one.label for one in fields_of(SCHEMA, {}, {})}
    assert (labels["cool_down_s"], labels["back_by"]) == ("Cool down (seconds)", "Back by (percent)")
    assert (labels["is_on"], labels["tags"]) == ("Is on", "Tags")


def test_what_is_left_as_it_is_changes_nothing() -> None:
    given = {"period": 9, "is_on": False, "tags": ["a"]}
    assert read(shown()) == ({}, {})
    assert read(shown(given) | {"is_on": ""}, given) == (given, {})


def test_what_is_entered_comes_back_with_every_digit() -> None:
    form = {"period": "20", "share": "0.123456789012345678901", "pace": "fast", "name": "x", "inner": '{"depth": 2}'}
    values, faults = read({**shown(), **form, "tags": '["b"]', "token": "s3cret"})
    assert faults == {}
    assert Settings.model_validate(values) == Settings(
        period=20,
        share=Decimal("0.123456789012345678901"),
        pace=Pace.FAST,
        name="x",
        inner=Inner(depth=2),
        tags=["b"],
        token="s3cret",
    )


def test_an_unticked_switch_is_off_and_an_emptied_field_null() -> None:
    assert read({"is_on": ""})[0] == {"is_on": False}
    assert read(shown({"name": "x"}) | {"name": ""}, {"name": "x"})[0] == {}  # null is its default


def test_a_secret_is_never_shown_and_stays_when_nobody_types_one() -> None:
    assert "token" not in read({**shown(), "token": ""}, {"token": "***"})[0]


def test_what_cannot_be_read_is_told_by_its_field() -> None:
    _, faults = read({"period": "2.5", "share": "much", "inner": "{"})
    assert faults.keys() == {"period", "share", "inner"}
    assert faults["period"] == "'2.5': expected a whole number"
