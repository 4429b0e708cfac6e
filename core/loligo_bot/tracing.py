"""Traces (OpenTelemetry, optional): questions, exchanges and jobs as spans, where somebody collects them.

The standard's own environment says where (`OTEL_EXPORTER_OTLP_ENDPOINT`); without it nothing is loaded and a span is
nothing. What must hold: no trace holds an argument or a secret, the engine's thread makes none, and a collector that
does not answer neither slows the bot nor holds up its end.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Thread
from typing import Any

from loligo.log import get_logger

WANTED_BY = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
FAREWELL_S = 0.3  # for what was not sent yet, when the bot ends
NAME = "loligo"
_log = get_logger("traces")
_tracers: list[Any] = []  # of the bot that runs in this process


def span(name: str, **facts: str | int) -> AbstractContextManager[None]:
    """Return a block that is a span while traces are collected; of an error that leaves it only the class is told."""
    return _span(_tracers[-1], name, facts) if _tracers else nullcontext()


@contextmanager
def _span(tracer: Any, name: str, facts: Mapping[str, str | int]) -> Iterator[None]:
    told = {f"{NAME}.{key}": value for key, value in facts.items()}
    with tracer.start_as_current_span(
        name, attributes=told, record_exception=False, set_status_on_exception=False
    ) as open_span:
        try:
            yield
        except BaseException as exc:
            open_span.set_attribute("error.type", type(exc).__name__)
            open_span.set_status(_error())
            raise


def _error() -> Any:
    from opentelemetry.trace import StatusCode

    return StatusCode.ERROR


@contextmanager
def traced(version: str) -> Iterator[None]:
    """Collect traces within the block, where the environment says so."""
    provider = _provider(version) if any(map(os.environ.get, WANTED_BY)) else None
    if provider is None:
        yield
        return
    _tracers.append(provider.get_tracer(NAME, version))
    try:
        yield
    finally:
        _tracers.pop()
        farewell = Thread(target=provider.shutdown, name="traces", daemon=True)
        farewell.start()
        farewell.join(FAREWELL_S)


def _provider(version: str) -> Any:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as exc:
        _log.warning("no traces: install `loligo[traces]`, or unset OTEL_EXPORTER_OTLP_ENDPOINT", missing=exc.name)
        return None
    resource = Resource.create({"service.name": os.environ.get("OTEL_SERVICE_NAME", NAME), "service.version": version})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider
