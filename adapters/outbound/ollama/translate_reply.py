"""From the vendor's answers, whole or in parts, to the domain's events. Pure."""

import json
from collections.abc import Sequence

from llm_gateway.domain.chat import AssistantMessage, FinishReason, Message, Usage, counted
from llm_gateway.domain.errors import ProviderBroken
from llm_gateway.domain.events import ChatEvent, Finished, ReasoningDelta, Started, TextDelta, ToolCallDelta
from llm_gateway.domain.routing import Endpoint

from .names import hold_local
from .vendor import ChatPart, PartToolCall


class OllamaReplyReader:
    """One answer's parts, as they come; a `whole` answer is one part. `conversation`: the messages that it answers."""

    def __init__(self, to: Endpoint, conversation: Sequence[Message], *, whole: bool) -> None:
        self._to = to
        self._whole = whole
        self._conversation = conversation
        self._ids: set[str] = set()
        self._spare = 0
        self._started = False
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
        if message.thinking:
            events.append(ReasoningDelta(text=self._utf8(message.thinking)))
        if message.content:
            events.append(TextDelta(text=self._utf8(message.content)))
        for call in message.tool_calls or ():
            events.append(self._call(call))
        if part.done:
            events.append(self._finish(part))
            self.finished = True
        if events and not self._started:
            self._started = True
            events.insert(0, Started(endpoint=self._to.id))
        return events

    def _call(self, call: PartToolCall) -> ToolCallDelta:
        # the SDK has read the arguments; written anew in the same order, and with numbers of any size
        arguments = json.dumps(call.function.arguments, ensure_ascii=False, separators=(",", ":"))
        return ToolCallDelta(
            index=len(self._ids),
            id=self._id(call),
            name=self._utf8(call.function.name),
            arguments=self._utf8(arguments),
        )

    def _id(self, call: PartToolCall) -> str:
        """The server's, if it gives one: old ones give none. No two of an answer are the same, whatever it gives."""
        id = call.id
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
