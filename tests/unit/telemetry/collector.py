"""A collector on loopback that takes OTLP/HTTP as a real one does, and keeps the spans that it was sent."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from typing_extensions import override


class Collector(ThreadingHTTPServer):
    """`status` is what it answers; `requests` is what it was sent, decoded, with the path and the headers of each."""

    daemon_threads = True

    def __init__(self, status: int = 200) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = status
        self.requests: list[tuple[str, dict[str, str], ExportTraceServiceRequest]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def spans(self) -> list[Span]:
        return [
            span
            for _, _, request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        sent = {key.lower(): value for key, value in self.headers.items()}
        self.server.requests.append((self.path, sent, ExportTraceServiceRequest.FromString(body)))
        self.send_response(self.server.status)
        self.send_header("content-length", "0")
        self.end_headers()

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Nothing is printed."""


@contextmanager
def collecting(status: int = 200) -> Generator[Collector, None, None]:
    collector = Collector(status)
    thread = threading.Thread(target=collector.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield collector
    finally:
        collector.shutdown()
        thread.join()
        collector.server_close()


def attributes(span: Span) -> dict[str, object]:
    """A span's attributes; a list as a tuple."""
    found: dict[str, object] = {}
    for pair in span.attributes:
        kind = pair.value.WhichOneof("value")
        value = getattr(pair.value, kind or "string_value")
        found[pair.key] = tuple(one.string_value for one in value.values) if kind == "array_value" else value
    return found
