"""From answers in OpenAI's form, whole or in parts, to the domain's events: by rules that fit every server. Pure."""

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct, field

from llm_gateway.domain.chat import AssistantMessage, FinishReason, Message, Usage, counted
from llm_gateway.domain.errors import FailureReason, ProviderBroken, ProviderUnavailable
from llm_gateway.domain.events import ChatEvent, Finished, ReasoningDelta, Started, TextDelta, ToolCallDelta
from llm_gateway.domain.logprobs import ChosenLogprob, TokenLogprob
from llm_gateway.domain.routing import EndpointId

from .refusals import FaultInAnswer, told_within
from .translate_messages import carried
from .wire import (
    AnswerChoice,
    AnswerPart,
    PartCall,
    Piece,
    Said,
    WireLogprobs,
    WireToken,
    WireUsage,
    answer_part,
    arguments_of,
)

DONE: Final = b"[DONE]"

_ENDINGS: Final[Mapping[str, FinishReason]] = {
    "stop": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "model_length": FinishReason.LENGTH,
    "max_tokens": FinishReason.LENGTH,
    "tool_calls": FinishReason.TOOL_CALLS,
    "function_call": FinishReason.TOOL_CALLS,
    "content_filter": FinishReason.CONTENT_FILTER,
}
"""Another word is an end like `stop`: servers have their own."""
_FAILED: Final = frozenset(("abort", "aborted", "error", "cancelled", "insufficient_system_resource"))
"""Words for an answer that was given up."""


class _Call(Struct):
    """`told` is the server's own id. `held` are arguments that came before the name. `given`: the deltas have begun."""

    index: int
    id: str
    told: str | None
    name: str | None = None
    held: list[str] = field(default_factory=list)
    given: bool = False


