"""From the vendor's answers, whole or in parts, to the domain's events. Pure."""

import json
from collections.abc import Sequence

from llm_gateway.domain.chat import AssistantMessage, FinishReason, Message, Usage, counted
from llm_gateway.domain.errors import ProviderBroken
from llm_gateway.domain.events import ChatEvent, Finished, ReasoningDelta, Started, TextDelta, ToolCallDelta
from llm_gateway.domain.logprobs import ChosenLogprob
from llm_gateway.domain.routing import Endpoint

from .forced_tools import ForcedTools
from .names import hold_local
from .text_tokens import TextTokens
from .vendor import ChatPart, PartToolCall


class OllamaReplyReader:
    """One answer's parts, as they come; a `whole` answer is one part. `conversation`: the messages that it answers.

    Of an answer that is to be a `forced` call nothing but thoughts is given before its end. `ignored` is what the
    request went out without. `logprobs` are the paths of the fields that ask for log probabilities, named as ignored
    too where the server tells none: one before 0.12.11, or another that it asks itself. `heard`: the latest part had
    something to say, given or held.
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
    ) -> None:
        self._to = to
        self._whole = whole
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

    def events(self, part: ChatPart) -> Sequence[ChatEvent]:
        """Raises `ProviderBroken` for an end that is none, `ProviderMisconfigured` for an answer from outside."""
        self.elsewhere = bool(part.remote_host)
        if self.elsewhere:
            hold_local(self._to)
        if self._whole and not part.done:
            raise ProviderBroken(self._to.id.provider, "the answer broke off before its end")
        events: list[ChatEvent] = []
        message = part.message
        logprobs = _logprobs_of(self._tokens, part) if self._tokens is not None else ()
        if message.thinking:
            events.append(ReasoningDelta(text=self._utf8(message.thinking)))
        if self._forced is not None:
            self._held.append(message.content or "")
            self._held_calls += message.tool_calls or ()
        elif message.content:
            events.append(TextDelta(text=self._utf8(message.content), logprobs=logprobs))
        if part.done:
            length = part.done_reason == "length"
            events += self._forced_calls(self._forced, length=length) if self._forced is not None else ()
        if self._forced is None:
            events += map(self._call, message.tool_calls or ())
        if part.done:
            events.append(self._finish(part))
            self.finished = True
        self.heard = bool(events or message.content or message.tool_calls)
        if self.heard and not self._started:
            self._started = True
            told = self._tokens is not None and self._tokens.told
            ignored = self._ignored if told else (*self._ignored, *self._logprobs)
            events.insert(0, Started(endpoint=self._to.id, ignored=ignored))
        return events

    def _forced_calls(self, forced: ForcedTools, *, length: bool) -> Sequence[ToolCallDelta]:
        """Raises `ProviderBroken` where the answer is no call that was asked for, unless it was cut at its limit."""
        text = "".join(self._held)
        if self._held_calls:  # the server's own reader of calls was faster, and left nothing of the text
            said = [forced.called(call.function.name, _arguments(call)) for call in self._held_calls]
        else:
            said = [forced.said(self._utf8(text))]
        calls = [call for call in said if call is not None]
        if len(calls) == len(said):
            return [self._delta(None, name, arguments) for name, arguments in calls]
        if length:
            return ()
        raise ProviderBroken(self._to.id.provider, "the model was to call a tool, and did not", doubtful=True)

    def _call(self, call: PartToolCall) -> ToolCallDelta:
        return self._delta(call.id, call.function.name, _arguments(call))

    def _delta(self, given: str | None, name: str, arguments: str) -> ToolCallDelta:
        """Numbered here: some of the server's readers number every call 0."""
        index = len(self._ids)
        return ToolCallDelta(index=index, id=self._id(given), name=self._utf8(name), arguments=self._utf8(arguments))

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
        return self._utf8(id)

    def _utf8(self, text: str) -> str:
        """JSON can spell half a character, which no answer of ours could be made of."""
        if not text.isascii():
            text.encode()
        return text

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
        return Finished(
            reason=reason,
            usage=Usage(prompt_tokens=counted(part.prompt_eval_count), completion_tokens=counted(part.eval_count)),
            model=self._utf8(part.model or self._to.id.model),
        )


def _arguments(call: PartToolCall) -> str:
    """The SDK has read them; written anew in the same order, and with numbers of any size."""
    return json.dumps(call.function.arguments, ensure_ascii=False, separators=(",", ":"))


def _logprobs_of(tokens: TextTokens, part: ChatPart) -> tuple[ChosenLogprob, ...]:
    message = part.message
    return tokens.of_text(message.content or "", part.logprobs or (), thoughts=bool(message.thinking))
