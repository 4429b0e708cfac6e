"""An experiment as a file: JSON with all that its verdict and figures come from, CSV with its days or closed trades,
HTML to read anywhere.

What must hold: whoever has the JSON comes to the same verdict by `recomputed` and to the same figures, with nothing
else; the HTML holds no address and no script; whatever comes from outside is escaped.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from html import escape
from typing import Any

import msgspec

from loligo.api import DAY_NS, DataError, iso
from loligo_lab.csv_table import csv_table
from loligo_lab.drawing import drawn
from loligo_lab.experiment import ArmDay, Day, Judgement, Plan, Verdict, growth_curve, judge
from loligo_lab.experiment.figures import FIGURES, figures_of
from loligo_lab.experiment_trades import ArmTrade, figures_by_trades, trades_csv, trades_in
from loligo_lab.holding import Basket
from loligo_lab.paper import listed, page, table

FORMAT = 6  # another one whenever plan, days, trades, holding or judgement hold something else, or in other words
MEDIA_TYPES: dict[str, str] = {"html": "text/html", "json": "application/json", "csv": "text/csv", "trades": "text/csv"}
SHOWN_TRADES = 10  # the newest ones in the report
_TRADES = "-trades.csv"
_OF_DAY = tuple(one.name for one in fields(ArmDay))
_MS_NS = 1_000_000
Document = Mapping[str, Any]


def document(
    plan: Plan,
    days: Sequence[Day],
    judgement: Judgement,
    about: Mapping[str, Any],
    *,
    trades: Sequence[ArmTrade] = (),
    holding: Basket | None = None,
) -> dict[str, Any]:
    """Return an experiment as plain data. `about` says where it comes from, and is not judged by; trades of each arm
    stand in the order in which they closed."""
    return {
        "format": FORMAT,
        "about": dict(about),
        "plan": msgspec.to_builtins(plan),
        "judgement": msgspec.to_builtins(judgement),
        "figures": msgspec.to_builtins([*figures_of(plan, days), *figures_by_trades(trades)]),
        "holding": msgspec.to_builtins(holding),
        "days": msgspec.to_builtins(list(days)),
        "trades": msgspec.to_builtins(list(trades)),
    }


def written(told: Document, kind: str) -> str:
    """Return it as one of `MEDIA_TYPES`: html, json, csv of the days, or csv of the trades."""
    return {"html": as_html, "json": as_json, "csv": as_csv, "trades": trades_csv}[kind](told)


def file_name(stem: str, kind: str) -> str:
    """Return how a file of this kind is called."""
    return f"{stem}{_TRADES}" if kind == "trades" else f"{stem}.{kind}"


def kind_of(name: str) -> str:
    """Return which kind of file is meant by a name, "" for none."""
    return next((kind for kind in reversed(MEDIA_TYPES) if name.endswith(file_name("", kind))), "")


def recomputed(told: Any) -> Judgement:
    """Return the judgement of a document's plan and days, whatever verdict it holds. DataError when it holds none, or
    is of another format."""
    return judge(*_judged_by(told))


def _judged_by(told: Any) -> tuple[Plan, list[Day]]:
    if not isinstance(told, Mapping) or told.get("format") != FORMAT:
        raise DataError(_other_format(told))
    try:
        return msgspec.convert(told["plan"], Plan), msgspec.convert(told["days"], list[Day])
    except (KeyError, msgspec.ValidationError) as exc:
        raise DataError(f"not an exported experiment: {exc}") from exc


def _other_format(told: Any) -> str:
    """Return why a document cannot be judged, and what to do."""
    found, about = (told.get("format"), told.get("about")) if isinstance(told, Mapping) else (None, None)
    if type(found) is not int or not isinstance(about, Mapping):
        return f"format is {found!r}; expected an exported experiment of format {FORMAT}"
    made = f"it was exported in format {found} by Loligo {about.get('loligo', 'of an unknown version')}"
    if found > FORMAT:
        return f"{made}; this Loligo reads format {FORMAT}: update it, then check the file again"
    again = "`loligo ab run` with --report" if about.get("kind") == "historic" else "`loligo ab export --format json`"
    return (
        f"{made}, before the newest change of what such a file holds; this Loligo reads format {FORMAT}: write it anew "
        f"with {again}, or check it with the Loligo that wrote it"
    )


def is_confirmed(told: Document) -> bool:
    """Say whether the document's judgement and figures are what its plan, days and trades come to, to the last digit.
    Intervals of figures are left out: they are drawn by chance, and another version of numpy draws others."""
    plan, days = _judged_by(told)
    figures = [*figures_of(plan, days, samples=0), *figures_by_trades(trades_in(told))]
    are_same = _values(_plain(figures)) == _values(told.get("figures") or [])
    return are_same and bool(_plain(judge(plan, days)) == _plain(told.get("judgement")))


def _values(figures: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], float | None]:
    return {(one["arm"], one["name"]): one["value"] for one in figures}


def _plain(node: Any) -> Any:
    """Return it as it is once it was written down."""
    return msgspec.json.decode(msgspec.json.encode(node))


def as_json(told: Document) -> str:
    return json.dumps(told, indent=1, ensure_ascii=False)


def as_csv(told: Document) -> str:
    """Return a row for each arm and day, oldest first."""
    names = [arm["name"] for arm in told["plan"]["arms"]]
    held = dict((told.get("holding") or {"curve": []})["curve"])
    rows = (
        (
            number,
            iso(day["opened_at_ns"]),
            name,
            *(own[column] for column in _OF_DAY),
            held.get((day["opened_at_ns"] + DAY_NS) // _MS_NS),
        )
        for number, day in enumerate(told["days"], start=1)
        for name, own in zip(names, day["arms"], strict=True)
    )
    return csv_table(("day", "opened_at", "arm", *_OF_DAY, "holding"), rows, ("arm",))


def arms_of(told: Document) -> list[dict[str, Any]]:
    """Return what each arm did over all days: plain sums, its growth, and the figures with their intervals."""
    found = []
    for place, arm in enumerate(told["plan"]["arms"]):
        days = [day["arms"][place] for day in told["days"]]
        curve = growth_curve((day["opened_at_ns"], day["arms"][place]["daily_return"]) for day in told["days"])
        found.append(
            {
                "name": arm["name"],
                "letter": chr(ord("A") + place),
                "risk_scale": arm["risk_scale"],
                "growth": curve[-1][1] if days else None,
                "drawdown": max((own["drawdown"] for own in days), default=None),
                "trades": days[-1]["closed_trades"] if days else 0,
                "fees": sum(own["fees"] for own in days),
                "turnover": sum(own["turnover"] for own in days),
                "orders": sum(own["orders"] for own in days),
                "refused_orders": sum(own["refused_orders"] for own in days),
                "figures": _labelled([one for one in told["figures"] if one["arm"] == arm["name"]]),
                "curve": curve,
            }
        )
    return found


def _labelled(figures: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return figures with their labels and units, in the order in which they are shown."""
    by_name = {one["name"]: one for one in figures}
    return [
        {**by_name[name], "label": label, "unit": unit} for name, (label, unit) in FIGURES.items() if name in by_name
    ]


