"""What is counted: each record and each attempt once, under labels that no client can invent."""

import math
from collections.abc import Iterator, Mapping

import pytest
from msgspec.structs import replace

from llm_gateway.adapters.outbound.telemetry.catalogue import CATALOGUE, Kind, Metric
from llm_gateway.adapters.outbound.telemetry.families import (
    MetricFamily,
    counted,
    decode_families,
    encode_families,
    merge_families,
    render_families,
)
from llm_gateway.adapters.outbound.telemetry.instruments import Instruments
from llm_gateway.adapters.outbound.telemetry.observer import TelemetryObserver
from llm_gateway.application.records import AttemptRecord, CacheStatus, RequestId, RequestRecord
from llm_gateway.domain.chat import Usage
from llm_gateway.domain.routing import Endpoint, EndpointId, Locality
from llm_gateway.testing.contracts.observer import ENDPOINT, FULL, ID, ONE

USAGE = Usage(prompt_tokens=10, completion_tokens=5, reasoning_tokens=2, cached_tokens=4)
WHOLE = AttemptRecord(endpoint=ID, usage=USAGE, seconds=2.0, first_event_seconds=2.0)


@pytest.fixture
def instruments() -> Iterator[Instruments]:
    opened = Instruments()
    yield opened
    opened.close()


def values(instruments: Instruments) -> dict[str, float]:
    """Every sample, as Prometheus writes it, without the buckets."""
    text = render_families(instruments.read()).decode()
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#") and "_bucket{" not in line)
    return {series: float(value) for series, _, value in lines}


def labelled(name: str, **labels: str) -> str:
    pairs = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
    return f"{name}{{{pairs}}}"


CHAT = {"gen_ai_operation_name": "chat", "gen_ai_provider_name": "mine", "gen_ai_request_model": "model-1"}


def test_a_whole_answer_counts_its_call_its_time_and_its_tokens(instruments: Instruments) -> None:
    observation = TelemetryObserver(instruments).begin(ONE, {})
    observation.attempt(ENDPOINT).end(WHOLE)
    observation.end(FULL)

    seen = values(instruments)
    assert seen[labelled("gateway_requests_total", outcome="answered")] == 1
    assert seen["rate_limit_allowed_total"] == seen["cache_misses_total"] == 1
    assert seen[labelled("provider_calls_total", provider="mine")] == 1
    assert labelled("provider_failures_total", provider="mine") not in seen
    assert seen[labelled("gen_ai_client_operation_duration_seconds_sum", **CHAT, error_type="")] == 2.0
    for kind, tokens in (("prompt", 10), ("completion", 5), ("reasoning", 2), ("cached", 4)):
        assert seen[labelled("gateway_tokens_total", provider="mine", type=kind)] == tokens
    assert seen[labelled("gen_ai_client_token_usage_sum", **CHAT, gen_ai_token_type="output")] == 5
    assert not any(series.startswith("gen_ai_server") for series in seen), "it was no stream"