class SpokenReplyReader:
    """One answer's events, as they come; a whole answer is one. `conversation`: the messages that it answers.
    `forced`: it has to call a tool, which not every server holds its models to.

    `ending`: the server's reason for the end, which counts and a mark may follow. `finished`: nothing can follow.
    `failure`: what is to be raised once the events before it are given. `returns` are the fields of the answer that are
    to come back with its calls.
    """

    def __init__(
        self, to: EndpointId, conversation: Sequence[Message], *, whole: bool, forced: bool, returns: Container[str]
    ) -> None:
        self._to = to
        self._whole = whole
        self._forced = forced
        self._returns = returns
        self._conversation = conversation
        self._calls: list[_Call] = []
        self._at: dict[object, _Call] = {}
        self._ids: set[str] = set()
        self._spare: int | None = None
        self._thoughts: list[str] = []
        self._details: list[Any] = []
        self._usage: WireUsage | None = None
        self._model: str | None = None
        self.started = False
        self.ending: FinishReason | None = None
        self.finished = False
        self.failure: Exception | None = None

    def events(self, texts: Iterable[bytes]) -> Sequence[ChatEvent]:
        """Of the events that came together. May be none, of those that say nothing.

        Raises `ProviderBroken` or `ProviderUnavailable` for an end that is none, `FaultInAnswer` for the server's own
        error, and what reading raises.
        """
        events: list[ChatEvent] = []
        try:
            for text in texts:
                if self.finished:
                    break
                if text == DONE:
                    self._end(events)
                    continue
                part = answer_part.decode(text)
                choices = part.choices
                if choices and len(choices) == 1:
                    self._choice(part, choices[0], events)
                else:
                    self._aside(part)
                    self._alone(part, events)
        except Exception as error:
            if not events:
                raise
            self.failure = error
        return self._begun(events)

    def end(self) -> Sequence[ChatEvent]:
        """The connection is closed, or silent after the answer's own end. Raises `ProviderBroken` where none came."""
        events: list[ChatEvent] = []
        if not self.finished:
            self._end(events)
        return self._begun(events)

    def _begun(self, events: list[ChatEvent]) -> Sequence[ChatEvent]:
        if events and not self.started:
            self.started = True
            events.insert(0, Started(endpoint=self._to))
        return events

    def _choice(self, part: AnswerPart, choice: AnswerChoice, events: list[ChatEvent]) -> None:
        said = choice.delta or choice.message or _NOTHING_SAID
        content = said.content
        if content and content.__class__ is str and choice.logprobs is None and said == Said(content):
            events.append(TextDelta(text=content))  # almost every event is this, and no more
        elif said != _NOTHING_SAID or choice.logprobs is not None:
            self._said(said, choice.logprobs, events)
            for call in said.tool_calls or ():
                self._call(call, events)
        if part.model is not None:
            self._model = part.model
        if part.usage is not None or part.error is not None or part.x_groq is not None:
            self._aside(part)
        if choice.finish_reason:
            self._reason(choice.finish_reason)
        if self._whole:
            self._end(events)

    def _said(self, said: Said, logprobs: WireLogprobs | None, events: list[ChatEvent]) -> None:
        text, thought = _texts(said.content)
        thought = said.reasoning_content or said.reasoning or thought  # some servers say it twice
        if thought:
            events.append(ReasoningDelta(text=thought))
        if "reasoning_content" in self._returns and thought:
            self._thoughts.append(thought)
        if "reasoning_details" in self._returns and said.reasoning_details:
            self._details += said.reasoning_details
        text = text or said.refusal or ""
        chosen = _logprobs(logprobs)
        if text or chosen:
            events.append(TextDelta(text=text, logprobs=chosen))

    def _call(self, part: PartCall, events: list[ChatEvent]) -> None:
        """By its index, without one by its id, and without both the one that is open.

        Some servers number every call 0: another id with another name is another call.
        """
        key: object = part.index if part.index is not None else part.id or None
        call = self._at.get(key) if key is not None else (self._calls[-1] if self._calls else None)
        name = part.function.name
        if self._whole or call is None or (name and call.name and part.id and part.id != call.told):
            call = _Call(len(self._calls), self._id(part.id), part.id)
            self._calls.append(call)
            self._at[key] = call
        call.name = call.name or name
        if arguments := arguments_of(part):
            call.held.append(arguments)
        if not call.name:
            return
        held = "".join(call.held)
        if not call.given:
            back = self._back() if not call.index else None
            extra = carried(back) if back else None
            events.append(
                ToolCallDelta(index=call.index, id=call.id, name=call.name, arguments=held, extra_content=extra)
            )
            call.given = True
        elif held:
            events.append(ToolCallDelta(index=call.index, arguments=held))
        call.held.clear()

    def _back(self) -> dict[str, Any]:
        """What is to come back with the calls, of what came before them."""
        told = {"reasoning_content": "".join(self._thoughts), "reasoning_details": [*self._details]}
        return {name: value for name, value in told.items() if value}

    def _id(self, given: str | None) -> str:
        """The server's, if it gives one. No two of an answer are the same, whatever it gives."""
        id = given
        if not id or id in self._ids:
            if self._spare is None:
                self._spare = sum(
                    len(one.tool_calls) for one in self._conversation if isinstance(one, AssistantMessage)
                )
            while not id or id in self._ids:
                id = f"call_{self._spare}"
                self._spare += 1
        self._ids.add(id)
        return id

    def _aside(self, part: AnswerPart) -> None:
        """What an event holds beside its choice, or instead of one."""
        if part.error is not None or part.object == "error":
            raise FaultInAnswer(told_within(part.error))
        self._usage = part.usage or (part.x_groq.usage if part.x_groq is not None else None) or self._usage
        self._model = part.model or self._model

    def _alone(self, part: AnswerPart, events: list[ChatEvent]) -> None:
        """An event without a choice: a whole answer that is none, or the counts, which are the last."""
        if self._whole:
            why = "the answer holds neither a choice nor an error"
            raise ProviderUnavailable(self._to.provider, why, doubtful=True, repeats=1, reason=FailureReason.SERVER)
        if part.usage is not None and self.ending is not None and not part.choices:
            self._end(events)

    def _reason(self, reason: str) -> None:
        if reason in _FAILED:
            why = "the server gave the answer up"
            raise ProviderUnavailable(self._to.provider, why, doubtful=True, reason=FailureReason.SERVER)
        self.ending = _ENDINGS.get(reason, FinishReason.STOP)

    def _end(self, events: list[ChatEvent]) -> None:
        if self.ending is None:
            raise ProviderBroken(self._to.provider, "the answer broke off before its end")
        if any(not call.given for call in self._calls):
            unusable = FailureReason.UNUSABLE
            raise ProviderBroken(self._to.provider, "a tool call has no name", doubtful=True, reason=unusable)
        reason = self.ending
        if self._calls and reason is FinishReason.STOP:
            reason = FinishReason.TOOL_CALLS
        elif reason is FinishReason.TOOL_CALLS and not self._calls:
            reason = FinishReason.STOP
        elif self._forced and reason is FinishReason.STOP:
            unusable = FailureReason.UNUSABLE
            raise ProviderBroken(
                self._to.provider, "the model was to call a tool, and did not", doubtful=True, reason=unusable
            )
        self.finished = True
        events.append(Finished(reason=reason, usage=_usage(self._usage), model=self._model or self._to.model))


_NOTHING_SAID: Final = Said()


def _texts(content: str | tuple[Piece, ...] | None) -> tuple[str, str]:
    """The text and the thoughts of a content, in whichever form it comes."""
    if content is None or isinstance(content, str):
        return content or "", ""
    thoughts = (
        piece.thinking if isinstance(piece.thinking, str) else "".join(one.text or "" for one in piece.thinking)
        for piece in content
        if piece.thinking
    )
    return "".join(piece.text or "" for piece in content), "".join(thoughts)


def _usage(told: WireUsage | None) -> Usage:
    told = told or WireUsage()
    prompt, completion = told.prompt_tokens_details, told.completion_tokens_details
    cached = prompt.cached_tokens if prompt is not None else told.prompt_cache_hit_tokens
    reasoning = completion.reasoning_tokens if completion is not None else None
    return Usage(
        prompt_tokens=counted(told.prompt_tokens),
        completion_tokens=counted(told.completion_tokens),
        cached_tokens=None if cached is None else counted(cached),
        reasoning_tokens=None if reasoning is None else counted(reasoning),
    )


def _logprobs(told: WireLogprobs | None) -> tuple[ChosenLogprob, ...]:
    """Raises `ValueError` for what no token is made of."""
    tokens = told.content if told is not None else None
    return tuple(
        ChosenLogprob(token=_token(one), top=tuple(map(_token, one.top_logprobs or ()))) for one in tokens or ()
    )


def _token(given: WireToken) -> TokenLogprob:
    return TokenLogprob(
        token=given.token, logprob=given.logprob, raw=None if given.bytes is None else bytes(given.bytes)
    )
