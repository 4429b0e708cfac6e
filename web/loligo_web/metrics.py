"""`/metrics` for Prometheus: what the bot counts, asked of its door, and what the page itself counts.

    door ─► verb "metrics" ─► families ─┐
    every request ─► count, duration ───┴─► registry of this page ─► text that the asker understands

The registry belongs to one page: another version beside it, or after it, counts on its own. What must hold: labels take
their values from routes and verbs that exist, never from what somebody typed; nobody sees a number who may not.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from aiohttp import hdrs, web
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from loligo.api import Actor, Door, LoligoError, Role

from .access.gate import CALLER, PUBLIC_URL, SignInNeeded, is_open
from .access.keeper import Keeper
from .access.origin import is_loopback
from .live import Live
from .rest import DOOR, PREFIX, verbs_of

DURATIONS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
SCRAPER = Actor(name="web:metrics", role=Role.VIEW)
VERB = "metrics"
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")
_FAMILIES: Mapping[str, Any] = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily}


class PageMetrics(Collector):
    """What one page counts, and the newest that the door told it."""

    def __init__(self, keeper: Keeper, live: Live, *, is_for_machine: bool) -> None:
        """`is_for_machine`: programs on this machine need no token."""
        self.is_for_machine = is_for_machine
        self._keeper, self._live = keeper, live
        self._told: list[Metric] = []
        self.registry = CollectorRegistry(auto_describe=False)
        self._requests = Counter(
            "loligo_web_requests", "Requests that were answered.", ("route", "status"), registry=self.registry
        )
        self._durations = Histogram(
            "loligo_web_request_seconds",
            "How long answers took; streams are left out.",
            ("route",),
            registry=self.registry,
            buckets=DURATIONS_S,
        )
        ProcessCollector(registry=self.registry)
        self.registry.register(self)

    def count(self, request: web.Request, status: int, took_s: float, *, is_stream: bool) -> None:
        """Take note of a request that was answered."""
        route = route_of(request)
        self._requests.labels(route, str(status)).inc()
        if not is_stream:
            self._durations.labels(route).observe(took_s)

    def collect(self) -> Iterator[Metric]:
        yield from self._told
        yield GaugeMetricFamily("loligo_web_streams_open", "Event streams and sockets open now.", self._live.open)
        refused = self._live.refused
        yield CounterMetricFamily("loligo_web_streams_refused", "Streams above max_streams.", refused)
        failures = CounterMetricFamily("loligo_web_sign_in_failures", "Sign-ins that failed.", labels=("reason",))
        for reason, count in self._keeper.failures.items():
            failures.add_metric((reason,), count)
        yield failures

    async def text(self, door: Door, accept: str) -> tuple[bytes, str]:
        """Return everything as the asker understands it, and its type. A bot that does not answer has no numbers."""
        try:
            answer = (await door.ask(SCRAPER, VERB, {})).model_dump() if VERB in door.verbs else {"families": ()}
            self._told = [_family(one) for one in answer["families"]]
        except LoligoError:
            self._told = []  # it starts or stops; the page's own numbers say so by the absence of its
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type


METRICS = web.AppKey("metrics", PageMetrics)


def routes() -> list[web.RouteDef]:
    return [web.get("/metrics", _metrics)]


@is_open
async def _metrics(request: web.Request) -> web.Response:
    metrics = request.app[METRICS]
    if request.get(CALLER) is None and not (metrics.is_for_machine and _is_from_machine(request)):
        raise SignInNeeded
    body, content_type = await metrics.text(request.app[DOOR], request.headers.get(hdrs.ACCEPT, ""))
    headers = {hdrs.CONTENT_TYPE: content_type, hdrs.CACHE_CONTROL: "no-store"}
    response = web.Response(body=body, headers=headers)
    response.enable_compression()
    return response


def _is_from_machine(request: web.Request) -> bool:
    """Say whether a program on this machine asks for itself: behind a proxy everybody comes from this machine."""
    if request.app[PUBLIC_URL] or any(name in request.headers for name in _FORWARDED):
        return False
    return is_loopback(request.remote or "") and is_loopback((request.url.host or "").strip("[]"))


def route_of(request: web.Request) -> str:
    """Return the pattern of the route, with the verb where it is one; all that is unknown has one name."""
    resource = request.match_info.route.resource
    pattern = resource.canonical if resource is not None else ""
    if pattern.startswith(PREFIX) and (path := request.match_info.get("path")):
        return f"{PREFIX}{path}" if path.replace("/", ".") in verbs_of(request) else pattern
    return pattern or "/{path}"


async def counted(request: web.Request, handler: Any) -> web.StreamResponse:
    """Answer a request and count it, whatever comes of it."""
    began_s, status, is_stream = time.perf_counter(), 500, False
    try:
        response: web.StreamResponse = await handler(request)
        status = response.status
        is_stream = isinstance(response, web.WebSocketResponse) or response.content_type == "text/event-stream"
        return response
    except web.HTTPException as exc:
        status = exc.status
        raise
    except ConnectionError:
        status, is_stream = 499, True  # they went before the end
        raise
    finally:
        request.app[METRICS].count(request, status, time.perf_counter() - began_s, is_stream=is_stream)


def _family(told: Mapping[str, Any]) -> Metric:
    """Return a family of the door as the library has it."""
    name, text, samples = told["name"], told["help"], told["samples"]
    labels = tuple(told["labels"])
    if told["kind"] == "histogram":
        durations = HistogramMetricFamily(name, text, labels=labels)
        for one in samples:
            durations.add_metric(tuple(one["labels"].values()), list(one["buckets"].items()), one["sum"])
        return durations
    family: CounterMetricFamily | GaugeMetricFamily = _FAMILIES[told["kind"]](name, text, labels=labels)
    for one in samples:
        family.add_metric(tuple(one["labels"].values()), one["value"])
    return family
