"""The form that begins an A/B test: as somebody filled it in, as arguments of verbs, and what is wrong by its field.

    fields of a request ─► Form ─► arguments of experiment.start, .plan, historic.start ─► faults back at their fields

What must hold: what cannot be read is told at its field, never left out; a candidate that another page proposes is only
filled in, and judged when it is sent.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

WAYS = ("settings", "version", "desks")
PLAIN = ("name", "control", "account", "mode", "days", "on_win", "why")
SHARES = {"margin": (0.0, 1_000.0), "drawdown": (0.0, 100.0), "worst_day": (0.0, 100.0)}  # in percent
PLANNED = ("effect", "correlation")
SPAN = ("since", "until", "data")  # of the past over which it is tried
OTHER = (*PLAIN, *SHARES, *PLANNED, *SPAN, "key", "versions", "version_scale")
ARM_TEXTS = ("name", "strategy", "mode", "scale")
PARTS = ("strategy", "mode", "evaluators")  # of a desk, to be chosen by name
SHOWN = frozenset({*PLAIN, *SHARES, *SPAN, "versions", "challengers"})  # faults that stand at fields of their own
LETTERS = "BCDEFGHIJKLMNOPQRST"
SPARE = 2  # empty rows of an arm
MOST_ARMS = 19
USUAL_EFFECT = "1"
Arguments = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmForm:
    """One desk that is to be made."""

    name: str = ""
    strategy: str = ""
    mode: str = ""
    evaluators: Sequence[str] = ()
    scale: str = ""
    changes: Sequence[tuple[str, str]] = ()

    @property
    def rows(self) -> list[tuple[str, str]]:
        return [*self.changes, *[("", "")] * max(SPARE, 3 - len(self.changes))]

    @property
    def is_unlike(self) -> bool:
        """Say whether it has more than other settings."""
        parts = [key for key, _ in self.changes if key.removesuffix(".tentacle") in PARTS or key == "timeframe"]
        return bool(self.strategy or self.mode or self.evaluators or parts)

    @property
    def arguments(self) -> Arguments:
        """Return it as the verb has it; settings as a configuration file has them."""
        chosen: Arguments = {"strategy": self.strategy, "mode": self.mode, "evaluators": list(self.evaluators)}
        changes = {name: value for name, value in chosen.items() if value}
        changes |= {key: value_of(text) for key, text in self.changes}
        found: Arguments = {"changes": changes} if changes else {}
        return found | ({"name": self.name} if self.name else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The whole form, and a sentence for each field that is wrong."""

    values: Mapping[str, str] = field(default_factory=dict)
    way: str = "settings"
    arms: Sequence[ArmForm] = (ArmForm(),)
    challengers: Sequence[str] = ()
    scales: Mapping[str, str] = field(default_factory=dict)  # by desk that is there
    faults: Mapping[str, str] = field(default_factory=dict)
    is_proposed: bool = False  # by another page

    def with_faults(self, faults: Mapping[str, str]) -> Form:
        return replace(self, faults=faults)

    @property
    def loose(self) -> list[str]:
        """Return what is wrong and stands at no field."""
        scaled = {"desks": self.challengers, "version": (LETTERS[0].lower(),)}.get(self.way, ())
        shown = {*SHOWN, *(f"risk_scale.{one}" for one in scaled)}
        for place, arm in enumerate(self.arms if self.way == "settings" else ()):
            at = f"variants.{place}"
            shown |= {f"{at}.changes", f"{at}.name", f"risk_scale.{arm_name(self, place)}"}
            shown |= {f"{at}.changes.{key}" for key in (*PARTS, *(key for key, _ in arm.changes))}
        return [text for name, text in self.faults.items() if name not in shown]


def arm_name(form: Form, place: int) -> str:
    """Return what an arm is called where its risk is scaled: its name, or its letter."""
    return form.arms[place].name or LETTERS[place].lower()


# From a request


Fields = Mapping[str, Sequence[str]]  # each as often as it came


def fields_in(given: Any) -> Fields:
    """Return the fields of a request, of its body or its query."""
    return {name: [str(one) for one in given.getall(name)] for name in given}


def form_of(given: Fields) -> Form:
    """Return a form as it was sent; of the arms only those in which something was filled in, or the first one."""
    arms = [arm for arm in _arms(given) if arm != ArmForm()]
    way = _one(given, "way")
    return Form(
        values={name: _one(given, name) for name in OTHER},
        way=way if way in WAYS else WAYS[0],
        arms=arms or [ArmForm()],
        challengers=given.get("challengers", ()),
        scales={key.removeprefix("scale."): _one(given, key) for key in given if key.startswith("scale.")},
    )


