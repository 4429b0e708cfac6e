"""A collector of traces: takes what OpenTelemetry sends over HTTP (OTLP), as the real ones do."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

LIMIT_S = 60.0


@dataclass
class Collector:
    address: str = ""
    spans: list[Span] = field(default_factory=list)
    came: Condition = field(default_factory=Condition)

    def until(self, name: str) -> Span:
        """Return the first span of a name, waiting for it."""
        with self.came:
            assert self.came.wait_for(lambda: any(one.name == name for one in self.spans), LIMIT_S), self.spans
            return next(one for one in self.spans if one.name == name)


def facts(span: Span) -> dict[str, str]:
    return {one.key: one.value.string_value or str(one.value.int_value) for one in span.attributes}


@contextmanager
def collector() -> Iterator[Collector]:
    found = Collector()

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            request = ExportTraceServiceRequest.FromString(body)
            with found.came:
                found.spans += [
                    one for part in request.resource_spans for scope in part.scope_spans for one in scope.spans
                ]
                found.came.notify_all()
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Taking) as server:
        found.address = f"http://127.0.0.1:{server.server_port}"
        Thread(target=server.serve_forever, daemon=True).start()
        yield found
        server.shutdown()