# HTML


def as_html(told: Document) -> str:
    """Return the report as one page."""
    about, judged, arms = told["about"], told["judgement"], arms_of(told)
    title = f"A/B test {about['name']}: {judged['headline']}"
    span = f"{len(told['days'])} closed days from {about['since'][:10]}"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="muted">{escape(span)}; {escape(about["rule"])}</p>',
        f'<p class="verdict">{escape(judged["sentence"])}</p>',
        "<h2>Arms</h2>",
        table(_ARMS, [*(_arm_row(one) for one in arms), *_holding_row(told.get("holding"))]),
        *_holding_words(told.get("holding")),
        *_figures(arms),
        '<p class="muted">Intervals hold 95 %. These figures are shown and never decide.</p>',
        *(
            _pair((arms[0], arms[place]), pair, told.get("holding"))
            for place, pair in enumerate(judged["pairs"], start=1)
        ),
        *_newest_trades(trades_in(told)),
        *_beside(about),
        "<h2>In what they differ</h2>",
        listed(about["unlike"] or ["nothing"]),
        *(["<h2>What the verdict assumes</h2>", listed(about["assumptions"])] if about.get("assumptions") else []),
        "<h2>What to compute it again with</h2>",
        _recipe(told),
    ]
    return page(title, parts)


_ARMS = ("", "Growth", "Deepest fall", "Trades", "Fees", "Turnover")


