"""An observer that remembers every record."""

from collections.abc import Mapping, Sequence

from typing_extensions import override

from llm_gateway.application.ports.observation import CallObservation, Observation, Observer, TrafficMeter
from llm_gateway.application.records import AttemptRecord, RequestId, RequestRecord
from llm_gateway.domain.routing import Endpoint, Task


class RecordedAttempt(CallObservation):
    """`ends` has one record where the attempt was ended as it should be."""

    headers: Mapping[str, str] = {}

    def __init__(self, endpoint: Endpoint, headers: Mapping[str, str]) -> None:
        self.endpoint = endpoint
        self.ends: list[AttemptRecord] = []
        self.headers = headers

    @override
    def end(self, record: AttemptRecord) -> None:
        self.ends.append(record)


class RecordedRequest(Observation):
    """`records` has one record where the request was ended as it should be."""

    def __init__(self, id: RequestId, headers: Mapping[str, str]) -> None:
        self.id = id
        self.headers = headers
        self.attempts: list[RecordedAttempt] = []
        self.records: list[RequestRecord] = []

    @override
    def attempt(self, endpoint: Endpoint) -> CallObservation:
        trace = {name: value for name, value in self.headers.items() if name == "traceparent"}
        self.attempts.append(RecordedAttempt(endpoint, trace))
        return self.attempts[-1]

    @override
    def end(self, record: RequestRecord) -> None:
        self.records.append(record)


class RecordingObserver(Observer, TrafficMeter):
    """A request's `traceparent` goes on to its attempts, so that a test sees it arrive at the model."""

    def __init__(self) -> None:
        self.requests: list[RecordedRequest] = []
        self.answers: list[tuple[str, str, int, float]] = []
        self.active = 0

    @property
    def records(self) -> Sequence[RequestRecord]:
        """Every record, in the order of the requests' beginnings."""
        return [record for request in self.requests for record in request.records]

    @override
    def begin(self, request: RequestId, headers: Mapping[str, str], task: Task = Task.CHAT) -> Observation:
        self.requests.append(RecordedRequest(request, headers))
        return self.requests[-1]

    @override
    def began(self) -> None:
        self.active += 1

    @override
    def ended(self, method: str, route: str, status: int, seconds: float) -> None:
        self.active -= 1
        self.answers.append((method, route, status, seconds))
