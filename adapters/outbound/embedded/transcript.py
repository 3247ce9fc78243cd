"""Reads what the engine answers: its chunks, as the events of one chat."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, ValidationError, convert

from llm_gateway.domain.chat import FinishReason, Grain, Usage
from llm_gateway.domain.errors import (
    ContextLengthExceeded,
    ProviderBroken,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
)
from llm_gateway.domain.events import ChatEvent, Collector, Finished, ReasoningDelta, Started, TextDelta, replay
from llm_gateway.domain.routing import EndpointId

from .limits import PROVIDER


class _Delta(Struct, frozen=True):
    content: str | None = None
    reasoning_content: str | None = None


class _Choice(Struct, frozen=True):
    delta: _Delta = _Delta()
    finish_reason: str | None = None


class _Cached(Struct, frozen=True):
    cached_tokens: int | None = None


class _Usage(Struct, frozen=True):
    prompt_tokens: int
    completion_tokens: int
    prompt_tokens_details: _Cached = _Cached()


class _Error(Struct, frozen=True):
    code: int
    n_ctx: int | None = None


class _Chunk(Struct, frozen=True):
    model: str = ""
    choices: tuple[_Choice, ...] = ()
    usage: _Usage | None = None
    error: _Error | None = None


class Transcript:
    """Turns the chunks of one answer into events. Feed it every chunk, then say that there are no more."""

    def __init__(self, endpoint: EndpointId, grain: Grain) -> None:
        self._endpoint = endpoint
        self._answer = Collector() if grain is Grain.WHOLE else None
        self._started = False
        self._reason: FinishReason | None = None
        self._finished = False

    def read(self, raw: Mapping[str, Any]) -> tuple[ChatEvent, ...]:
        """The events of a chunk, often none. Raises `ProviderError` for an error, or for what is no chunk."""
        try:
            chunk = convert(raw, _Chunk)
        except ValidationError:
            raise ProviderBroken(PROVIDER, "the engine sent what it should not") from None
        if chunk.error is not None:
            raise _failure(chunk.error)
        events: list[ChatEvent] = []
        for choice in chunk.choices:
            if choice.delta.reasoning_content:
                events.append(ReasoningDelta(text=choice.delta.reasoning_content))
            if choice.delta.content:
                events.append(TextDelta(text=choice.delta.content))
            if choice.finish_reason is not None:
                self._reason = _finish_reason(choice.finish_reason)
        if self._reason is not None and chunk.usage is not None:
            self._finished = True
            model = chunk.model or self._endpoint.model
            events.append(Finished(reason=self._reason, usage=_counted(chunk.usage), model=model))
        if events and not self._started:
            self._started = True
            events.insert(0, Started(endpoint=self._endpoint))
        return tuple(events) if self._answer is None else self._held(self._answer, events)

    def end(self) -> None:
        """Raises `ProviderBroken` where the terminal mark is missing."""
        if not self._finished:
            raise ProviderBroken(PROVIDER, "the answer broke off before its end")

    def _held(self, answer: Collector, events: list[ChatEvent]) -> tuple[ChatEvent, ...]:
        """Of an answer that is wanted whole: nothing before its end."""
        for event in events:
            answer.add(event)
        return tuple(replay(answer.reply())) if self._finished else ()


def _counted(usage: _Usage) -> Usage:
    return Usage(
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        cached_tokens=usage.prompt_tokens_details.cached_tokens,
    )


def _finish_reason(word: str) -> FinishReason:
    match word:
        case "stop":
            return FinishReason.STOP
        case "length":
            return FinishReason.LENGTH
        case _:
            raise ProviderBroken(PROVIDER, "the engine ended for a reason that is not known")


def _failure(error: _Error) -> ProviderError:
    """By number alone: the engine's messages quote the prompt. Only an overlong prompt comes with a context size."""
    if error.code == 400 and error.n_ctx is not None:
        return ContextLengthExceeded(PROVIDER, f"the prompt does not fit into {error.n_ctx} tokens")
    if 400 <= error.code < 500:
        return ProviderRejected(PROVIDER, "the engine refused the request")
    return ProviderUnavailable(PROVIDER, f"the engine failed with code {error.code}")
