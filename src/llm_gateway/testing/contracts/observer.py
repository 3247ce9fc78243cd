"""What holds for every `Observer`, `TrafficMeter`, `QueueMeter` and `AccessLog`."""

from abc import ABC, abstractmethod

import pytest

from llm_gateway.application.ports.observation import AccessLog, Observer, QueueMeter, TrafficMeter
from llm_gateway.application.records import AttemptRecord, CacheStatus, RequestId, RequestRecord
from llm_gateway.domain.chat import FinishReason, Usage
from llm_gateway.domain.clients import ClientId
from llm_gateway.domain.routing import Endpoint, EndpointId, Hint, Locality, Skip, Task

ID = EndpointId(provider="mine", model="model-1")
ENDPOINT = Endpoint(id=ID, locality=Locality.CLOUD)
TRACE = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
USAGE = Usage(prompt_tokens=3, completion_tokens=1, reasoning_tokens=0, cached_tokens=3)
ONE = RequestId("r1")
FULL = RequestRecord(
    id=ONE,
    began=1_700_000_000.5,
    client=ClientId("one"),
    hint=Hint.FAST,
    endpoint=ID,
    cache=CacheStatus.MISS,
    admitted=True,
    looked_up=True,
    planned=(ID,),
    skipped=(Skip(name="ollama", reason="not configured"),),
    attempts=(
        AttemptRecord(endpoint=ID, error="ProviderTimeout", reason="mine: no answer in time", seconds=0.5),
        AttemptRecord(endpoint=ID, usage=USAGE, finish_reason=FinishReason.STOP, seconds=1.0),
    ),
    passed_over=(Skip(name="other/model-2", reason="other: not asked"),),
    finish_reason=FinishReason.STOP,
    usage=USAGE,
    streamed=True,
    seconds=1.5,
    first_event_seconds=0.5,
)
EMBEDDING = RequestRecord(
    id=ONE,
    task=Task.EMBED,
    endpoint=ID,
    cache=CacheStatus.MISS,
    admitted=True,
    usage=Usage(prompt_tokens=3, completion_tokens=0),
    seconds=0.5,
)
RECORDS = [
    EMBEDDING,
    RequestRecord(id=ONE),
    RequestRecord(id=ONE, client=ClientId("one"), error="InvalidRequest"),
    RequestRecord(id=ONE, client=ClientId("one"), admitted=False, error="QuotaExceeded"),
    RequestRecord(id=ONE, client=ClientId("one"), admitted=True, left=True),
    RequestRecord(id=ONE, client=ClientId("one"), cache=CacheStatus.HIT, endpoint=ID, admitted=True, saved_seconds=2.0),
    RequestRecord(id=ONE, cache=CacheStatus.COALESCED, endpoint=ID, error="ProviderBroken", seconds=0.1),
    RequestRecord(id=ONE, cache=CacheStatus.BYPASS, endpoint=ID, usage=Usage(prompt_tokens=0, completion_tokens=0)),
    FULL,
]
ENDS = [
    AttemptRecord(endpoint=ID),
    AttemptRecord(endpoint=ID, usage=USAGE, seconds=0.1, first_event_seconds=0.1),
    AttemptRecord(endpoint=ID, usage=USAGE, streamed=True, seconds=0.2, first_event_seconds=0.1),
    AttemptRecord(endpoint=ID, error="ProviderTimeout", reason="mine: no answer in time"),
    AttemptRecord(endpoint=ID, error="KeyError", streamed=True, first_event_seconds=0.1),
    AttemptRecord(endpoint=ID, left=True),
    AttemptRecord(endpoint=ID, task=Task.EMBED, usage=Usage(prompt_tokens=3, completion_tokens=0), seconds=0.1),
]


class ObserverContract(ABC):
    @abstractmethod
    def make(self) -> Observer: ...

    @pytest.mark.parametrize("record", RECORDS)
    def test_every_way_in_which_a_request_ends_is_observed(self, record: RequestRecord) -> None:
        self.make().begin(ONE, {}).end(record)

    @pytest.mark.parametrize("record", ENDS)
    def test_every_way_in_which_an_attempt_ends_is_observed_also_after_its_request(self, record: AttemptRecord) -> None:
        observation = self.make().begin(ONE, TRACE)
        early, late = observation.attempt(ENDPOINT), observation.attempt(ENDPOINT)

        early.end(record)
        observation.end(FULL)
        late.end(record)

    @pytest.mark.parametrize("headers", [{}, TRACE, {"traceparent": "nonsense"}, {"traceparent": "", "baggage": "a=b"}])
    def test_an_attempt_has_headers_in_lower_case_whatever_the_request_had(self, headers: dict[str, str]) -> None:
        attempt = self.make().begin(ONE, headers).attempt(ENDPOINT)

        assert all(name == name.lower() and isinstance(value, str) for name, value in attempt.headers.items())

    def test_requests_under_way_at_once_do_not_meet(self) -> None:
        observer = self.make()
        one, other = observer.begin(ONE, TRACE), observer.begin(ONE, {})

        attempt = one.attempt(ENDPOINT)
        other.end(RequestRecord(id=ONE, left=True))
        attempt.end(AttemptRecord(endpoint=ID))
        one.end(FULL)


class TrafficMeterContract(ABC):
    @abstractmethod
    def make(self) -> TrafficMeter: ...

    @pytest.mark.parametrize(
        ("method", "status"), [("POST", 200), ("GET", 404), ("POST", 499), ("POST", 503), ("\x00 BREW", 400)]
    )
    def test_every_answer_is_counted(self, method: str, status: int) -> None:
        meter = self.make()

        meter.began()
        meter.began()
        meter.ended(method, "/api/v1/chat", status, 0.001)
        meter.ended(method, "", status, 0.0)


class QueueMeterContract(ABC):
    @abstractmethod
    def make(self) -> QueueMeter: ...

    def test_every_wait_is_counted_also_of_a_call_that_gave_up(self) -> None:
        meter = self.make()

        meter.waited("mine", 0.0)
        meter.waited("mine", 60.0)
        meter.waited("other", 0.5)


class AccessLogContract(ABC):
    @abstractmethod
    def make(self) -> AccessLog: ...

    @pytest.mark.parametrize("record", [None, *RECORDS])
    @pytest.mark.parametrize(("method", "status"), [("POST", 200), ("GET", 404), ("POST", 499), ("\x00 BREW", 400)])
    def test_every_answer_is_written_whatever_came_of_it(
        self, method: str, status: int, record: RequestRecord | None
    ) -> None:
        self.make().answered(ONE, method, "/api/v1/chat", status, 0.001, record)