def test_an_amount_is_recorded_without_a_look_for_the_context_around_it(
    instruments: Instruments, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[None] = []
    monkeypatch.setattr("opentelemetry.sdk.metrics._internal.instrument.get_current", lambda: looks.append(None))

    observer = TelemetryObserver(instruments)
    for _ in range(64):  # as many as are recorded at once
        observer.waited("mine", 0.1)
    assert not looks

    monkeypatch.undo()
    assert values(instruments)[labelled("gateway_queue_wait_seconds_count", provider="mine")] == 64


def test_gemini_has_the_conventions_name_in_their_metrics_and_its_own_in_ours(instruments: Instruments) -> None:
    id = EndpointId(provider="gemini", model="model-1")
    observation = TelemetryObserver(instruments).begin(ONE, {})
    observation.attempt(Endpoint(id=id, locality=Locality.CLOUD)).end(replace(WHOLE, endpoint=id))

    seen = values(instruments)
    conventions = CHAT | {"gen_ai_provider_name": "gcp.gemini"}
    assert seen[labelled("gen_ai_client_operation_duration_seconds_count", **conventions, error_type="")] == 1
    assert seen[labelled("provider_calls_total", provider="gemini")] == 1


def test_a_streamed_answer_counts_its_first_token_and_the_pace_of_the_rest(instruments: Instruments) -> None:
    attempt = TelemetryObserver(instruments).begin(ONE, {}).attempt(ENDPOINT)
    attempt.end(replace(WHOLE, streamed=True, first_event_seconds=1.0))

    seen = values(instruments)
    assert seen[labelled("gen_ai_server_time_to_first_token_seconds_sum", **CHAT)] == 1.0
    assert seen[labelled("gen_ai_server_time_per_output_token_seconds_sum", **CHAT)] == 0.25


@pytest.mark.parametrize(
    ("record", "error_type", "failures"),
    [
        (AttemptRecord(endpoint=ID, error="ProviderTimeout", seconds=3.0), "ProviderTimeout", 1),
        (AttemptRecord(endpoint=ID, left=True, seconds=3.0), "left", 0),
    ],
)
def test_a_call_that_failed_has_its_time_under_the_error(
    instruments: Instruments, record: AttemptRecord, error_type: str, failures: int
) -> None:
    TelemetryObserver(instruments).begin(ONE, {}).attempt(ENDPOINT).end(record)

    seen = values(instruments)
    assert seen[labelled("gen_ai_client_operation_duration_seconds_sum", **CHAT, error_type=error_type)] == 3.0
    assert seen.get(labelled("provider_failures_total", provider="mine"), 0) == failures


@pytest.mark.parametrize(
    ("cache", "error", "left", "misses"),
    [
        (CacheStatus.MISS, None, False, 1),
        (CacheStatus.COALESCED, None, False, 1),
        (CacheStatus.MISS, "ProviderBroken", False, 1),
        (None, "ProviderUnavailable", False, 1),
        (None, "QuotaExceeded", False, 1),
        (None, None, True, 1),
        (CacheStatus.HIT, None, False, 0),
        (CacheStatus.HIT, None, True, 0),
    ],
)
def test_hits_and_misses_are_all_look_ups_however_they_end(
    instruments: Instruments, cache: CacheStatus | None, error: str | None, left: bool, misses: int
) -> None:
    record = replace(FULL, cache=cache, error=error, left=left)
    TelemetryObserver(instruments).begin(ONE, {}).end(record)
    TelemetryObserver(instruments).begin(ONE, {}).end(replace(record, looked_up=False))  # a refresh is a miss too

    seen = values(instruments)
    assert (seen["cache_misses_total"], seen["cache_hits_total"] > 0) == (misses, not misses)


def test_a_hit_counts_what_it_saved(instruments: Instruments) -> None:
    record = replace(FULL, cache=CacheStatus.HIT, usage=USAGE, saved_seconds=2.5)
    TelemetryObserver(instruments).begin(ONE, {}).end(record)

    seen = values(instruments)
    assert (seen["gateway_cache_saved_tokens_total"], seen["gateway_cache_saved_seconds_total"]) == (15, 2.5)
    assert seen["cache_hits_total"] == 1
    assert seen["cache_misses_total"] == 0


@pytest.mark.parametrize(
    ("record", "outcome"),
    [
        (RequestRecord(id=ONE, left=True), "left"),
        (RequestRecord(id=ONE, error="QuotaExceeded", admitted=False), "QuotaExceeded"),
    ],
)
def test_every_outcome_has_its_name(instruments: Instruments, record: RequestRecord, outcome: str) -> None:
    TelemetryObserver(instruments).begin(ONE, {}).end(record)
    assert values(instruments)[labelled("gateway_requests_total", outcome=outcome)] == 1


def test_what_a_client_invents_grows_no_series(instruments: Instruments) -> None:
    observer = TelemetryObserver(instruments)
    observer.ended("GET", "unmatched", 404, 0.1)
    observer.begin(ONE, {}).end(RequestRecord(id=ONE, error="UnknownModel"))
    before = set(values(instruments))
    for number in range(10_000):
        observer.ended(f"BREW{number}", "unmatched", 404, 0.1)
        id = RequestId(f"id-{number}")
        observer.begin(id, {"traceparent": f"{number}"}).end(RequestRecord(id=id, error="UnknownModel"))
    grown = set(values(instruments)) - before
    assert {series.partition("{")[0] for series in grown} == {
        f"http_server_request_duration_seconds_{part}" for part in ("sum", "count")
    }
    assert all('http_request_method="_OTHER"' in series for series in grown)
    assert len(grown) == 2


def test_the_names_are_those_of_the_catalogue(instruments: Instruments) -> None:
    for metric in CATALOGUE:
        labels = ("x",) * len(metric.labels)
        if metric.kind is Kind.HISTOGRAM:
            instruments.histogram(metric).record(1.0, *labels)
        else:
            instruments.watch(metric, lambda labels=labels: [(labels, 1.0)])  # type: ignore[misc]
    suffix = {Kind.HISTOGRAM: "_sum", Kind.COUNTER: "", Kind.GAUGE: ""}
    expected = {
        labelled(metric.name + suffix[metric.kind], **dict.fromkeys(metric.labels, "x"))
        if metric.labels
        else metric.name + suffix[metric.kind]
        for metric in CATALOGUE
    }
    assert expected <= set(values(instruments))


def sums(families: list[MetricFamily]) -> Mapping[str, float]:
    return {name: value for family in families for (name, _), value in family.samples.items()}


def test_what_several_processes_have_is_added_up_and_of_some_gauges_the_worst_counts() -> None:
    one = [
        MetricFamily("a", "counter", "", {("a_total", ()): 1.0}),
        MetricFamily("gateway_breaker_state", "gauge", "", {("b", ()): 2}),
    ]
    two = [
        MetricFamily("a", "counter", "", {("a_total", ()): 2.0}),
        MetricFamily("gateway_breaker_state", "gauge", "", {("b", ()): 0}),
    ]
    merged = merge_families([one, two])
    assert sums(merged) == {"a_total": 3.0, "b": 2}
    assert sums(counted(merged)) == {"a_total": 3.0}


def test_families_survive_their_way_to_another_process(instruments: Instruments) -> None:
    observation = TelemetryObserver(instruments).begin(ONE, {})
    observation.attempt(ENDPOINT).end(WHOLE)
    observation.end(FULL)
    families = instruments.read()
    assert decode_families(encode_families(families)) == families
    assert render_families(merge_families([families])) == render_families(families)


@pytest.mark.parametrize("metric", [metric for metric in CATALOGUE if metric.kind is Kind.HISTOGRAM], ids=str)
def test_what_is_recorded_together_counts_each_in_its_own_bucket_and_nonsense_in_none(metric: Metric) -> None:
    first, last = metric.bounds[0], metric.bounds[-1]
    labels, others = ("x",) * len(metric.attributes), ("y",) * len(metric.attributes)
    instruments = Instruments()
    histogram = instruments.histogram(metric)
    for amount in (first, -1.0, 0.0, math.nan, first * 1.01, math.inf, last * 2):
        histogram.record(amount, *labels)
    if labels:
        histogram.record(last, *others)
    (family,) = instruments.read()
    instruments.close()

    samples = {(name.removeprefix(metric.name), of.get("le")): value for name, of, value in told(family, "x")}
    assert samples["_count", None] == 4
    assert samples["_sum", None] == pytest.approx(2.01 * first + 2 * last)
    assert [samples["_bucket", le] for le in (f"{first}", f"{last}", "+Inf")] == [2, 3, 4]


def told(family: MetricFamily, label: str) -> Iterator[tuple[str, dict[str, str], float]]:
    """The samples of a family that have this label everywhere, but for the bucket's bound."""
    for (name, pairs), value in family.samples.items():
        of = dict(pairs)
        if {value for key, value in of.items() if key != "le"} <= {label}:
            yield name, of, value
