"""What the spans of a request and of its calls say: by the names of before, or by those of the conventions' v0.1.0."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from msgspec import Struct
from opentelemetry.util.types import AttributeValue

from llm_gateway.application.records import AttemptRecord, RequestRecord
from llm_gateway.domain.routing import EndpointId, Task

from .conventions import OPERATIONS, PROVIDERS

Attributes: TypeAlias = Mapping[str, AttributeValue | None]
"""Those without a value are left out."""

CLIENT = "gateway.client.id"
HINT = "gateway.hint"
CACHE = "gateway.cache"


class SpanNames(Struct, frozen=True, kw_only=True):
    """What is known of a request, and of a call, when it has ended."""

    request: Callable[[RequestRecord], Attributes]
    call: Callable[[AttemptRecord], Attributes]


def provider_name(endpoint: EndpointId) -> str:
    return PROVIDERS.get(endpoint.provider, endpoint.provider)


def call_began(task: Task, endpoint: EndpointId) -> dict[str, AttributeValue]:
    """What is there when a call begins, so that a sampler can see it."""
    return {
        "gen_ai.operation.name": OPERATIONS[task],
        "gen_ai.provider.name": provider_name(endpoint),
        "gen_ai.request.model": endpoint.model,
    }


def error_type(record: RequestRecord | AttemptRecord) -> str | None:
    return record.error or ("left" if record.left else None)


def _request(record: RequestRecord) -> Attributes:
    return {
        "gen_ai.operation.name": OPERATIONS[record.task],
        "gen_ai.provider.name": provider_name(record.endpoint) if record.endpoint else None,
        "gen_ai.response.model": record.endpoint.model if record.endpoint else None,
        **_request_of_the_gateway(record),
        **_usage(record),
    }


def _latest_request(record: RequestRecord) -> Attributes:
    """Without the conventions' names: they are those of a call, and what adds up tokens would count them twice."""
    return {
        "gateway.endpoint": f"{record.endpoint.provider}/{record.endpoint.model}" if record.endpoint else None,
        **_request_of_the_gateway(record),
    }


def _request_of_the_gateway(record: RequestRecord) -> Attributes:
    return {
        "gateway.outcome": record.outcome,
        CLIENT: record.client,
        HINT: record.hint.value if record.hint else None,
        CACHE: record.cache.value if record.cache else None,
        "error.type": error_type(record),
    }


def _call(record: AttemptRecord) -> Attributes:
    return {
        "gateway.provider.seconds": record.seconds,
        "gateway.provider.first_event_seconds": record.first_event_seconds,
        "gen_ai.response.finish_reasons": (record.finish_reason.value,) if record.finish_reason else None,
        "error.type": error_type(record),
        **_usage(record),
    }


def _latest_call(record: AttemptRecord) -> Attributes:
    """A chat that gave no reason for its end has `error` in the place of it, as the conventions ask for."""
    usage, error = record.usage, error_type(record)
    told: Attributes = {
        "gateway.provider.seconds": record.seconds,
        "gen_ai.usage.input_tokens": usage.prompt_tokens if usage else None,
        "error.type": error,
    }
    if record.task is Task.EMBED:
        return told
    reason = record.finish_reason.value if record.finish_reason else "error" if error else None
    return {
        **told,
        "gen_ai.request.stream": record.streamed or None,
        "gen_ai.response.time_to_first_chunk": record.first_event_seconds if record.streamed else None,
        "gen_ai.response.finish_reasons": (reason,) if reason else None,
        "gen_ai.usage.output_tokens": usage.completion_tokens if usage else None,
        "gen_ai.usage.cache_read.input_tokens": usage.cached_tokens if usage else None,
        "gen_ai.usage.reasoning.output_tokens": usage.reasoning_tokens if usage else None,
    }


def _usage(record: RequestRecord | AttemptRecord) -> Attributes:
    return {
        "gen_ai.usage.input_tokens": record.usage.prompt_tokens if record.usage else None,
        "gen_ai.usage.output_tokens": record.usage.completion_tokens if record.usage else None,
    }


FORMER_SPANS = SpanNames(request=_request, call=_call)
LATEST_SPANS = SpanNames(request=_latest_request, call=_latest_call)
