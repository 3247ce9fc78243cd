"""From the vendor's answers, whole or in parts, to the domain's events. Pure."""

from collections.abc import Iterable, Sequence

from llm_gateway.domain.chat import AssistantMessage, FinishReason, Message, Usage, counted
from llm_gateway.domain.errors import ProviderBroken
from llm_gateway.domain.events import ChatEvent, Finished, ReasoningDelta, Started, TextDelta, ToolCallDelta
from llm_gateway.domain.logprobs import ChosenLogprob
from llm_gateway.domain.routing import Endpoint

from .context import within
from .forced_tools import ForcedTools
from .names import hold_local
from .refusals import ReportedError, told_within
from .text_tokens import TextTokens
from .wire import ChatPart, PartToolCall, arguments_of


class OllamaReplyReader:
    """One answer's parts, as they come; a `whole` answer is one part. `conversation`: the messages that it answers.

    Of an answer that is to be a `forced` call nothing but thoughts is given before its end. `ignored` is what the
    request went out without. `context`: the tokens that the answer has to end within. `logprobs` are the paths of the
    fields that ask for log probabilities, named as ignored too where the server tells none: one before 0.12.11, or
    another that it asks itself.

    `heard`: although the latest parts gave nothing, one of them had something to say. `failure`: what is to be raised
    once the events before it are given.
    """

    def __init__(
        self,
        to: Endpoint,
        conversation: Sequence[Message],
        *,
        whole: bool,
        forced: ForcedTools | None = None,
        ignored: tuple[str, ...] = (),
        logprobs: tuple[str, ...] = (),
        context: int | None = None,
    ) -> None:
        self._to = to
        self._whole = whole
        self._plain = forced is None and not logprobs and not whole
        self._context = context
        self._conversation = conversation
        self._forced = forced
        self._ignored = ignored
        self._logprobs = logprobs
        self._tokens = TextTokens() if logprobs else None
        self._held: list[str] = []
        self._held_calls: list[PartToolCall] = []
        self._ids: set[str] = set()
        self._spare = 0
        self._started = False
        self.heard = False
        self.finished = False
        self.elsewhere = False
        self.failure: Exception | None = None

    def events(self, parts: Iterable[ChatPart]) -> Sequence[ChatEvent]:
        """Of the parts that came together, up to the end of the answer. May be none, of parts that say nothing.

        Raises `ProviderBroken` for an end that is none, `ProviderMisconfigured` for an answer from outside,
        `ReportedError` for the server's own, and what reading the parts raises.
        """
        events: list[ChatEvent] = []
        self.heard = False
        try:
            for part in parts:
                message = part.message
                text = message.content
                if self._plain and not (
                    part.done or message.thinking or message.tool_calls or part.remote_host or part.error
                ):
                    if text:  # almost every part is this
                        events.append(TextDelta(text=text))
                else:
                    events += self._read(part)
                    self.heard = self.heard or bool(text or message.tool_calls)
                    if self.finished:
                        break
        except Exception as error:
            if not events:
                raise
            self.failure = error
        if not self._started and (events or self.heard):
            self._started = True
            told = self._tokens is not None and self._tokens.told
            ignored = self._ignored if told else (*self._ignored, *self._logprobs)
            events.insert(0, Started(endpoint=self._to.id, ignored=ignored))
        return events

    def _read(self, part: ChatPart) -> list[ChatEvent]:
        """Of any part, the whole of it or nothing."""
        if part.error and not self._whole:
            raise ReportedError(told_within(part.error))
        self.elsewhere = bool(part.remote_host)
        if self.elsewhere:
            hold_local(self._to)
        if self._whole and not part.done:
            raise ProviderBroken(self._to.id.provider, "the answer broke off before its end")
        events: list[ChatEvent] = []
        message = part.message
        logprobs = _logprobs_of(self._tokens, part) if self._tokens is not None else ()
        if message.thinking:
            events.append(ReasoningDelta(text=message.thinking))
        if self._forced is not None:
            self._held.append(message.content or "")
            self._held_calls += message.tool_calls or ()
        elif message.content:
            events.append(TextDelta(text=message.content, logprobs=logprobs))
        if part.done:
            length = part.done_reason == "length"
            events += self._forced_calls(self._forced, length=length) if self._forced is not None else ()
        if self._forced is None:
            events += map(self._call, message.tool_calls or ())
        if part.done:
            events.append(self._finish(part))
            self.finished = True
        return events

    def _forced_calls(self, forced: ForcedTools, *, length: bool) -> Sequence[ToolCallDelta]:
        """Raises `ProviderBroken` where the answer is no call that was asked for, unless it was cut at its limit."""
        if self._held_calls:  # the server's own reader of calls was faster, and left nothing of the text
            said = [forced.called(call.function.name, arguments_of(call)) for call in self._held_calls]
        else:
            said = [forced.said("".join(self._held))]
        calls = [call for call in said if call is not None]
        if len(calls) == len(said):
            return [self._delta(None, name, arguments) for name, arguments in calls]
        if length:
            return ()
        raise ProviderBroken(self._to.id.provider, "the model was to call a tool, and did not", doubtful=True)

    def _call(self, call: PartToolCall) -> ToolCallDelta:
        return self._delta(call.id, call.function.name, arguments_of(call))

    def _delta(self, given: str | None, name: str, arguments: str) -> ToolCallDelta:
        """Numbered here: some of the server's readers number every call 0."""
        index = len(self._ids)
        return ToolCallDelta(index=index, id=self._id(given), name=name, arguments=arguments)

    def _id(self, given: str | None) -> str:
        """The server's, if it gives one: old ones give none. No two of an answer are the same, whatever it gives."""
        id = given
        if not id or id in self._ids:
            before = sum(len(one.tool_calls) for one in self._conversation if isinstance(one, AssistantMessage))
            self._spare = max(self._spare, before + len(self._ids))
        while not id or id in self._ids:
            id = f"call_{self._spare}"
            self._spare += 1
        self._ids.add(id)
        return id

    def _finish(self, part: ChatPart) -> Finished:
        """The server leaves the reason out where its own runner broke off, and still says `done`."""
        match part.done_reason:
            case "stop":
                reason = FinishReason.TOOL_CALLS if self._ids else FinishReason.STOP
            case "length":
                reason = FinishReason.LENGTH
            case "load" | "unload" as did:
                raise ProviderBroken(self._to.id.provider, f"the model was to answer, and did {did}")
            case _:
                raise ProviderBroken(self._to.id.provider, "the answer ended for no reason that is known")
        usage = Usage(prompt_tokens=counted(part.prompt_eval_count), completion_tokens=counted(part.eval_count))
        finished = Finished(reason=reason, usage=usage, model=part.model or self._to.id.model)
        return within(finished, self._context)


def _logprobs_of(tokens: TextTokens, part: ChatPart) -> tuple[ChosenLogprob, ...]:
    message = part.message
    return tokens.of_text(message.content or "", part.logprobs or (), thoughts=bool(message.thinking))