def _arm_row(one: Mapping[str, Any]) -> list[str]:
    return [
        f"{one['letter']} {one['name']}",
        percent(one["growth"]),
        percent(one["drawdown"]),
        f"{one['trades']:,}",
        f"{one['fees']:,.2f}",
        f"{one['turnover']:,.2f}",
    ]


def _holding_row(holding: Mapping[str, Any] | None) -> list[list[str]]:
    return [["Holding", percent(holding["curve"][-1][1]), *4 * ["-"]]] if holding and holding["curve"] else []


def _holding_words(holding: Mapping[str, Any] | None) -> list[str]:
    """Return by which rule is held, and what is missing; nothing before a day is closed."""
    said = [holding["rule"], *holding["missing"]] if holding else []
    return [f'<p class="muted">{escape(" ".join(said))}</p>'] if said else []


_TRADE = ("Closed", "Arm", "Instrument", "Side", "Quantity", "Entry", "Exit", "Fees", "Net", "Closed by")


def _newest_trades(trades: Sequence[ArmTrade]) -> list[str]:
    """Return the newest closed trades, and where all of them are."""
    if not trades:
        return []
    newest = sorted(trades, key=lambda one: one.closed_at_ns, reverse=True)[:SHOWN_TRADES]
    rows = [
        [
            iso(one.closed_at_ns)[:16].replace("T", " "),
            *(one.arm, one.instrument, one.side),
            *(f"{amount:f}" for amount in (one.quantity, one.entry_price, one.exit_price)),
            *(f"{amount:,.2f}" for amount in (one.fees, one.net)),
            one.reason,
        ]
        for one in newest
    ]
    said = f"The newest {len(rows)} of {len(trades):,} closed trades, in quote units; JSON and CSV of trades have all."
    return ["<h2>Trades</h2>", table(_TRADE, rows), f'<p class="muted">{said}</p>']


