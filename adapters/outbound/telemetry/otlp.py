"""Hands spans to a collector over OTLP/HTTP: one bounded attempt a batch, nothing read from the environment.

OpenTelemetry's own exporter takes addresses, headers, certificates and proxies from variables, and retries.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from typing_extensions import override

from llm_gateway.domain.routing import Hint

from ..vendor_http.addresses import on_premises
from .span_attributes import CACHE, CLIENT, HINT

log = logging.getLogger("llm_gateway.telemetry")

EXPORT_SECONDS = 5.0
CLOSE_SECONDS = 2.0
"""What the last spans get, so that a collector which is away does not hold up the end."""


class OtlpExporter(SpanExporter):
    """`endpoint` is the collector's base URL, http or https. A batch that it does not take is dropped.

    A collector that is not on the premises, by the address that each batch's connection leads to, is not told whose
    the requests were that had the hint `secure`, or ended before their hint was known: an alias can stand for it.
    """

    def __init__(self, endpoint: str, headers: Mapping[str, str]) -> None:
        parts = urlsplit(endpoint)
        self._secure = parts.scheme == "https"
        self._address = parts.netloc.rpartition("@")[2]
        self._path = f"{parts.path.rstrip('/')}/v1/traces"
        self._headers = {**headers, "content-type": "application/x-protobuf"}
        self._failing = False
        self._ends: float | None = None

    def close_soon(self) -> None:
        """From now on there are `CLOSE_SECONDS` for what is left."""
        self._ends = time.monotonic() + CLOSE_SECONDS

    @override
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        seconds = EXPORT_SECONDS if self._ends is None else min(EXPORT_SECONDS, self._ends - time.monotonic())
        if seconds <= 0:
            return SpanExportResult.FAILURE
        try:
            status = self._post(encode_spans(spans), seconds)
        except (OSError, HTTPException) as error:
            return self._failed(type(error).__name__)
        if not 200 <= status < 300:
            return self._failed(f"status {status}")
        self._failing = False
        return SpanExportResult.SUCCESS

    def _post(self, request: ExportTraceServiceRequest, seconds: float) -> int:
        kind = HTTPSConnection if self._secure else HTTPConnection
        connection = kind(self._address, timeout=seconds)
        try:
            connection.connect()
            if not on_premises(connection.sock.getpeername()[0]):
                _leave_out_clients(request)
            connection.request("POST", self._path, request.SerializeToString(), self._headers)
            return connection.getresponse().status
        finally:
            connection.close()

    def _failed(self, why: str) -> SpanExportResult:
        """Says so once, until an export works again."""
        if not self._failing:
            log.warning("spans are dropped: the collector can't be reached (%s)", why)
        self._failing = True
        return SpanExportResult.FAILURE

    @override
    def shutdown(self) -> None:
        """Nothing is held."""

    @override
    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return True


def _leave_out_clients(request: ExportTraceServiceRequest) -> None:
    for span in (span for one in request.resource_spans for scope in one.scope_spans for span in scope.spans):
        told = {pair.key: pair for pair in span.attributes}
        secure = told[HINT].value.string_value == Hint.SECURE if HINT in told else CACHE not in told
        if secure and CLIENT in told:
            span.attributes.remove(told[CLIENT])
