"""`/metrics`: who may read it, what the page counts by itself, and that names and labels stay bounded."""

from __future__ import annotations

import asyncio
import json
import re
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML

from tests.fakes.doors import FakeDoor
from tests.scenario.bots import ROOT
from tests.web.running import RunningPage
from tests.web.site import Site, Visitor, site


def run(tmp_path: Path, story: Callable[[Site, Visitor], Any], **settings: Any) -> None:
    async def told() -> None:
        async with site(tmp_path, FakeDoor(), **settings) as place, place.owner() as owner:
            await story(place, owner)

    asyncio.run(told())


def samples(text: str) -> dict[tuple[str, ...], float]:
    """Return the numbers by name and the values of their labels."""
    families = text_string_to_metric_families(text)
    return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


async def token_of(owner: Visitor, role: str) -> str:
    _, page = await owner.post("/access/token", {"name": f"prometheus-{role}", "role": role})
    return "loligo_" + str(page).partition("loligo_")[2].partition("<")[0]


def test_a_token_that_may_only_look_reads_the_numbers_and_nobody_else_does(tmp_path: Path) -> None:
    async def story(place: Site, owner: Visitor) -> None:
        token = await token_of(owner, "view")
        async with place.visitor(Authorization=f"Bearer {token}") as scraper, place.visitor() as stranger:
            status, text = await scraper.get("/metrics")
            assert (status, "loligo_web_streams_open" in text) == (200, True)
            status, problem = await stranger.get("/metrics")
            assert (status, problem["title"]) == (401, "Sign in first")
            assert (await stranger.get("/metrics", headers={"Authorization": "Bearer loligo_wrong"}))[0] == 401

    run(tmp_path, story)


FROM_OUTSIDE: dict[str, dict[str, str]] = {  # of requests that only seem to come from this machine
    "a proxy that says for whom it asks": {"X-Forwarded-For": "203.0.113.7"},
    "a proxy that says so by RFC 7239": {"Forwarded": "for=203.0.113.7"},
    "a proxy of nginx": {"X-Real-IP": "203.0.113.7"},
    "another name of this machine": {"Host": "192.0.2.1"},
}


def test_programs_of_this_machine_need_no_token_where_that_is_set(tmp_path: Path) -> None:
    async def story(place: Site, _owner: Visitor) -> None:
        async with place.visitor() as program:
            assert (await program.get("/metrics"))[0] == 200
            for headers in FROM_OUTSIDE.values():
                assert (await program.get("/metrics", headers=headers))[0] == 401
            assert (await program.get("/api/v1/version"))[0] == 401  # it opens nothing else

    run(tmp_path, story, open_metrics=True)


def test_behind_a_proxy_everybody_needs_a_token(tmp_path: Path) -> None:
    async def told() -> None:
        behind = site(tmp_path, public_url="https://bot.example.org", open_metrics=True)
        async with behind as place, place.visitor() as program:
            assert (await program.get("/metrics"))[0] == 401

    asyncio.run(told())


def test_requests_are_counted_by_route_and_status_and_what_is_typed_makes_no_label(tmp_path: Path) -> None:
    async def story(_place: Site, owner: Visitor) -> None:
        before = samples((await owner.get("/metrics"))[1])
        for path in ("/api/v1/version", "/api/v1/version", "/api/v1/nonsense-1", "/nowhere-2", "/sign-in"):
            await owner.get(path)
        await owner.post("/sign-in", {"name": "anna", "password": "wrong"})
        after = samples((await owner.get("/metrics"))[1])
        requests = "loligo_web_requests_total"
        assert after[requests, "/api/v1/version", "200"] == 2
        assert after[requests, "/api/v1/{path}", "404"] == 1
        assert after[requests, "/{path}", "404"] == 1
        assert after["loligo_web_request_seconds_count", "/api/v1/version"] == 2
        assert after[requests, "/metrics", "200"] == before.get((requests, "/metrics", "200"), 0) + 1
        assert after["loligo_web_sign_in_failures_total", "wrong"] == 1
        assert [key for key in after if "nonsense" in str(key) or "nowhere" in str(key)] == []

    run(tmp_path, story)


def test_open_streams_and_those_that_were_too_many_are_told(tmp_path: Path) -> None:
    async def story(place: Site, owner: Visitor) -> None:
        async with owner.session.get(f"{place.address}/events") as stream:
            await stream.content.readline()  # it is open
            assert (await owner.get("/events"))[0] == 503
            told = samples((await owner.get("/metrics"))[1])
        assert (told["loligo_web_streams_open",], told["loligo_web_streams_refused_total",]) == (1, 1)

    run(tmp_path, story, max_streams=1)


@pytest.mark.parametrize("accept", ["text/plain", "application/openmetrics-text; version=1.0.0"])
def test_the_text_is_of_the_sort_that_is_asked_for(tmp_path: Path, accept: str) -> None:
    async def story(place: Site, owner: Visitor) -> None:
        async with owner.session.get(f"{place.address}/metrics", headers={"Accept": accept}) as response:
            assert response.content_type == accept.partition(";")[0]
            assert (await response.text()).endswith("# EOF\n") is ("openmetrics" in accept)

    run(tmp_path, story)


def test_each_version_of_the_page_counts_for_itself(tmp_path: Path) -> None:
    async def told() -> None:
        async with site(tmp_path / "a") as one, site(tmp_path / "b") as other, other.owner() as owner:
            async with one.visitor() as guest:
                await guest.get("/sign-in")
            told = samples((await owner.get("/metrics"))[1])
            assert ("loligo_web_requests_total", "/sign-in", "200") not in told

    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    asyncio.run(told())