def _figures(arms: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the table of the figures that some arm has; nothing where none has any."""
    by_arm = [{figure["name"]: figure for figure in one["figures"]} for one in arms]
    rows = [
        [label, *(interval(figures.get(name)) for figures in by_arm)]
        for name, (label, _) in FIGURES.items()
        if any(name in figures for figures in by_arm)
    ]
    return [table(["", *(f"{one['letter']} {one['name']}" for one in arms)], rows)] if rows else []


def interval(figure: Mapping[str, Any] | None) -> str:
    """Return a figure with its interval, such as "0.81 (-0.40 to 1.92)"."""
    if figure is None or figure["value"] is None:
        return "-"
    shown = percent if figure["unit"] == "share" else "{:,.2f}".format
    value = shown(figure["value"])
    return value if figure["low"] is None else f"{value} ({shown(figure['low'])} to {shown(figure['high'])})"


def percent(share: float | None) -> str:
    return "-" if share is None else f"{share * 100:,.2f} %"


def _pair(arms: Sequence[Mapping[str, Any]], pair: Mapping[str, Any], holding: Mapping[str, Any] | None) -> str:
    control, challenger = escape(pair["control"]), escape(pair["challenger"])
    lines = [pair["sentence"], *filter(None, [pair["luck"]]), *pair["notes"]]
    lines += [rail["words"] for rail in pair["rails"] if rail["is_broken"]]
    lines += [check["words"] for check in pair["checks"] if not check["is_met"]]
    lines = list(dict.fromkeys(f"{line.rstrip('.')}." for line in lines))
    worth = [(arm["name"], [(at_ms, 100.0 + 100.0 * grown) for at_ms, grown in arm["curve"]]) for arm in arms]
    became = " and ".join(f"{points[-1][1]:,.2f} with {name}" for name, points in worth if points)
    if holding and holding["curve"]:
        worth.append(("holding", [(at_ms, 100.0 + 100.0 * grown) for at_ms, grown in holding["curve"]]))
        became += f", which is dashed; {worth[-1][1][-1][1]:,.2f} by holding, which is dotted"
    elif became:
        became += ", which is dashed"
    scale = arms[1]["risk_scale"]
    counted = "" if scale == 1.0 else f", at equal risk, with the returns of {control} counted {scale:g} times"
    return (
        f"<h2>{challenger} against {control}: {escape(pair['headline'])}</h2>{listed(lines)}"
        f'<h3>What 100 became</h3><div class="three">{drawn(worth)}</div>'
        f'<p class="muted">{escape(became)}</p>'
        f"<h3>By how much {challenger} is ahead{counted}</h3>{drawn(_band(pair), is_share=True)}"
        f'<p class="muted">{escape(_band_in_words(pair))}</p>'
    )


def _band_in_words(pair: Mapping[str, Any]) -> str:
    if not pair["band"]:
        return "No day is closed yet."
    last = pair["band"][-1]
    said = f"{last['difference'] * 100:+,.2f} % of capital on day {last['day']}"
    if pair["verdict"] == Verdict.INVALID:
        return f"{said}; the arms were not treated alike, so that the band counts for nothing"
    if last["low"] is None or last["high"] is None:
        return f"{said}; nothing can be said of luck before the gates are passed"
    return f"{said}; anything from {last['low'] * 100:+,.2f} % to {last['high'] * 100:+,.2f} % fits (dashed)"


def _band(pair: Mapping[str, Any]) -> tuple[tuple[str, list[tuple[float, float]]], ...]:
    """Return the difference, its limits where there are some, and where it would be none."""
    lines = []
    for name in ("difference", "low", "high"):
        points = [((one["opened_at_ns"] + DAY_NS) / _MS_NS, one[name]) for one in pair["band"] if one[name] is not None]
        lines.append((name, points))
    if lines[0][1]:
        ends = (lines[0][1][0][0], lines[0][1][-1][0])
        lines.append(("none", [(at, 0.0) for at in ends]))
    return tuple(lines)


def _beside(about: Mapping[str, Any]) -> list[str]:
    """Return what stands beside the verdict and never makes one: the whole field, and how money would be split."""
    whole, split = about.get("cross_check"), about.get("split") or {}
    lines = [whole["words"]] if whole else []
    if known := [f"{name} {share:.0%}" for name, share in split.items() if share is not None]:
        lines.append(f"Split by the chance to be the best, money would go: {', '.join(known)}.")
    return ["<h2>Beside the verdict</h2>", listed(lines)] if lines else []


def _recipe(told: Document) -> str:
    about, plan = told["about"], told["plan"]
    facts = [
        f"Loligo {about['loligo']}",
        *(f"{arm['name']}: configuration {arm['config_hash']}" for arm in plan["arms"]),
        *([f"data {about['data']['hash']}"] if about.get("data") else []),
    ]
    rule = [f"{key} = {json.dumps(value)}" for key, value in plan.items() if key not in ("arms", "name")]
    verdicts = [f"{one['time']}: {one['headline']}" for one in about.get("verdicts", ())]
    given = escape(json.dumps(about["settings"], indent=1, ensure_ascii=False))
    blocks = (("Rule, fixed before the start", rule), ("Hashes", facts), ("Verdicts as told", verdicts))
    told_blocks = "".join(f"<h3>{name}</h3>{listed(lines)}" for name, lines in blocks if lines)
    code = f"<h3>Versions</h3>{table(('Tentacle', 'Version', 'Tree hash', 'Arms'), _versions(about['arms']))}"
    return f"{told_blocks}{code}<details><summary>The settings of the arms</summary><pre>{given}</pre></details>"


def _versions(arms: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Return a row for each version that an arm runs, and which of them do."""
    users: dict[tuple[str, str, str], list[str]] = {}
    for arm in arms:
        for name, one in arm["code"].items():
            users.setdefault((name, one["version"], one["tree_hash"]), []).append(arm["name"])
    return [[*key, "all" if len(names) == len(arms) else ", ".join(names)] for key, names in sorted(users.items())]
