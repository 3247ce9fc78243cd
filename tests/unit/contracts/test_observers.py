"""Every observer keeps the contract: silent, over OpenTelemetry, and the one that records."""

from collections.abc import Iterator

import pytest
from typing_extensions import override

from llm_gateway.adapters.outbound.telemetry.families import render_families
from llm_gateway.adapters.outbound.telemetry.instruments import Instruments
from llm_gateway.adapters.outbound.telemetry.observer import TelemetryObserver
from llm_gateway.adapters.outbound.telemetry.silent import SilentObserver, SilentStoreMeter
from llm_gateway.adapters.outbound.telemetry.store_meter import TelemetryStoreMeter
from llm_gateway.application.records import AttemptRecord, RequestId
from llm_gateway.domain.routing import Task
from llm_gateway.testing import (
    ObserverContract,
    QueueMeterContract,
    RecordingObserver,
    StoreMeterContract,
    TrafficMeterContract,
)
from llm_gateway.testing.contracts.observer import EMBEDDING, ENDPOINT, FULL, TRACE


class TestSilent(ObserverContract, TrafficMeterContract, QueueMeterContract):
    @override
    def make(self) -> SilentObserver:
        return SilentObserver()


class TestSilentStoreMeter(StoreMeterContract):
    @override
    def make(self) -> SilentStoreMeter:
        return SilentStoreMeter()


class OnInstruments:
    """Each adapter on instruments of its own, which can be read afterwards."""

    @pytest.fixture(autouse=True)
    def instruments(self) -> Iterator[None]:
        self.opened = Instruments()
        yield
        assert self.opened.read()
        self.opened.close()


class TestTelemetryStoreMeter(OnInstruments, StoreMeterContract):
    @override
    def make(self) -> TelemetryStoreMeter:
        return TelemetryStoreMeter(self.opened)


class TestRecording(ObserverContract, TrafficMeterContract):
    @override
    def make(self) -> RecordingObserver:
        return RecordingObserver()


class TestTelemetry(OnInstruments, ObserverContract, TrafficMeterContract, QueueMeterContract):
    @override
    def make(self) -> TelemetryObserver:
        return TelemetryObserver(self.opened)


def test_the_recording_observer_remembers_requests_attempts_and_answers() -> None:
    observer = RecordingObserver()
    observation = observer.begin(RequestId("r1"), {**TRACE, "user-agent": "curl"})
    attempt = observation.attempt(ENDPOINT)
    attempt.end(AttemptRecord(endpoint=ENDPOINT.id))
    observation.end(FULL)
    observer.began()
    observer.ended("POST", "/api/v1/chat", 200, 0.5)

    (request,) = observer.requests
    assert attempt.headers == TRACE
    assert [(made.endpoint, made.ends) for made in request.attempts] == [
        (ENDPOINT, [AttemptRecord(endpoint=ENDPOINT.id)])
    ]
    assert list(observer.records) == [FULL]
    assert (observer.active, observer.answers) == (0, [("POST", "/api/v1/chat", 200, 0.5)])


def test_an_embedding_is_measured_as_one_and_has_no_output_tokens() -> None:
    instruments = Instruments()
    observation = TelemetryObserver(instruments).begin(RequestId("r1"), {})
    observation.attempt(ENDPOINT).end(AttemptRecord(endpoint=ENDPOINT.id, task=Task.EMBED, usage=EMBEDDING.usage))
    observation.end(EMBEDDING)
    counted = [line for line in render_families(instruments.read()).decode().splitlines() if "_count{" in line]
    instruments.close()

    assert all('gen_ai_operation_name="embeddings"' in line for line in counted)
    assert [line.partition("_count")[0] for line in counted] == [
        "gen_ai_client_operation_duration_seconds",
        "gen_ai_client_token_usage",
    ]
    assert 'gen_ai_token_type="input"' in counted[1]