# Of a bot at work: what dashboard and alert rules name is there

OF_THE_SCRAPE = {"job", "instance", "le"}
OF_PROMETHEUS = {"up"}


@pytest.fixture(scope="module")
def scraped(running: RunningPage) -> str:
    running.bot.wait_until(lambda status: status["next_seq"] > 1_000)
    request = urllib.request.Request(f"{running.address}/metrics", headers=running.headers("view"))
    with urllib.request.urlopen(request, timeout=60) as response:
        return str(response.read().decode())


def dashboard() -> Any:
    return json.loads((ROOT / "config/grafana/loligo.json").read_text())


def rules() -> list[Any]:
    groups = YAML(typ="safe").load((ROOT / "config/prometheus/alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def expressions() -> dict[str, str]:
    """Return every expression by where it stands, what Grafana puts in filled in."""
    board = dashboard()
    found = {f"{panel['title']} {one['refId']}": one["expr"] for panel in board["panels"] for one in _targets(panel)}
    found |= {one["name"]: one["expr"] for one in board["annotations"]["list"]}
    found |= {rule["alert"]: rule["expr"] for rule in rules()}
    return {where: text.replace("$__rate_interval", "1m").replace("$job", "loligo") for where, text in found.items()}


def _targets(panel: Any) -> Any:
    return panel.get("targets", ())


def selectors(text: str) -> Iterator[tuple[str, set[str]]]:
    """Yield the name and the labels of each selector of an expression, and of what it groups by under "". ValueError
    when it is none."""
    found: list[tuple[str, set[str]]] = []

    def visit(node: Any) -> None:
        if isinstance(node, promql_parser.MatrixSelector):
            node = node.vector_selector
        if isinstance(node, promql_parser.VectorSelector) and node.name:
            found.append((node.name, {one.name for one in node.matchers.matchers}))

    promql_parser.walk(promql_parser.parse(text), visit)
    yield from found


def described(text: str) -> dict[str, set[str]]:
    """Return the labels of every sample's name; those of families without samples are not known."""
    families = list(text_string_to_metric_families(text))
    known: dict[str, set[str]] = {}
    for family in families:
        endings = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ("",))
        known |= {family.name + ending: set() for ending in endings}
        for one in family.samples:
            known.setdefault(one.name, set()).update(one.labels)
    return known


@pytest.mark.parametrize("where", expressions())
def test_an_expression_of_dashboard_and_alerts_names_what_a_bot_tells(scraped: str, where: str) -> None:
    known = described(scraped)
    found = list(selectors(expressions()[where]))
    assert found
    for name, labels in found:
        assert name in known.keys() | OF_PROMETHEUS, f"{name} is not on /metrics"
        assert labels - OF_THE_SCRAPE <= (known.get(name) or labels), f"{name} has no {labels}"


def test_what_a_legend_or_a_text_says_is_a_label_of_its_numbers(scraped: str) -> None:
    known = described(scraped)
    told = [(one["expr"], one["legendFormat"]) for panel in dashboard()["panels"] for one in _targets(panel)]
    for text, legend in told:
        labels = set(re.findall(r"{{(\w+)}}", legend))
        clean = text.replace("$__rate_interval", "1m").replace("$job", "loligo")
        groups = re.findall(r"by \(([^)]*)\)", clean)
        kept = set(groups[0].split(", ")) if groups else set().union(*(known[name] for name, _ in selectors(clean)))
        assert labels <= kept or not kept, (text, legend)


def test_every_number_that_a_bot_tells_has_a_sentence_and_keeps_the_conventions(scraped: str) -> None:
    for family in text_string_to_metric_families(scraped):
        assert family.documentation.endswith((".", ")")), family.name
        assert not family.name.endswith(("_ms", "_us", "_minutes", "_percent")), family.name
        ours = family.name.startswith("loligo_")
        assert ours or family.name.startswith("process_"), family.name
        assert all(one.name.endswith("_total") for one in family.samples if family.type == "counter"), family.name


def test_the_numbers_are_those_of_the_bot(running: RunningPage, scraped: str) -> None:
    told, status = samples(scraped), running.bot.asked("status")["answer"]
    assert told["loligo_engine_up",] == 1
    assert told["loligo_risk_kill_level",] == status["kill_switch"] == 0
    assert told["loligo_engine_generation",] == status["generation"]
    candles = told["loligo_engine_inputs_total", "replay", "candle"]
    assert 0 < candles < status["next_seq"]
    assert told["loligo_engine_step_seconds_count",] >= candles
    assert {key[-1] for key in told if key[0] == "loligo_desk_equity"} == set(status["desks"])
    assert told["loligo_tentacle_running", "evaluator", "rsi"] == 1


def test_alerts_say_how_bad_it_is_and_what_to_do() -> None:
    for rule in rules():
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert len(rule["annotations"]["summary"]) > 10
        assert len(rule["annotations"]["description"]) > 20


def test_panels_of_the_dashboard_do_not_lie_on_one_another() -> None:
    taken: set[tuple[int, int]] = set()
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        place = panel["gridPos"]
        columns, rows = range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
        cells = {(column, row) for column in columns for row in rows}
        assert not cells & taken, panel["title"]
        assert max(columns) < 24
        taken |= cells
