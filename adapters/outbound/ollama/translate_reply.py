"""From the vendor's answers, whole or in parts, to the domain's events. Pure."""

import json
from collections.abc import Iterator

from llm_gateway.domain.chat import FinishReason, Usage, counted
from llm_gateway.domain.errors import ProviderBroken
from llm_gateway.domain.events import ChatEvent, Delta, Finished, ReasoningDelta, Started, TextDelta, ToolCallDelta
from llm_gateway.domain.routing import Endpoint

from .names import hold_local
from .vendor import ChatPart, PartToolCall


class OllamaReplyReader:
    """One answer's parts, as they come; a `whole` answer is one part.

    `calls_before`: how many tool calls the conversation held already.
    """

    def __init__(self, to: Endpoint, calls_before: int, *, whole: bool) -> None:
        self._to = to
        self._whole = whole
        self._calls_before = calls_before
        self._ids: set[str] = set()
        self._spare = 0
        self._started = False
        self.finished = False
        self.elsewhere = False

    def events(self, part: ChatPart) -> Iterator[ChatEvent]:
        """Raises `ProviderBroken` for an end that is none, `ProviderMisconfigured` for an answer from outside."""
        self.elsewhere = bool(part.remote_host)
        if self.elsewhere:
            hold_local(self._to)
        if self._whole and not part.done:
            raise ProviderBroken(self._to.id.provider, "the answer broke off before its end")
        events: list[ChatEvent] = list(self._deltas(part))
        if part.done:
            events.append(self._finish(part))
            self.finished = True
        if events and not self._started:
            self._started = True
            yield Started(endpoint=self._to.id)
        yield from events

    def _deltas(self, part: ChatPart) -> Iterator[Delta]:
        message = part.message
        if message.thinking:
            yield ReasoningDelta(text=self._utf8(message.thinking))
        if message.content:
            yield TextDelta(text=self._utf8(message.content))
        for call in message.tool_calls or ():
            index = len(self._ids)
            # the SDK has read the arguments; written anew in the same order, and with numbers of any size
            arguments = json.dumps(call.function.arguments, ensure_ascii=False, separators=(",", ":"))
            yield ToolCallDelta(
                index=index,
                id=self._id(call),
                name=self._utf8(call.function.name),
                arguments=self._utf8(arguments),
            )

    def _id(self, call: PartToolCall) -> str:
        """The server's, if it gives one: old ones give none. No two of an answer are the same, whatever it gives."""
        id = call.id
        self._spare = max(self._spare, self._calls_before + len(self._ids))
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
        return Finished(
            reason=self._reason(part.done_reason),
            usage=Usage(prompt_tokens=counted(part.prompt_eval_count), completion_tokens=counted(part.eval_count)),
            model=self._utf8(part.model or self._to.id.model),
        )

    def _reason(self, reason: str | None) -> FinishReason:
        """The server leaves the reason out where its own runner broke off, and still says `done`."""
        match reason:
            case "stop":
                return FinishReason.TOOL_CALLS if self._ids else FinishReason.STOP
            case "length":
                return FinishReason.LENGTH
            case "load" | "unload":
                raise ProviderBroken(self._to.id.provider, f"the model was to answer, and did {reason}")
            case _:
                raise ProviderBroken(self._to.id.provider, "the answer ended for no reason that is known")
