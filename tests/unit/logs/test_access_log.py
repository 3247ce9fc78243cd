"""A line for each request: whole, in one line, and nothing of what was said."""

from collections.abc import Iterator

import pytest
from msgspec import json
from msgspec.structs import replace
from typing_extensions import override

from llm_gateway.adapters.outbound.logs.access_log import LineAccessLog
from llm_gateway.adapters.outbound.logs.line_writer import LineWriter
from llm_gateway.application.records import AttemptRecord, RequestId, RequestRecord, TraceIds
from llm_gateway.domain.errors import FailureReason
from llm_gateway.domain.routing import EndpointId
from llm_gateway.testing import AccessLogContract
from llm_gateway.testing.contracts.observer import FULL, ONE


def line_of(method: str, status: int, record: RequestRecord | None, *, pretty: bool = False) -> bytes:
    written: list[bytes] = []
    writer = LineWriter(written.append)
    LineAccessLog(writer, pretty=pretty).answered(ONE, method, "/api/v1/chat", status, 1.25, record)
    writer.close()
    (line,) = b"".join(written).splitlines()
    return line


@pytest.mark.parametrize("pretty", [True, False])
class TestLineAccessLog(AccessLogContract):
    @pytest.fixture(autouse=True)
    def written(self, pretty: bool) -> Iterator[None]:
        lines: list[bytes] = []
        self.writer, self.pretty = LineWriter(lines.append), pretty
        yield
        self.writer.close()
        assert len(lines) == 1

    @override
    def make(self) -> LineAccessLog:
        return LineAccessLog(self.writer, pretty=self.pretty)


def test_a_chat_is_a_line_of_json_with_all_that_is_known() -> None:
    line = json.decode(line_of("POST", 200, FULL))
    assert line.pop("time") > 1_700_000_000
    assert line == {
        "logger": "llm_gateway.access",
        "level": "INFO",
        "request_id": "r1",
        "method": "POST",
        "route": "/api/v1/chat",
        "status": 200,
        "seconds": 1.25,
        "outcome": "answered",
        "client": "one",
        "hint": "fast",
        "provider": "mine",
        "model": "model-1",
        "cache": "miss",
        "stream": True,
        "attempts": 2,
        "failures": [{"provider": "mine", "model": "model-1", "error": "ProviderTimeout"}],
        "finish_reason": "stop",
        "prompt_tokens": 3,
        "completion_tokens": 1,
        "first_event_seconds": 0.5,
    }


def test_what_was_no_chat_has_the_fields_of_any_request() -> None:
    line = json.decode(line_of("\x00 BREW\n", 404, None))
    assert (line["method"], line["status"], "outcome" in line) == ("_OTHER", 404, False)


def test_a_refusal_says_which() -> None:
    refused = RequestRecord(id=RequestId("r1"), error="Unauthenticated")
    line = json.decode(line_of("POST", 401, refused))
    assert (line["outcome"], "client" in line, "provider" in line) == ("Unauthenticated", False, False)


def test_a_failed_call_is_told_with_its_status_and_its_class() -> None:
    failed = AttemptRecord(
        endpoint=EndpointId(provider="mine", model="m"),
        error="ProviderRejected",
        status=400,
        reason_class=FailureReason.STATED_FIELD,
    )
    record = RequestRecord(id=RequestId("r1"), error="ProviderRejected", attempts=(failed,))
    told = {"provider": "mine", "model": "m", "error": "ProviderRejected", "status": 400, "reason": "stated_field"}
    assert json.decode(line_of("POST", 400, record))["failures"] == [told]
    assert b" mine/m: 400 stated_field " in line_of("POST", 400, record, pretty=True)


def test_for_people_it_is_one_readable_line() -> None:
    line = line_of("POST", 200, FULL, pretty=True).decode()
    when, rest = line.split(" ", 1)
    assert len(when) == len("12:00:00")
    ended = "answered miss one mine/model-1: ProviderTimeout id=r1"
    assert rest == f"200 POST /api/v1/chat 1250.0 ms mine/model-1 3+1 tokens {ended}"


@pytest.mark.parametrize("record", [FULL, RequestRecord(id=ONE, error="Unauthenticated")], ids=["whole", "refused"])
def test_a_line_of_a_request_whose_span_is_recorded_has_its_ids_and_no_other_has(record: RequestRecord) -> None:
    ids = TraceIds(trace_id="0af7651916cd43dd8448eb211c80319c", span_id="b7ad6b7169203331")
    traced = replace(record, trace=ids)
    line, plain = json.decode(line_of("POST", 200, traced)), json.decode(line_of("POST", 200, record))
    assert (line.pop("trace_id"), line.pop("span_id")) == (ids.trace_id, ids.span_id)
    assert line.keys() == plain.keys()
    told = f" id=r1 trace_id={ids.trace_id} span_id={ids.span_id}"
    assert line_of("POST", 200, traced, pretty=True).decode().endswith(told)
    assert line_of("POST", 200, record, pretty=True).endswith(b" id=r1")