def _arms(given: Fields) -> Iterator[ArmForm]:
    for place in range(MOST_ARMS):
        keys, values = (given.get(f"arm{place}.{name}", ()) for name in ("key", "value"))
        yield ArmForm(
            **{name: _one(given, f"arm{place}.{name}") for name in ARM_TEXTS},
            evaluators=tuple(given.get(f"arm{place}.evaluators", ())),
            changes=tuple(
                (key.strip(), value.strip()) for key, value in zip(keys, values, strict=False) if key.strip()
            ),
        )


def _one(given: Fields, name: str) -> str:
    """Return what stands in a field, without space around it; "" where there is none."""
    return next(iter(given.get(name, ())), "").strip()


def proposed(query: Fields) -> Form:
    """Return the form as another page proposes it: a desk, and settings or versions that one like it is to have."""
    pairs = [one.partition("=") for one in query.get("change", ())]
    changes = tuple((key.strip(), value.strip()) for key, sign, value in pairs if sign and key.strip())
    versions = "\n".join(one.replace("=", " = ", 1) for one in query.get("version", ()) if "=" in one)
    values = {"control": _one(query, "control"), "versions": versions}
    if not changes and not versions:
        return Form(values=values)
    return Form(
        values=values, way="settings" if changes else "version", arms=(ArmForm(changes=changes),), is_proposed=True
    )


# To arguments


def start_arguments(form: Form, faults: dict[str, str]) -> Arguments:
    """Return what a form asks of experiment.start; what cannot be read is told in `faults`."""
    asked: Arguments = {name: form.values[name] for name in PLAIN if form.values[name]}
    scales: dict[str, str] = {}
    if form.way == "desks":
        asked["challengers"] = list(form.challengers)
        scales = {desk: form.scales.get(desk, "") for desk in form.challengers}
        if not form.challengers:
            faults["challengers"] = "choose at least one"
    elif form.way == "version":
        asked["versions"] = _versions_in(form.values["versions"], faults)
        scales = {LETTERS[0].lower(): form.values["version_scale"]}
    else:
        asked["variants"] = [arm.arguments for arm in form.arms]
        scales = {arm_name(form, place): arm.scale for place, arm in enumerate(form.arms)}
        for place, arm in enumerate(asked["variants"]):
            if "changes" not in arm:
                faults[f"variants.{place}.changes"] = "give at least one setting in which the new desk is to differ"
    if given := {arm: value_of(text) for arm, text in scales.items() if text}:
        asked["risk_scale"] = given
    shares = {name: _share(form.values[name], name, faults) for name in SHARES if form.values[name]}
    if "margin" in shares:
        asked["margin_per_year"] = shares.pop("margin")
    return asked | ({"limits": shares} if shares else {})


def past_arguments(form: Form, faults: dict[str, str]) -> Arguments:
    """Return what a form asks of historic.start: who competes by which rule, not what follows a win."""
    asked = start_arguments(form, faults)
    kept = {name: value for name, value in asked.items() if name not in ("name", "account", "on_win", "why")}
    return kept | {name: form.values[name] for name in SPAN if form.values[name]}


def plan_arguments(form: Form, faults: dict[str, str]) -> list[Arguments]:
    """Return what a form asks of experiment.plan, once for each challenger that may have days."""
    texts = {"sharpe_difference": form.values.get("effect") or USUAL_EFFECT}
    if correlation := form.values.get("correlation"):
        texts["correlation"] = correlation
    asked: Arguments = {}
    for name, text in texts.items():
        try:
            asked[name] = float(text)
        except ValueError:
            faults[name] = f'"{text[:20]}": expected a number'
    asked |= {name: form.values[name] for name in ("mode", "days") if form.values.get(name)}
    if form.way == "desks" and form.challengers:
        asked["challengers"] = len(form.challengers)
        control = form.values.get("control", "")
        return [asked if correlation else {**asked, "control": control, "challenger": one} for one in form.challengers]
    if form.way == "settings":
        asked |= {"challengers": len(form.arms), "unlike": any(arm.is_unlike for arm in form.arms)}
    return [asked]


def value_of(text: str) -> Any:
    """Return what a text means in a configuration file: a number, yes or no, a list, or the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _versions_in(text: str, faults: dict[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, middle, value = (part.strip() for part in line.partition("="))
        if not (name and middle and value):
            faults["versions"] = f'"{line[:80]}": expected KIND/NAME = HASH, one to a line'
        found[name] = value
    if not found:
        faults["versions"] = "give at least one: KIND/NAME = HASH"
    return found


def _share(text: str, name: str, faults: dict[str, str]) -> float | None:
    """Return a percentage as a fraction."""
    low, high = SHARES[name]
    try:
        percent = float(text)
    except ValueError:
        percent = -1.0
    if not (low < percent <= high or (name == "margin" and percent == low)):
        least = "of 0 or more, below" if name == "margin" else "above 0, at most"
        faults[name] = f'"{text[:20]}": expected a percentage {least} {high:g}'
        return None
    return percent / 100
