"""One line for each request that was answered: what it was, how it went, how long it took; never what it said."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from msgspec import Struct, json
from msgspec.structs import replace
from typing_extensions import override

from llm_gateway.application.ports.observation import AccessLog
from llm_gateway.application.records import AttemptRecord, RequestId, RequestRecord

from .line_writer import LineWriter

_METHODS = frozenset(("GET", "HEAD", "POST", "OPTIONS"))


class FailedCall(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A call to a provider that failed: the provider's HTTP status, and the class of its failure."""

    provider: str
    model: str
    error: str
    status: int | None = None
    reason: str | None = None


class AccessLine(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="logger", tag="llm_gateway.access"):
    """A line's fields. `time` is in Unix seconds; `attempts` is how many calls to providers this request led."""

    time: float
    level: str
    request_id: str
    method: str
    route: str
    status: int
    seconds: float
    outcome: str | None = None
    client: str | None = None
    hint: str | None = None
    provider: str | None = None
    model: str | None = None
    cache: str | None = None
    stream: bool | None = None
    attempts: int | None = None
    failures: tuple[FailedCall, ...] = ()
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    first_event_seconds: float | None = None
    trace_id: str | None = None
    span_id: str | None = None


class LineAccessLog(AccessLog):
    """Over a writer, as JSON or for people."""

    def __init__(self, writer: LineWriter, *, pretty: bool) -> None:
        self._put = writer.put
        self._format: Callable[[AccessLine], bytes] = _pretty if pretty else json.Encoder().encode

    @override
    def answered(
        self, request: RequestId, method: str, route: str, status: int, seconds: float, record: RequestRecord | None
    ) -> None:
        method = method if method in _METHODS else "_OTHER"
        self._put(self._format(_line(request, method, route, status, seconds, record)))


def _line(
    request: RequestId, method: str, route: str, status: int, seconds: float, record: RequestRecord | None
) -> AccessLine:
    now, seconds = _to_micros(time.time()), _to_micros(seconds)
    if record is None:
        return AccessLine(
            time=now, level="INFO", request_id=request, method=method, route=route, status=status, seconds=seconds
        )
    endpoint, usage, first, trace = record.endpoint, record.usage, record.first_event_seconds, record.trace
    line = AccessLine(
        time=now,
        level="INFO",
        request_id=request,
        method=method,
        route=route,
        status=status,
        seconds=seconds,
        outcome=record.outcome,
        client=record.client,
        hint=record.hint,
        provider=endpoint.provider if endpoint else None,
        model=endpoint.model if endpoint else None,
        cache=record.cache,
        stream=record.streamed or None,
        attempts=len(record.attempts) or None,
        failures=tuple([_failed(attempt) for attempt in record.attempts if attempt.error is not None])
        if record.attempts
        else (),
        finish_reason=record.finish_reason,
        prompt_tokens=usage.prompt_tokens if usage else None,
        completion_tokens=usage.completion_tokens if usage else None,
        first_event_seconds=None if first is None else _to_micros(first),
    )
    return line if trace is None else replace(line, trace_id=trace.trace_id, span_id=trace.span_id)


def _to_micros(seconds: float) -> float:
    """Rounded to microseconds, in a tenth of the time that `round` takes."""
    return int(seconds * 1e6 + 0.5) / 1e6


def _failed(attempt: AttemptRecord) -> FailedCall:
    return FailedCall(
        provider=attempt.endpoint.provider,
        model=attempt.endpoint.model,
        error=attempt.error or "",
        status=attempt.status,
        reason=attempt.reason_class,
    )


def _pretty(line: AccessLine) -> bytes:
    when = datetime.fromtimestamp(line.time, UTC).strftime("%H:%M:%S")
    model = f" {line.provider}/{line.model}" if line.provider else ""
    tokens = f" {line.prompt_tokens}+{line.completion_tokens} tokens" if line.prompt_tokens is not None else ""
    trace = f" trace_id={line.trace_id} span_id={line.span_id}" if line.trace_id else ""
    words = " ".join(word for word in (line.outcome, line.cache, line.client) if word)
    failures = "".join(
        f" {failed.provider}/{failed.model}: {failed.status or failed.error} {failed.reason or ''}".rstrip()
        for failed in line.failures
    )
    return (
        f"{when} {line.status} {line.method} {line.route} {line.seconds * 1000:.1f} ms{model}{tokens}"
        f"{' ' + words if words else ''}{failures} id={line.request_id}{trace}"
    ).encode()
