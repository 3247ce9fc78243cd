"""A call to a provider as the GenAI conventions measure it: by the names of before, or by those of v0.1.0."""

from abc import abstractmethod
from typing import Protocol

from typing_extensions import override

from llm_gateway.application.records import AttemptRecord
from llm_gateway.domain.routing import Task

from . import catalogue
from . import latest_catalogue as latest
from .conventions import OPERATIONS, PROVIDERS
from .instruments import Instruments

_UNKNOWN = "unknown"
_TEXT = "text"
"""Of `gen_ai.token.modality`: a prompt may hold images that no vendor counts apart, an answer is text."""


class CallMetrics(Protocol):
    @abstractmethod
    def ended(self, record: AttemptRecord) -> None:
        """Once for each call."""
        ...


class FormerCallMetrics(CallMetrics):
    """By the names that dashboards know: those of the conventions up to v1.36."""

    def __init__(self, instruments: Instruments) -> None:
        self._duration = instruments.histogram(catalogue.OPERATION_DURATION)
        self._token_usage = instruments.histogram(catalogue.TOKEN_USAGE)
        self._first_token = instruments.histogram(catalogue.FIRST_TOKEN)
        self._per_token = instruments.histogram(catalogue.PER_TOKEN)

    @override
    def ended(self, record: AttemptRecord) -> None:
        operation, provider, model = _called(record)
        self._duration.record(record.seconds, operation, provider, model, _error(record))
        if record.streamed and record.first_event_seconds is not None:
            self._first_token.record(record.first_event_seconds, operation, provider, model)
            if (seconds := _seconds_a_token(record, record.first_event_seconds)) is not None:
                self._per_token.record(seconds, operation, provider, model)
        if record.usage is not None:
            self._token_usage.record(record.usage.prompt_tokens, operation, provider, model, "input")
            if record.task is not Task.EMBED:
                self._token_usage.record(record.usage.completion_tokens, operation, provider, model, "output")


class LatestCallMetrics(CallMetrics):
    """By the names of v0.1.0. Tokens that the gateway estimated are none: only what a provider counted is told."""

    def __init__(self, instruments: Instruments) -> None:
        self._inference = instruments.histogram(latest.INFERENCE_DURATION)
        self._embeddings = instruments.histogram(latest.EMBEDDINGS_DURATION)
        self._first_chunk = instruments.histogram(latest.FIRST_CHUNK)
        self._per_token = instruments.histogram(catalogue.PER_TOKEN)
        self._input = instruments.counter(latest.INPUT_TOKENS)
        self._output = instruments.counter(latest.OUTPUT_TOKENS)
        self._cached = instruments.counter(latest.CACHED_TOKENS)
        self._reasoning = instruments.counter(latest.REASONING_TOKENS)
        self._input_of_a_call = instruments.histogram(latest.INPUT_OF_A_CALL)
        self._output_of_a_call = instruments.histogram(latest.OUTPUT_OF_A_CALL)
        self._input_of_embeddings = instruments.histogram(latest.INPUT_OF_EMBEDDINGS)

    @override
    def ended(self, record: AttemptRecord) -> None:
        called = _called(record)
        if record.task is Task.EMBED:
            self._embeddings.record(record.seconds, *called, _error(record))
            if record.usage is not None and not record.usage.estimated:
                self._input_of_embeddings.record(record.usage.prompt_tokens, *called)
            return
        self._inference.record(record.seconds, *called, _error(record))
        if record.streamed and record.first_event_seconds is not None:
            self._first_chunk.record(record.first_event_seconds, *called)
            if (seconds := _seconds_a_token(record, record.first_event_seconds)) is not None:
                self._per_token.record(seconds, *called)
        self._count_tokens(record, called)

    def _count_tokens(self, record: AttemptRecord, called: tuple[str, str, str]) -> None:
        """A call whose tokens nobody counted is told as 0 tokens of an unknown modality, as the conventions ask for."""
        usage = record.usage
        if usage is None or usage.estimated:
            prompt = completion = reasoning = cached = 0
            answered = _UNKNOWN
        else:
            prompt, completion, answered = usage.prompt_tokens, usage.completion_tokens, _TEXT
            reasoning, cached = usage.reasoning_tokens or 0, usage.cached_tokens or 0
        self._input.add(*called, _UNKNOWN, amount=prompt)
        self._cached.add(*called, _UNKNOWN, amount=cached)
        self._output.add(*called, answered, amount=completion)
        self._reasoning.add(*called, answered, amount=reasoning)
        self._input_of_a_call.record(prompt, *called, _error(record))
        self._output_of_a_call.record(completion, *called, _error(record))


def _called(record: AttemptRecord) -> tuple[str, str, str]:
    """The values of `catalogue.GEN_AI`."""
    provider = record.endpoint.provider
    return OPERATIONS[record.task], PROVIDERS.get(provider, provider), record.endpoint.model


def _error(record: AttemptRecord) -> str:
    return "left" if record.left else record.error or ""


def _seconds_a_token(record: AttemptRecord, first: float) -> float | None:
    """For each token after the first; None where there was none."""
    if record.usage is None or record.usage.completion_tokens < 2:
        return None
    return (record.seconds - first) / (record.usage.completion_tokens - 1)
